// A link's SNR schedule: a curve whose points are dragged or moved by keys, and the same as lines "at,snr_db".

import { cssColour, h, round, selectField } from "./dom.js";
import { linkSettings } from "./settings.js";

const CHART_HEIGHT = 220;
const MOST_HANDLES = 64;
const SHOWN_DB = [-10, 25];
const SNR_STEP_DB = 0.5;
const FIRST_LENGTH = 100;
const FIRST_SNR_DB = 12;
const STEPS = { frame: 1, time_s: 0.1 };
const KEYS = { ArrowUp: [0, 1], ArrowDown: [0, -1], PageUp: [0, 10], PageDown: [0, -10], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** Lowest and highest SNR of a link [dB]. */
function allowedDb() {
  const { minimum, maximum } = linkSettings().find(({ name }) => name === "snr_db");
  return [minimum, maximum];
}

/** Lines "at,snr_db" of a schedule; empty where there is none. */
const asLines = ({ at, snr_db: snrs }) => at.map((position, index) => `${position},${snrs[index]}`).join("\n");

/** What the service takes as a schedule; what is no number goes as text, and the service says so. */
function asSchedule(lines, choices) {
  const rows = lines.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => line.split(","));
  const number = (word) => (word === undefined || word.trim() === "" || Number.isNaN(Number(word)) ? word ?? "" : Number(word));
  return { at: rows.map(([at]) => number(at)), snr_db: rows.map(([, snr]) => number(snr)), ...choices };
}

const isReadable = ({ at, snr_db: snrs }) => at.length > 0 && [...at, ...snrs].every((value) => typeof value === "number") &&
  at.every((value, index) => value >= 0 && (!index || value > at[index - 1]));

const within = (value, low, high) => Math.min(high, Math.max(low, value));
const rounded = (value, step) => Number((Math.round(value / step) * step).toFixed(6));

/** The schedule with one point elsewhere: between its neighbours, on the grid of steps, at an SNR that is allowed. */
function movePoint(schedule, index, at, snr_db) {
  const step = STEPS[schedule.over];
  const [before, after] = [schedule.at[index - 1] ?? -step, schedule.at[index + 1] ?? Infinity];
  return {
    ...schedule,
    at: schedule.at.with(index, rounded(within(at, before + step, after - step), step)),
    snr_db: schedule.snr_db.with(index, rounded(within(snr_db, ...allowedDb()), SNR_STEP_DB)),
  };
}

/** What the link does with it: the first SNR before the first point, the last one after the last, unless it repeats. */
function curveOf({ at, snr_db: snrs, repeats }, end) {
  const tail = repeats ? [[], []] : [[end], [snrs.at(-1)]];
  const head = at[0] > 0 ? [[0], [snrs[0]]] : [[], []];
  return [[...head[0], ...at, ...tail[0]], [...head[1], ...snrs, ...tail[1]]];
}

function newChart(schedule, place, onDraw) {
  const end = schedule.at.at(-1) * 1.15 || FIRST_LENGTH;
  const range = [Math.min(SHOWN_DB[0], ...schedule.snr_db) - 3, Math.max(SHOWN_DB[1], ...schedule.snr_db) + 3];
  const { linear, stepped } = window.uPlot.paths;
  const axis = { stroke: cssColour("--quiet"), grid: { stroke: cssColour("--line"), width: 1 } };
  return new window.uPlot({
    width: place.clientWidth, height: CHART_HEIGHT, legend: { show: false }, cursor: { show: false },
    hooks: { draw: [onDraw] },
    scales: { x: { time: false, range: [0, end] }, y: { range } },
    axes: [{ ...axis, label: schedule.over === "frame" ? "frame" : "time [s]" }, { ...axis, label: "SNR [dB]" }],
    series: [{}, {
      stroke: cssColour("--accent"), width: 2, points: { show: false },
      paths: schedule.interpolation === "linear" ? linear() : stepped({ align: 1 }),
    }],
  }, curveOf(schedule, end), place);
}

/** The curve with a handle for each point; `onChange` gets the schedule as it was changed. */
class ScheduleChart {
  constructor(place, onChange) {
    this.place = place;
    this.onChange = onChange;
  }

