// A link's SNR schedule: lines "at,snr_db" in a text box, and the curve that they make.

import { cssColour, h, selectField } from "./dom.js";

const CHART_HEIGHT = 180;

/** Lines "at,snr_db" of a schedule; empty where there is none. */
const asLines = (schedule) => (schedule ? schedule.at.map((at, index) => `${at},${schedule.snr_db[index]}`).join("\n") : "");

/** What the service takes as a schedule; what is no number goes as text, and the service says so. */
function asSchedule(lines, choices) {
  const rows = lines.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => line.split(","));
  const number = (word) => (word === undefined || word.trim() === "" || Number.isNaN(Number(word)) ? word ?? "" : Number(word));
  return { at: rows.map(([at]) => number(at)), snr_db: rows.map(([, snr]) => number(snr)), ...choices };
}

/** The editor of a schedule: `element`, and `read()` for what is typed. */
export function scheduleEditor(schedule) {
  const choices = {
    over: schedule?.over ?? "frame", interpolation: schedule?.interpolation ?? "hold", repeats: schedule?.repeats ?? false,
  };
  const area = h("textarea", { name: "snr_schedule", rows: 4, placeholder: "0,20\n100,0", oninput: () => draw() });
  area.value = asLines(schedule);
  const place = h("div", { class: "chart", role: "img", "aria-label": "SNR over the schedule" });
  let chart = null;

  function draw() {
    chart?.destroy();
    chart = null;
    const { at, snr_db: snrs } = asSchedule(area.value, choices);
    const isReadable = at.length && [...at, ...snrs].every((value) => typeof value === "number") &&
      at.every((value, index) => !index || value > at[index - 1]);
    if (!isReadable || !place.clientWidth) return;
    const { linear, stepped } = window.uPlot.paths;
    const axis = { stroke: cssColour("--quiet"), grid: { stroke: cssColour("--line"), width: 1 } };
    chart = new window.uPlot({
      width: place.clientWidth, height: CHART_HEIGHT, legend: { show: false }, scales: { x: { time: false } },
      axes: [{ ...axis, label: choices.over === "frame" ? "frame" : "time [s]" }, { ...axis, label: "SNR [dB]" }],
      series: [{}, {
        stroke: cssColour("--accent"), width: 2, points: { show: true },
        paths: choices.interpolation === "linear" ? linear() : stepped({ align: 1 }),
      }],
    }, [at, snrs], place);
  }

  const choose = (key) => (value) => { choices[key] = key === "repeats" ? value === "yes" : value; draw(); };
  const element = h("div", { "data-field": "snr_schedule" },
    h("label", {}, "SNR schedule, lines of: position,SNR [dB]; empty for none", area),
    h("div", { class: "fields" },
      selectField("Over", "over", [["frame", "frame number"], ["time_s", "time [s]"]], choices.over, choose("over")),
      selectField("Between points", "interpolation", [["hold", "hold"], ["linear", "linear"]], choices.interpolation,
        choose("interpolation")),
      selectField("Repeats", "repeats", [["no", "no"], ["yes", "yes"]], choices.repeats ? "yes" : "no", choose("repeats"))),
    place);
  requestAnimationFrame(draw);
  return { element, read: () => asSchedule(area.value, choices) };
}
