// The view Send: choose an input and a channel, and see what each chosen system makes of it.

import { transmitEach } from "./api.js";
import { answerBody, answerMarks } from "./answers.js";
import { Constellation, errorPowerDb } from "./constellation.js";
import { conventionalCost, latency, ledger } from "./cost.js";
import { asWords, byId, clearErrors, h, inputField, round, selectField, showError } from "./dom.js";
import { setUpFall, stopFall } from "./snr_fall.js";
import { frameOf, runFeed } from "./feed.js";
import { listenForPaste, showInputs } from "./inputs.js";
import {
  chosenOptions, chosenSystems, currentQuery, currentTask, followsLink, isComplete, loadLinks, optionKey,
  possibleSystems, samplesOfTask, session, sourceOfTask, takeInput, takeSample,
} from "./session.js";
import { linkSettings, settingField, settingsUsedBy } from "./settings.js";
import { state, update } from "./state.js";
import { resetSweep, setUpSweep } from "./sweep.js";

const TYPING_PAUSE_MS = 350;
const AGAIN_MS = 2000;
const CHOSEN = ["channel", "fading", "csi"];
const PASSING = [0, 429, 503, 504];

const results = new Map();
let constellation;
let focused = "";
let controller = new AbortController();
let sending = { isBusy: false, isWanted: false };
let typing;
let again;

/** Send the current input once, by all chosen systems together. */
async function sendOnce({ signal }) {
  const source = sourceOfTask();
  try {
    const outcomes = await transmitEach(currentQuery(), chosenSystems(), source, signal);
    clearErrors(byId("view-send"), byId("send-error"));
    outcomes.forEach(({ system, result, error }) => (error ? showFailure(system, error) : showResult(system, result, source)));
    const total_ms = outcomes.reduce((sum, { result }) => sum + (result?.latency_ms.total ?? 0), 0);
    byId("send-state").textContent = `Answered in ${round(total_ms, 0)} ms`;
    await showCost(source);
  } catch (error) {
    if (error.name === "AbortError") return;
    clearErrors(byId("view-send"), byId("send-error"));
    showError(byId("view-send"), error, byId("send-error"));
    byId("send-state").textContent = "Not answered";
    stopFall();
    if (PASSING.includes(error.status)) tryAgain(signal);
  }
}

/** A service that is away or busy comes back: send again until it answers or something else is chosen. */
function tryAgain(signal) {
  byId("send-state").textContent = `Trying again every ${AGAIN_MS / 1000} s`;
  clearTimeout(again);
  again = setTimeout(() => { if (!signal.aborted) sendAll(); }, AGAIN_MS);
}

/** Send; while a request is under way only the latest choice waits, so that a slider never lags. */
async function sendAll() {
  if (!isComplete() || !chosenSystems().length) {
    byId("send-state").textContent = isComplete() ? "" : "Choose an input first.";
    return;
  }
  byId("send-state").textContent = "Sending …";
  document.querySelectorAll(".answer").forEach((card) => card.classList.add("pending"));
  const own = sending;
  own.isWanted = true;
  if (own.isBusy) return;
  own.isBusy = true;
  while (own.isWanted) {
    own.isWanted = false;
    await sendOnce(controller);
  }
  own.isBusy = false;
}

/** Forget what is under way and what came, because the input or the choice of systems is another one. */
function startOver() {
  controller.abort();
  controller = new AbortController();
  results.clear();
  stopFall();
  sending = { isBusy: false, isWanted: false };
  resetSweep();
}

/** Say in a system's card why it has no answer, while others have. */
function showFailure(system, error) {
  results.delete(system);
  const card = byId(`answer-${system}`);
  card.classList.remove("pending");
  card.querySelector(".marks").replaceChildren();
  card.querySelector(".body").replaceChildren(h("p", { class: "error" }, error.message));
}

function showResult(system, result, source) {
  const { truth } = session;
  const kind = currentTask().answer;
  const card = byId(`answer-${system}`);
  results.set(system, { result, source, truth });
  card.classList.remove("pending");
  card.querySelector(".marks").replaceChildren(...answerMarks(kind, result, truth));
  card.querySelector(".body").replaceChildren(...answerBody(kind, result, source, truth));
  if (system === focused) showConstellation();
}

