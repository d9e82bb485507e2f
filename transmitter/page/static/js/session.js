// What the view Send works with: tasks, systems and samples of the service, the chosen input, and the query it makes.

import { getJson, request } from "./api.js";
import { settingsUsedBy } from "./settings.js";
import { state, update } from "./state.js";

export const session = { tasks: [], systems: [], samples: [], links: [], source: {}, truth: "" };

/** Read what the service offers. */
export async function loadCatalogue() {
  const paths = ["tasks", "systems", "page/samples.json"];
  [session.tasks, session.systems, session.samples] = await Promise.all(paths.map((path) => getJson(path)));
}

/** Read which links there are. Without the channel service none is known, and sending says why. */
export async function loadLinks() {
  session.links = await getJson("channel/links").catch(() => []);
}

/** The chosen task; where the address names none, the first trained one whose answer is a picture: noise is seen in it. */
export function currentTask() {
  const trained = session.tasks.filter((task) => task.trained_in.length);
  return session.tasks.find((task) => task.name === state.task) ??
    trained.find((task) => task.answer === "image") ?? trained[0] ?? session.tasks[0];
}

/** Loaded systems that are trained for the chosen task. */
export const possibleSystems = () => session.systems.filter((system) => system.tasks.includes(currentTask().name));

/** Names of the chosen systems, in the order in which the service lists them. */
export function chosenSystems() {
  const wanted = state.systems.split(",");
  const possible = possibleSystems().map((system) => system.name);
  const chosen = possible.filter((name) => wanted.includes(name));
  return chosen.length ? chosen : possible.slice(0, 1);
}

export const samplesOfTask = () => session.samples.filter((sample) => sample.task === currentTask().name);

/** Options of the chosen systems that a client may choose for this task, [{option, systems}]; a name is there once. */
export function chosenOptions() {
  const found = new Map();
  for (const { name, options } of session.systems.filter((system) => chosenSystems().includes(system.name))) {
    for (const option of options) {
      if (option.tasks.length && !option.tasks.includes(currentTask().name)) continue;
      if (found.has(option.name)) found.get(option.name).systems.push(name);
      else found.set(option.name, { option, systems: [name] });
    }
  }
  return [...found.values()];
}

/** The key of an option in the state and the address. */
export const optionKey = (option) => `option.${option.name}`;

/** True once every input of the task is there. */
export const isComplete = () => currentTask().modalities.every((modality) => session.source[modality]);

/** The inputs of the task alone, in its order. */
export const sourceOfTask = () => Object.fromEntries(currentTask().modalities.map((name) => [name, session.source[name]]));

async function fileOf(path) {
  const blob = await (await request(`page/samples/${path}`)).blob();
  return new File([blob], path.split("/").pop(), { type: blob.type });
}

/** Take a sample's files and text as the input. */
export async function takeSample(sample) {
  const files = Object.entries(sample.files ?? {});
  const loaded = await Promise.all(files.map(async ([modality, path]) => [modality, await fileOf(path)]));
  session.source = { ...Object.fromEntries(loaded), ...(sample.text ? { text: sample.text } : {}) };
  session.truth = sample.truth ?? "";
  update({ sample: sample.name, text: "" });
}

/** Take one input that is no sample's; its truth is not known. */
export function takeInput(modality, value) {
  session.source = { ...session.source, [modality]: value };
  session.truth = "";
  if (modality === "text") update({ text: value, sample: state.sample && session.source.image ? state.sample : "" });
  else update({ sample: "" });
}

/** True where the link's own settings hold: its channel, its SNR or schedule, its seed and its next draw. */
export const followsLink = () => state.settings === "link";

function channelSettings() {
  if (followsLink()) return {};
  const further = settingsUsedBy(state).map(({ name, default: value }) => [name, state[name] ?? value]);
  return {
    channel: state.channel, fading: state.fading, csi: state.csi, snr_db: state.snr_db, seed: state.seed,
    frame_number: state.draw, ...Object.fromEntries(further),
  };
}

/** Parameters of POST /transmit, the systems apart; `changes` replace some of them. */
export function currentQuery(changes = {}) {
  const options = chosenOptions().map(({ option }) => [option.name, state[optionKey(option)]]);
  return {
    task: currentTask().name, link: state.link, ...channelSettings(), ...Object.fromEntries(options), ...changes,
  };
}
