// The sweep: the same input at every SNR, over several draws of the channel, drawn against SNR.

import { ServiceError, transmitEach } from "./api.js";
import { measure, measureTitle, referenceOf } from "./answers.js";
import { byId, cssColour, h, round, showError } from "./dom.js";
import { chosenSystems, currentQuery, currentTask, isComplete, session, sourceOfTask } from "./session.js";

const SNRS_DB = [-6, -3, 0, 3, 6, 9, 12, 15, 18];
const COLOURS = ["--accent", "--ink", "--good", "--bad", "--quiet"];
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2]];
const CHART_HEIGHT = 280;

let running = null;
let chart = null;
let drawn = null;

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

/** Draw what was measured so far: `curves` is {system: {snr: [values]}}. */
function draw() {
  chart?.destroy();
  const { title, curves } = drawn;
  const axis = { stroke: cssColour("--quiet"), grid: { stroke: cssColour("--line"), width: 1 }, ticks: { show: false } };
  const series = Object.keys(curves).map((system, index) => ({
    label: system, stroke: cssColour(COLOURS[index % COLOURS.length]), dash: DASHES[index % DASHES.length], width: 2,
    points: { show: true, size: 7 }, value: (_, value) => round(value, 3),
  }));
  const isShare = !title.endsWith("[dB]");
  chart = new window.uPlot({
    width: byId("sweep-chart").clientWidth, height: CHART_HEIGHT,
    scales: { x: { time: false, range: [SNRS_DB[0] - 0.5, SNRS_DB.at(-1) + 0.5] }, y: isShare ? { range: [-0.03, 1.03] } : {} },
    axes: [{ ...axis, label: "SNR [dB]", splits: () => SNRS_DB }, { ...axis, label: title, size: 60 }],
    series: [{ label: "SNR [dB]" }, ...series],
  }, [SNRS_DB, ...Object.values(curves).map((curve) => SNRS_DB.map((snr) => mean(curve[snr])))], byId("sweep-chart"));
}

function showNumbers() {
  const { title, curves } = drawn;
  const names = Object.keys(curves);
  const head = h("tr", {}, h("th", { class: "number" }, "SNR [dB]"), ...names.map((name) => h("th", { class: "number" }, name)));
  const rows = SNRS_DB.map((snr) => h("tr", {}, h("td", { class: "number" }, String(snr)),
    ...names.map((name) => h("td", { class: "number" }, round(mean(curves[name][snr]), 3)))));
  byId("sweep-table").replaceChildren(h("table", {}, h("caption", { class: "quiet" }, title), h("thead", {}, head),
    h("tbody", {}, ...rows)));
  byId("sweep-numbers").hidden = false;
}

function showRunning(isOn) {
  byId("sweep-start").hidden = isOn;
  byId("sweep-cancel").hidden = !isOn;
  byId("sweep-progress").hidden = !isOn;
}

/** Measure every point; from high SNR down, so that without a known truth the cleanest answer is the reference. */
async function run(signal, draws) {
  const { answer: kind } = currentTask();
  const [systems, source, { truth }] = [chosenSystems(), sourceOfTask(), session];
  const points = SNRS_DB.toReversed().flatMap((snr) => Array.from({ length: draws }, (_, number) => [snr, number]));
  const curves = Object.fromEntries(systems.map((name) => [name, Object.fromEntries(SNRS_DB.map((snr) => [snr, []]))]));
  let reference = null;
  let done = 0;
  for (const [snr, number] of points) {
    const query = currentQuery({ snr_db: snr, frame_number: number });
    for (const { system, result, error } of await transmitEach(query, systems, source, signal)) {
      if (error) throw new ServiceError(error);
      reference ??= referenceOf(kind, result, truth);
      curves[system][snr].push(measure(kind, result, source, reference));
    }
    done += 1;
    byId("sweep-progress").value = done / points.length;
    byId("sweep-state").textContent = `${done} of ${points.length} sent`;
    drawn = { title: measureTitle(kind, reference), curves };
    if (number === draws - 1) draw();
  }
  showNumbers();
}

async function start() {
  if (!isComplete()) {
    byId("sweep-state").textContent = "Choose an input first.";
    return;
  }
  const draws = Math.min(50, Math.max(1, Number(byId("sweep-draws").value) || 1));
  const own = new AbortController();
  running = own;
  showRunning(true);
  try {
    await run(own.signal, draws);
    byId("sweep-state").textContent = `Done: mean of ${draws} draw${draws > 1 ? "s" : ""} at each SNR.`;
  } catch (error) {
    if (running !== own) return;
    byId("sweep-state").textContent = error.name === "AbortError" ? "Cancelled." : "";
    if (error.name !== "AbortError") showError(byId("view-send"), error, byId("send-error"));
  } finally {
    if (running === own) {
      running = null;
      showRunning(false);
    }
  }
}

/** Stop a sweep and take its curve away, because the input is another one. */
export function resetSweep() {
  running?.abort();
  running = null;
  showRunning(false);
  chart?.destroy();
  chart = drawn = null;
  byId("sweep-numbers").hidden = true;
  byId("sweep-state").textContent = "";
}

/** Connect the buttons. */
export function setUpSweep() {
  byId("sweep-start").addEventListener("click", start);
  byId("sweep-cancel").addEventListener("click", () => running?.abort());
  new ResizeObserver(() => {
    if (chart) chart.setSize({ width: byId("sweep-chart").clientWidth, height: CHART_HEIGHT });
  }).observe(byId("sweep-chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn && draw());
}