  /** Show a schedule; nothing where it has no points or cannot be read. */
  show(schedule) {
    this.chart?.destroy();
    this.chart = null;
    this.handles = [];
    if (!isReadable(schedule) || !this.place.clientWidth) return;
    this.schedule = schedule;
    this.chart = newChart(schedule, this.place, () => this.#layOut());
    if (schedule.at.length <= MOST_HANDLES) this.handles = schedule.at.map((_, index) => this.#handle(index));
    this.chart.over.append(...this.handles);
    this.chart.over.addEventListener("dblclick", (event) => this.#add(event));
  }

  #handle(index) {
    const handle = h("button", {
      type: "button", class: "handle", role: "slider", "aria-label": `Point ${index + 1}`, "aria-orientation": "vertical",
      "aria-valuemin": allowedDb()[0], "aria-valuemax": allowedDb()[1],
      onpointerdown: (event) => handle.setPointerCapture(event.pointerId),
      onpointermove: (event) => handle.hasPointerCapture(event.pointerId) && this.#move(index, ...this.#valuesAt(event)),
      onpointerup: () => { this.show(this.schedule); this.handles[index].focus(); },
      onkeydown: (event) => this.#onKey(index, event),
    });
    return handle;
  }

  /** Position and SNR [dB] under the pointer. */
  #valuesAt({ clientX, clientY }) {
    const { left, top } = this.chart.over.getBoundingClientRect();
    return [this.chart.posToVal(clientX - left, "x"), this.chart.posToVal(clientY - top, "y")];
  }

  #move(index, at, snr_db) {
    this.schedule = movePoint(this.schedule, index, at, snr_db);
    this.chart.setData(curveOf(this.schedule, this.chart.scales.x.max));
    this.onChange(this.schedule);
  }

  #onKey(index, event) {
    if (event.key === "Delete") this.#replace(this.schedule.at.toSpliced(index, 1), this.schedule.snr_db.toSpliced(index, 1));
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    const [right, up] = KEYS[event.key];
    const { at, snr_db: snrs, over } = this.schedule;
    this.#move(index, at[index] + right * STEPS[over], snrs[index] + up * SNR_STEP_DB);
  }

  /** A new point where the curve was pressed twice. */
  #add(event) {
    const [at, snr_db] = this.#valuesAt(event);
    const index = this.schedule.at.filter((other) => other < at).length;
    const step = STEPS[this.schedule.over];
    const isFree = (other) => other === undefined || Math.abs(other - at) >= step;
    if (!isFree(this.schedule.at[index - 1]) || !isFree(this.schedule.at[index])) return;
    this.#replace(this.schedule.at.toSpliced(index, 0, rounded(at, step)),
      this.schedule.snr_db.toSpliced(index, 0, rounded(snr_db, SNR_STEP_DB)));
  }

  #replace(at, snrs) {
    this.onChange({ ...this.schedule, at, snr_db: snrs });
    this.show({ ...this.schedule, at, snr_db: snrs });
  }

  /** Put the handles on the curve; the chart knows its scales once it has drawn. */
  #layOut() {
    this.handles.forEach((handle, index) => {
      const [at, snr_db] = [this.schedule.at[index], this.schedule.snr_db[index]];
      handle.style.left = `${this.chart.valToPos(at, "x")}px`;
      handle.style.top = `${this.chart.valToPos(snr_db, "y")}px`;
      handle.setAttribute("aria-valuenow", snr_db);
      handle.setAttribute("aria-valuetext", `${round(snr_db)} dB at ${at}`);
    });
  }
}

/** The editor of a schedule: `element`, and `read()` for what is drawn or typed. */
export function scheduleEditor(schedule) {
  const choices = {
    over: schedule?.over ?? "frame", interpolation: schedule?.interpolation ?? "hold", repeats: schedule?.repeats ?? false,
  };
  const area = h("textarea", { name: "snr_schedule", rows: 4, placeholder: "0,20\n100,0", oninput: () => draw() });
  area.value = schedule ? asLines(schedule) : "";
  const place = h("div", { class: "chart schedule", role: "group", "aria-label": "SNR over the schedule" });
  const chart = new ScheduleChart(place, (changed) => { area.value = asLines(changed); });
  const read = () => asSchedule(area.value, choices);
  const draw = () => chart.show(read());
  const choose = (key) => (value) => { choices[key] = key === "repeats" ? value === "yes" : value; draw(); };
  const addPoint = () => {
    const { at, snr_db: snrs } = read();
    const position = at.length ? Math.round(at.at(-1) + (at.at(-1) - (at.at(-2) ?? 0) || FIRST_LENGTH)) : 0;
    area.value = [area.value.trim(), `${position},${snrs.at(-1) ?? FIRST_SNR_DB}`].filter(Boolean).join("\n");
    draw();
  };
  const element = h("div", { "data-field": "snr_schedule" }, h("h3", {}, "SNR schedule"), place,
    h("div", { class: "row" }, h("button", { type: "button", onclick: addPoint }, "Add a point"),
      h("span", { class: "quiet" }, "Drag a point or move it with the arrow keys; Delete takes it away.")),
    h("div", { class: "fields" },
      selectField("Over", "over", [["frame", "frame number"], ["time_s", "time [s]"]], choices.over, choose("over")),
      selectField("Between points", "interpolation", [["hold", "hold"], ["linear", "linear"]], choices.interpolation,
        choose("interpolation")),
      selectField("Repeats", "repeats", [["no", "no"], ["yes", "yes"]], choices.repeats ? "yes" : "no", choose("repeats"))),
    h("label", {}, "As lines of: position,SNR [dB]; empty for no schedule", area));
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    requestAnimationFrame(draw);
  }).observe(place);
  return { element, read };
}
