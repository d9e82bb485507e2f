// Starts the page: reads the catalogue, opens the view that the address names, and switches views.

import { getJson } from "./api.js";
import { byId } from "./dom.js";
import { openLinks } from "./links.js";
import { openLive } from "./live.js";
import { openReports } from "./reports.js";
import { openSend, showLinks } from "./send.js";
import { loadCatalogue } from "./session.js";
import { loadSettings } from "./settings.js";
import { state, update } from "./state.js";

const VIEWS = { send: openSend, live: openLive, links: openLinks, reports: openReports };
const AGAIN = { send: showLinks };
const READY_EVERY_MS = 10_000;
const opened = new Set();

async function openView(name) {
  const view = name in VIEWS ? name : "send";
  document.querySelectorAll("main > section").forEach((section) => { section.hidden = section.id !== `view-${view}`; });
  byId("views").querySelectorAll("a").forEach((link) => {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (opened.has(view)) {
    await AGAIN[view]?.();
    return;
  }
  opened.add(view);
  await VIEWS[view]();
}

async function showReadiness() {
  try {
    await getJson("readyz");
    byId("status").textContent = "Services are ready";
  } catch (error) {
    byId("status").textContent = error.message;
  }
}

async function start() {
  byId("views").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    update({ view: link.dataset.view });
    openView(state.view);
  });
  showReadiness();
  setInterval(showReadiness, READY_EVERY_MS);
  try {
    await Promise.all([loadCatalogue(), loadSettings()]);
    await openView(state.view);
  } catch (error) {
    byId("status").textContent = error.message;
  }
}

start();