async function showConstellation() {
  const shown = results.get(focused);
  if (!shown) return;
  const frame = await frameOf(shown.result.instance_id);
  if (results.get(focused) !== shown) return;
  if (!frame) {
    byId("constellation-caption").textContent = "The channel service shows no symbols of this instance.";
    return;
  }
  constellation.show(frame);
  const of = frame.channel_uses > frame.sent.length ? `${frame.sent.length} of ${frame.channel_uses}` : frame.sent.length;
  byId("constellation-caption").textContent =
    `${focused}: ${of} symbols, error after equalisation ${round(errorPowerDb(frame))} dB`;
}

async function showCost(source) {
  const shown = [...results.values()].map(({ result }) => result);
  byId("latency").replaceChildren(...latency(shown));
  const conventional = await conventionalCost(source);
  byId("ledger").replaceChildren(...ledger(shown, conventional));
}

function focusOn(system) {
  focused = system;
  document.querySelectorAll(".answer header button").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.value === system)));
  showConstellation();
}

function buildAnswers() {
  const names = chosenSystems();
  if (!names.includes(focused)) [focused] = names;
  byId("answers").replaceChildren(...names.map((name) => {
    const button = h("button", {
      type: "button", value: name, "aria-pressed": String(name === focused), onclick: () => focusOn(name),
    }, "symbols", h("span", { class: "hidden" }, ` of ${name}`));
    return h("article", { class: "answer pending", id: `answer-${name}`, "aria-label": `Answer of ${name}` },
      h("header", {}, h("span", { class: "tag" }, name), h("span", { class: "marks row-marks" }),
        names.length > 1 ? button : null),
      h("div", { class: "body" }));
  }));
  if (!names.length) {
    byId("answers").replaceChildren(h("p", { class: "quiet" }, "No loaded system is trained for this task."));
  }
}

function buildTasks() {
  const chips = session.tasks.map((task) => {
    const input = h("input", {
      type: "radio", name: "task", value: task.name, checked: task.name === currentTask().name,
      disabled: !task.trained_in.length, onchange: () => chooseTask(task.name),
    });
    return h("label", {}, input, h("span", {}, asWords(task.name)));
  });
  byId("tasks").append(...chips);
}

function buildSystems() {
  const chosen = chosenSystems();
  const legend = byId("systems").querySelector("legend");
  byId("systems").replaceChildren(legend, ...possibleSystems().map((system) => {
    const input = h("input", {
      type: "checkbox", value: system.name, checked: chosen.includes(system.name), onchange: chooseSystems,
    });
    return h("label", { title: system.description }, input, h("span", {}, system.name));
  }));
  buildOptions();
  buildAnswers();
}

function optionField({ option, systems }) {
  const key = optionKey(option);
  const title = option.unit ? `${asWords(option.name)} [${option.unit}]` : asWords(option.name);
  const value = state[key] ?? String(option.default);
  const change = (chosen) => { update({ [key]: chosen }); sendAll(); };
  const label = option.choices.length
    ? selectField(title, option.name, option.choices.map((choice) => [String(choice), String(choice)]), value, change)
    : inputField(title, option.name, value, change);
  label.title = option.description;
  label.append(h("small", {}, systems.join(", ")));
  return label;
}

function buildOptions() {
  const options = chosenOptions();
  const wasOpen = byId("system-options").querySelector("details")?.open ?? false;
  byId("system-options").replaceChildren(...(options.length ? [h("details", { open: wasOpen },
    h("summary", {}, "Options of the systems"), h("div", { class: "fields" }, ...options.map(optionField)))] : []));
}

function linkFields(change) {
  const names = [...new Set([...session.links.map((link) => link.name), state.link])].map((name) => [name, name]);
  return [
    selectField("Link", "link", names, state.link, change("link")),
    selectField("Settings", "settings", [["page", "chosen here"], ["link", "the link's own"]], state.settings, change("settings")),
  ];
}

function channelFields(change) {
  const chosen = linkSettings().filter(({ name }) => CHOSEN.includes(name));
  return [...chosen, ...settingsUsedBy(state)].map((setting) =>
    settingField(setting, state[setting.name] ?? String(setting.default), change(setting.name)));
}

