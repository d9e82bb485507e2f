// The view Links: every link with its settings, editable in place, and the changes that were made to it.

import { getJson, request, sendJson } from "./api.js";
import { byId, clearErrors, h, numberOf, showError } from "./dom.js";
import { scheduleEditor } from "./schedule.js";
import { linkSettings, settingField, titleOf } from "./settings.js";
import { state, update } from "./state.js";
import { shown, sortableTable } from "./tables.js";

const LISTED = ["name", "channel", "fading", "snr_db", "csi"];

let links = [];
let changed = {};

const pathOf = (name) => `channel/links/${encodeURIComponent(name)}`;
const chosen = () => links.find((link) => link.name === state.edit) ?? links[0];

async function attempt(work) {
  clearErrors(byId("view-links"), byId("links-error"));
  try {
    await work();
  } catch (error) {
    showError(byId("view-links"), error, byId("links-error"));
  }
}

async function readLinks() {
  links = await getJson("channel/links");
  const rows = links.map((link) => h("tr", {}, ...LISTED.map((name) => h("td", {}, name === "name"
    ? h("button", { type: "button", "aria-pressed": String(link.name === chosen().name), onclick: () => attempt(() => edit(link.name)) },
      link.name)
    : shown(link[name])))));
  const titles = Object.fromEntries(linkSettings().map((setting) => [setting.name, titleOf(setting)]));
  const head = LISTED.map((name) => h("th", { scope: "col" }, titles[name] ?? "Link"));
  byId("links-table").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)));
}

async function edit(name) {
  update({ edit: name });
  await readLinks();
  showForm();
  await showChanges();
}

/** One field for each setting; only what is changed is sent. */
function showForm() {
  const link = chosen();
  changed = {};
  const note = ({ name, type }) => (value) => {
    changed[name] = type === "string" ? value : value === "" ? null : numberOf(value);
  };
  const schedule = scheduleEditor(link.snr_schedule);
  const before = JSON.stringify(schedule.read());
  const save = async () => {
    const typed = schedule.read();
    if (JSON.stringify(typed) !== before) changed.snr_schedule = typed;
    await sendJson(pathOf(link.name), "PATCH", changed);
    byId("links-state").textContent = "Saved: it holds from the next frame on.";
    await edit(link.name);
  };
  const remove = async () => {
    await request(pathOf(link.name), { method: "DELETE" });
    await edit("default");
  };
  byId("link-form").replaceChildren(h("h2", {}, `Settings of ${link.name}`), h("div", { class: "fields" },
    ...linkSettings().map((setting) => settingField(setting, link[setting.name], note(setting)))),
  schedule.element, h("div", { class: "row" },
    h("button", { type: "button", class: "primary", onclick: () => attempt(save) }, "Save"),
    h("button", { type: "button", disabled: link.name === "default", onclick: () => attempt(remove) }, "Delete this link"),
    h("span", { id: "links-state", class: "quiet", role: "status" })));
}

async function showChanges() {
  const rows = await getJson(`${pathOf(chosen().name)}/changes`);
  const latestFirst = rows.toReversed().map(({ time, action, origin, settings }) => ({
    time: new Date(time).toLocaleString("en-GB"), action, by: origin, settings,
  }));
  byId("link-changes").replaceChildren(h("h2", {}, "Changes"), latestFirst.length
    ? sortableTable(latestFirst, "Changes of the link, latest first") : h("p", { class: "quiet" }, "Nothing was changed yet."));
}

async function create() {
  const name = byId("new-link").value.trim();
  if (!name) return;
  await sendJson(pathOf(name), "PATCH", {});
  byId("new-link").value = "";
  await edit(name);
}

/** Build the view once. */
export async function openLinks() {
  byId("view-links").append(h("div", { class: "split" },
    h("div", { class: "stack" },
      h("section", { class: "panel" }, h("h2", {}, "Links"),
        h("div", { class: "scroll", id: "links-table", tabindex: "0", role: "group", "aria-label": "Links" }),
        h("div", { class: "row", "data-field": "name" }, h("label", { for: "new-link" }, "New link"),
          h("input", { id: "new-link", type: "text", maxlength: 64 }),
          h("button", { type: "button", onclick: () => attempt(create) }, "Create")),
        h("p", { id: "links-error", class: "error", role: "alert", hidden: true })),
      h("section", { class: "panel", id: "link-changes" })),
    h("section", { class: "panel", id: "link-form" })));
  await attempt(() => edit(state.edit ?? "default"));
}
