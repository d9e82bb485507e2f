// The view Reports: the channel service's reports as sortable tables, with filters and a download as CSV.

import { getJson, request } from "./api.js";
import { asWords, byId, clearErrors, h, inputField, selectField, showError } from "./dom.js";
import { session } from "./session.js";
import { state, update } from "./state.js";
import { sortableTable } from "./tables.js";

const KINDS = [
  ["overhead", "Overhead"], ["paper", "Overhead as in the paper"], ["latency", "Latency"], ["instances", "Single instances"],
];
const MOST_INSTANCES = 200;

const isoOf = (local) => (local ? new Date(local).toISOString() : "");

function query() {
  const narrowed = {
    task: state.report_task, link: state.report_link, since: isoOf(state.since), until: isoOf(state.until),
  };
  return state.report === "instances"
    ? { ...narrowed, limit: MOST_INSTANCES } : { ...narrowed, group_by: state.group_by ?? "task,system" };
}

async function attempt(work) {
  clearErrors(byId("view-reports"), byId("reports-error"));
  try {
    await work();
  } catch (error) {
    showError(byId("view-reports"), error, byId("reports-error"));
  }
}

async function read() {
  const kind = state.report ?? "overhead";
  const rows = await getJson(`channel/reports/${kind}`, { query: query() });
  const note = kind === "instances" && rows.length === MOST_INSTANCES ? ` (the latest ${MOST_INSTANCES})` : "";
  byId("report-state").textContent = `${rows.length} rows${note}`;
  byId("report-table").replaceChildren(rows.length
    ? sortableTable(rows, `Report: ${kind}`) : h("p", { class: "quiet" }, "No instance matches."));
}

async function download() {
  const kind = state.report ?? "overhead";
  const response = await request(`channel/reports/${kind}`, { query: { ...query(), format: "csv" } });
  const url = URL.createObjectURL(await response.blob());
  h("a", { href: url, download: `semcom-${kind}.csv` }).click();
  URL.revokeObjectURL(url);
}

/** Build the view once. */
export async function openReports() {
  const change = (key) => (value) => { update({ [key]: value }); attempt(read); };
  const text = { type: "text", step: null };
  const moment = { type: "datetime-local", step: null };
  const tasks = [["", "every task"], ...session.tasks.map((task) => [task.name, asWords(task.name)])];
  const time = (field, title) => inputField(title, field, state[field] ?? "", change(field), moment);
  byId("view-reports").append(h("section", { class: "panel" }, h("h2", {}, "Reports"),
    h("div", { class: "fields" },
      selectField("Report", "report", KINDS, state.report ?? "overhead", change("report")),
      selectField("Task", "task", tasks, state.report_task ?? "", change("report_task")),
      inputField("Link (empty: all)", "link", state.report_link ?? "", change("report_link"), text),
      inputField("Grouped by", "group_by", state.group_by ?? "task,system", change("group_by"), text),
      time("since", "Since"), time("until", "Until")),
    h("div", { class: "row" },
      h("button", { type: "button", class: "primary", onclick: () => attempt(read) }, "Read again"),
      h("button", { type: "button", onclick: () => attempt(download) }, "Download CSV"),
      h("span", { id: "report-state", class: "quiet", role: "status" })),
    h("p", { id: "reports-error", class: "error", role: "alert", hidden: true }),
    h("div", { id: "report-table" })));
  await attempt(read);
}