/** Show the settings of the channel, or that the link's own hold. */
function buildChannel() {
  const change = (field) => (value) => { update({ [field]: value }); buildChannel(); sendAll(); };
  const isLinks = followsLink();
  const fields = [...(isLinks ? [] : channelFields(change)), ...linkFields(change)];
  byId("snr-field").hidden = byId("redraw").hidden = byId("fall").hidden = isLinks;
  const held = document.activeElement?.name;
  byId("channel-fields").replaceChildren(...fields);
  if (held) byId("channel-fields").querySelector(`[name="${CSS.escape(held)}"]`)?.focus();
  byId("snr").value = state.snr_db;
  byId("snr-value").textContent = `${round(state.snr_db)} dB`;
  byId("draw-caption").textContent = isLinks
    ? `Model, SNR and seed are those of link ${state.link}, which the view Links changes. Every send takes its next draw.`
    : `seed ${state.seed}, draw ${state.draw}: the same noise at every SNR`;
}

/** Offer the links that there are now. */
export async function showLinks() {
  await loadLinks();
  buildChannel();
}

/** Send at an SNR [dB]. */
function sendAt(snr_db) {
  update({ snr_db });
  byId("snr").value = snr_db;
  byId("snr-value").textContent = `${round(snr_db)} dB`;
  sendAll();
}

function buildSamples() {
  byId("samples").replaceChildren(...samplesOfTask().map((sample) => {
    const picture = sample.files?.image && h("img", { src: `page/samples/${sample.files.image}`, alt: "", loading: "lazy" });
    const words = sample.text ?? asWords(sample.name).replaceAll("-", " ");
    return h("button", {
      type: "button", "data-sample": sample.name, "aria-pressed": String(sample.name === state.sample),
      onclick: async () => { await takeSample(sample); showInput(); },
    }, picture, h("span", {}, words));
  }));
  byId("samples-title").hidden = !samplesOfTask().length;
}

/** Show the chosen input in its controls and send it. */
function showInput() {
  startOver();
  showInputs(byId("inputs"), currentTask().modalities, session.source, onInput,
    (error) => showError(byId("view-send"), error, byId("send-error")));
  markSample();
  buildAnswers();
  sendAll();
}

const markSample = () => byId("samples").querySelectorAll("button").forEach((button) =>
  button.setAttribute("aria-pressed", String(button.dataset.sample === state.sample)));

function onInput(modality, value) {
  takeInput(modality, value);
  if (modality !== "text") {
    showInput();
    return;
  }
  clearTimeout(typing);
  typing = setTimeout(() => { startOver(); markSample(); buildAnswers(); sendAll(); }, TYPING_PAUSE_MS);
}

async function chooseTask(name) {
  update({ task: name, sample: "", text: "" });
  await enterTask();
}

function chooseSystems() {
  const checked = [...byId("systems").querySelectorAll("input:checked")].map((input) => input.value);
  update({ systems: checked.join(",") });
  startOver();
  buildSystems();
  [...byId("systems").querySelectorAll("input")].find((input) => input.value === focused)?.focus();
  sendAll();
}

/** Show everything of the chosen task, with the sample or text of the address, else with its first sample. */
async function enterTask() {
  const task = currentTask();
  byId("task-description").replaceChildren(task.description,
    h("small", {}, "Pull the SNR down, or let it fall by itself, and watch what noise does to the answer."));
  session.source = {};
  session.truth = "";
  const { text } = state;
  const samples = samplesOfTask();
  const isOwnText = text && task.modalities.length === 1;
  const sample = samples.find(({ name }) => name === state.sample) ?? (isOwnText ? null : samples[0]);
  if (sample) await takeSample(sample);
  if (text) takeInput("text", text);
  buildSystems();
  buildSamples();
  showInput();
}

/** Build the view once; `session` holds the catalogue by now. */
export async function openSend() {
  constellation = new Constellation(byId("constellation"));
  buildTasks();
  buildChannel();
  showLinks();
  byId("snr").addEventListener("input", (event) => { stopFall(); sendAt(event.target.value); });
  setUpFall(sendAt, () => sending.isBusy);
  byId("redraw").addEventListener("click", () => {
    update({ draw: /^\d+$/.test(state.draw) ? String(BigInt(state.draw) + 1n) : "0" });
    buildChannel();
    sendAll();
  });
  byId("send-button").addEventListener("click", sendAll);
  listenForPaste(() => currentTask().modalities, onInput);
  setUpSweep();
  runFeed();
  await enterTask();
}
