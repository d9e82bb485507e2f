// The inputs of a task: text box, picture, sound, clip; each by file, and where it makes sense by paste or recording.

import { h } from "./dom.js";

const TITLES = { text: "Text", image: "Picture", audio: "Sound", video: "Clip" };
const ACCEPTED = { image: "image/*", audio: "audio/*", video: "video/*" };
const HINTS = {
  image: "Drop, paste or choose a picture", audio: "Drop or choose a sound file", video: "Drop or choose a clip",
};
const TINY_PIXELS = 96;

let urls = [];

function objectUrl(file) {
  const url = URL.createObjectURL(file);
  urls.push(url);
  return url;
}

function preview(modality, file, name) {
  const url = objectUrl(file);
  if (modality === "audio") return h("audio", { src: url, controls: true, "aria-label": name });
  if (modality === "video") return h("video", { src: url, controls: true, muted: true, loop: true, "aria-label": name });
  const image = h("img", { src: url, alt: name });
  image.addEventListener("load", () => image.classList.toggle("tiny", image.naturalWidth <= TINY_PIXELS));
  return image;
}

function textInput(source, onInput) {
  const area = h("textarea", { name: "text", id: "input-text", maxlength: 2000, oninput: () => onInput("text", area.value) });
  area.value = source.text ?? "";
  return h("div", { class: "input", "data-field": "text" }, h("label", { for: "input-text" }, TITLES.text), area);
}

function dropZone(modality, onInput) {
  const take = (files) => files.length && onInput(modality, files[0]);
  const input = h("input", {
    type: "file", accept: ACCEPTED[modality], "aria-label": HINTS[modality], name: modality,
    onchange: (event) => take(event.target.files),
  });
  const zone = h("div", { class: "drop" }, input, h("span", { "aria-hidden": "true" }, HINTS[modality]));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
  return zone;
}

const stopTracks = (stream) => stream.getTracks().forEach((track) => track.stop());

/** Record from the microphone until the button is pressed again. */
function recordButton(onInput, onError) {
  let recorder = null;
  const button = h("button", { type: "button", onclick: async () => {
    if (recorder?.state === "recording") {
      recorder.stop();
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const chunks = [];
      recorder = new MediaRecorder(stream);
      recorder.addEventListener("dataavailable", (event) => chunks.push(event.data));
      recorder.addEventListener("stop", () => {
        stopTracks(stream);
        button.textContent = "Record again";
        onInput("audio", new File(chunks, "recording", { type: recorder.mimeType }));
      });
      recorder.start();
      button.textContent = "Stop the recording";
    } catch (error) {
      onError({ field: "audio", message: `The microphone cannot be used: ${error.message}` });
    }
  } }, "Record");
  return button;
}

/** Show the camera; the second press takes the picture. */
function cameraButton(place, onInput, onError) {
  let video = null;
  const button = h("button", { type: "button", onclick: async () => {
    if (video) {
      const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      stopTracks(video.srcObject);
      video = null;
      canvas.toBlob((blob) => onInput("image", new File([blob], "camera.png", { type: "image/png" })), "image/png");
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      video = h("video", { autoplay: true, muted: true, "aria-label": "Camera" });
      video.srcObject = stream;
      place.replaceChildren(video);
      button.textContent = "Take the picture";
    } catch (error) {
      onError({ field: "image", message: `The camera cannot be used: ${error.message}` });
    }
  } }, "Camera");
  return button;
}

function fileInput(modality, source, onInput, onError) {
  const shown = h("div", { class: "preview" });
  if (source[modality]) shown.append(preview(modality, source[modality], `${TITLES[modality]} to send`));
  const buttons = h("div", { class: "row" });
  if (modality === "audio") buttons.append(recordButton(onInput, onError));
  if (modality === "image") buttons.append(cameraButton(shown, onInput, onError));
  return h("div", { class: "input", "data-field": modality }, h("p", { class: "quiet" }, TITLES[modality]), shown,
    dropZone(modality, onInput), buttons);
}

/**
 * Fill `root` with the inputs of a task.
 * @param modalities  Of the task.
 * @param source      What is chosen already, by modality.
 * @param onInput     Called with the modality and the new text or file.
 * @param onError     Called with {field, message}.
 */
export function showInputs(root, modalities, source, onInput, onError) {
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  root.replaceChildren(...modalities.map((modality) =>
    modality === "text" ? textInput(source, onInput) : fileInput(modality, source, onInput, onError)));
}

/** Take pasted pictures, sounds and clips where the task has such an input. */
export function listenForPaste(modalitiesNow, onInput) {
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    const modality = file && modalitiesNow().find((name) => file.type.startsWith(`${name}/`));
    if (modality) onInput(modality, file);
  });
}
