// The view Send: choose an input and a channel, and see what each chosen system makes of it.

import { transmit } from "./api.js";
import { answerBody, answerMarks } from "./answers.js";
import { Constellation, errorPowerDb } from "./constellation.js";
import { conventionalCost, latency, ledger } from "./cost.js";
import { asWords, byId, clearErrors, h, inputField, round, selectField, showError } from "./dom.js";
import { frameOf, runFeed } from "./feed.js";
import { listenForPaste, showInputs } from "./inputs.js";
import {
  chosenSystems, currentTask, isComplete, optionKey, optionsOf, possibleSystems, queryFor, samplesOfTask, session,
  sourceOfTask, takeInput, takeSample,
} from "./session.js";
import { CHANNELS, CSI_MODES, FADINGS, FURTHER_SETTINGS } from "./settings.js";
import { state, update } from "./state.js";
import { resetSweep, setUpSweep } from "./sweep.js";

const TYPING_PAUSE_MS = 350;
const MOST_SHOWN_CHARS = 44;

const results = new Map();
const senders = new Map();
let constellation;
let focused = "";
let controller = new AbortController();
let typing;

/** Sends for one system; while a request is under way only the latest choice waits, so that a slider never lags. */
class Sender {
  constructor(system) {
    this.system = system;
    this.isBusy = this.isWanted = false;
  }

  async send() {
    this.isWanted = true;
    if (this.isBusy) return;
    this.isBusy = true;
    while (this.isWanted) {
      this.isWanted = false;
      await this.once();
    }
    this.isBusy = false;
  }

  async once() {
    const { signal } = controller;
    const source = sourceOfTask();
    try {
      const result = await transmit(queryFor(this.system), source, signal);
      if (signal.aborted) return;
      clearErrors(byId("view-send"), byId("send-error"));
      results.set(this.system, { result, source, truth: session.truth });
      showAnswer(this.system);
      await showCost(source);
    } catch (error) {
      if (error.name === "AbortError") return;
      clearErrors(byId("view-send"), byId("send-error"));
      showError(byId("view-send"), error, byId("send-error"));
      byId("send-state").textContent = "";
    }
  }
}

/** Send the current input over every chosen system. */
function sendAll() {
  if (!isComplete()) {
    byId("send-state").textContent = "Choose an input first.";
    return;
  }
  byId("send-state").textContent = "Sending …";
  document.querySelectorAll(".answer").forEach((card) => card.classList.add("pending"));
  chosenSystems().forEach((name) => {
    if (!senders.has(name)) senders.set(name, new Sender(name));
    senders.get(name).send();
  });
}

/** Forget what is under way and what came, because the input or the choice of systems is another one. */
function startOver() {
  controller.abort();
  controller = new AbortController();
  results.clear();
  senders.clear();
  resetSweep();
}

function showAnswer(system) {
  const { result, source, truth } = results.get(system);
  const kind = currentTask().answer;
  const card = byId(`answer-${system}`);
  if (!card) return;
  card.classList.remove("pending");
  card.querySelector(".marks").replaceChildren(...answerMarks(kind, result, truth));
  card.querySelector(".body").replaceChildren(...answerBody(kind, result, source, truth));
  const isPending = document.querySelector(".answer.pending");
  byId("send-state").textContent = isPending ? "Sending …" : `Answered in ${round(result.latency_ms.total, 0)} ms`;
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
  const of = frame.channel_uses > frame.sent.length ? `first ${frame.sent.length} of ${frame.channel_uses}` : frame.sent.length;
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

function optionField(system, option) {
  const key = optionKey(system, option);
  const title = option.unit ? `${asWords(option.name)} [${option.unit}]` : asWords(option.name);
  const value = state[key] ?? String(option.default);
  const change = (chosen) => { update({ [key]: chosen }); sendAll(); };
  const label = option.choices.length
    ? selectField(title, option.name, option.choices.map((choice) => [String(choice), String(choice)]), value, change)
    : inputField(title, option.name, value, change);
  label.title = option.description;
  return label;
}

function buildOptions() {
  const groups = chosenSystems().filter((name) => optionsOf(name).length).map((name) =>
    h("details", {}, h("summary", {}, `Options of ${name}`),
      h("div", { class: "fields" }, ...optionsOf(name).map((option) => optionField(name, option)))));
  byId("system-options").replaceChildren(...groups);
}

function buildChannel() {
  const change = (field) => (value) => { update({ [field]: value }); buildChannel(); sendAll(); };
  const fields = [
    selectField("Model", "channel", CHANNELS, state.channel, change("channel")),
    selectField("Fading", "fading", FADINGS, state.fading, change("fading")),
    selectField("Receiver's CSI", "csi", CSI_MODES, state.csi, change("csi")),
    ...FURTHER_SETTINGS.filter((setting) => setting.applies(state)).map((setting) =>
      inputField(setting.title, setting.name, state[setting.name] ?? setting.value, change(setting.name),
        setting.type ? { type: setting.type, step: null } : {})),
  ];
  const held = document.activeElement?.name;
  byId("channel-fields").replaceChildren(...fields);
  if (held) byId("channel-fields").querySelector(`[name="${CSS.escape(held)}"]`)?.focus();
  byId("snr").value = state.snr_db;
  byId("snr-value").textContent = `${round(state.snr_db)} dB`;
  byId("draw-caption").textContent = `seed ${state.seed}, draw ${state.draw}: the same noise at every SNR`;
}

function buildSamples() {
  byId("samples").replaceChildren(...samplesOfTask().map((sample) => {
    const picture = sample.files?.image && h("img", { src: `/page/samples/${sample.files.image}`, alt: "", loading: "lazy" });
    const words = sample.text ?? asWords(sample.name).replaceAll("-", " ");
    const shown = words.length > MOST_SHOWN_CHARS ? `${words.slice(0, MOST_SHOWN_CHARS)}…` : words;
    return h("button", {
      type: "button", "data-sample": sample.name, "aria-pressed": String(sample.name === state.sample),
      onclick: async () => { await takeSample(sample); showInput(); },
    }, picture, shown);
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
  byId("task-description").textContent = task.description;
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
  byId("snr").addEventListener("input", (event) => {
    update({ snr_db: event.target.value });
    byId("snr-value").textContent = `${round(state.snr_db)} dB`;
    sendAll();
  });
  byId("redraw").addEventListener("click", () => {
    update({ draw: String(Number(state.draw) + 1) });
    buildChannel();
    sendAll();
  });
  byId("send-button").addEventListener("click", sendAll);
  listenForPaste(() => currentTask().modalities, onInput);
  setUpSweep();
  runFeed();
  await enterTask();
}
