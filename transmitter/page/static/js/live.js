// The view Live: everybody's frames as they pass the channel.

import { Constellation } from "./constellation.js";
import { asWords, byId, h, inputField, round, selectField } from "./dom.js";
import { runFeed, watchFrames } from "./feed.js";
import { session } from "./session.js";
import { state, update } from "./state.js";

const KEPT_ROWS = 30;
const REDRAW_MS = 250;
const RATE_MS = 2000;

const COLUMNS = [
  ["time", (frame) => new Date(frame.time).toLocaleTimeString("en-GB")],
  ["task", (frame) => asWords(frame.task)], ["system", (frame) => frame.system], ["link", (frame) => frame.link],
  ["channel", (frame) => frame.channel], ["SNR [dB]", (frame) => round(frame.requested_snr_db)],
  ["realised", (frame) => round(frame.realised_snr_db)], ["uses", (frame) => String(frame.channel_uses)],
  ["status", (frame) => frame.status],
];

let frames = [];
let arrivals = [];
let isPaused = false;
let hasNews = false;
let numDropped = 0;
let constellation;

const isWanted = (frame) =>
  (!state.live_task || frame.task === state.live_task) && (!state.live_link || frame.link === state.live_link);

function onFrame(frame) {
  numDropped = frame.num_dropped;
  if (isPaused || !isWanted(frame)) return;
  const now = performance.now();
  arrivals.push(now);
  arrivals = arrivals.filter((time) => now - time < RATE_MS);
  frames = [frame, ...frames].slice(0, KEPT_ROWS);
  hasNews = true;
}

/** At most four times a second, however many frames come, and not while nobody looks. */
function redraw() {
  const since = performance.now() - RATE_MS;
  arrivals = arrivals.filter((time) => time > since);
  byId("live-rate").textContent =
    `${round(arrivals.length / (RATE_MS / 1000))} frames a second${numDropped ? `, ${numDropped} not shown` : ""}`;
  if (!hasNews || document.hidden || byId("view-live").hidden) return;
  hasNews = false;
  const [latest] = frames;
  if (latest) {
    constellation.show(latest, false);
    byId("live-caption").textContent = `Latest: ${asWords(latest.task)} by ${latest.system} on link ${latest.link}`;
  }
  byId("live-rows").replaceChildren(...frames.map((frame) =>
    h("tr", {}, ...COLUMNS.map(([, read]) => h("td", {}, read(frame))))));
}

function filters() {
  const choose = (key) => (value) => {
    update({ [key]: value });
    frames = frames.filter(isWanted);
    hasNews = true;
  };
  const tasks = [["", "every task"], ...session.tasks.map((task) => [task.name, asWords(task.name)])];
  return h("div", { class: "fields" },
    selectField("Task", "live_task", tasks, state.live_task ?? "", choose("live_task")),
    inputField("Link (empty: all)", "live_link", state.live_link ?? "", choose("live_link"), { type: "text", step: null }));
}

function pauseButton() {
  const button = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    button.textContent = isPaused ? "Go on" : "Pause";
  } }, "Pause");
  return button;
}

/** Build the view once. */
export async function openLive() {
  const canvas = h("canvas", { role: "img", "aria-label": "Constellation: no frame came yet" });
  const head = h("tr", {}, ...COLUMNS.map(([name]) => h("th", { scope: "col" }, name)));
  const table = h("table", {}, h("thead", {}, head), h("tbody", { id: "live-rows" }));
  byId("view-live").append(h("div", { class: "split" },
    h("section", { class: "panel" }, h("h2", {}, "Now on the air"), h("figure", { class: "constellation" }, canvas,
      h("figcaption", { id: "live-caption" }, "No frame came yet. Send something, here or with the command semcom.")),
    h("div", { class: "row" }, pauseButton(), h("span", { id: "live-rate", class: "quiet" })),
    h("p", { id: "live-error", class: "error", role: "alert", hidden: true })),
    h("section", { class: "panel" }, h("h2", {}, "Frames"), filters(),
      h("div", { class: "scroll frames", tabindex: "0", role: "group", "aria-label": "Frames, latest first" }, table))));
  constellation = new Constellation(canvas);
  watchFrames(onFrame, (message) => {
    byId("live-error").textContent = message;
    byId("live-error").hidden = !message;
  });
  runFeed();
  setInterval(redraw, REDRAW_MS);
}
