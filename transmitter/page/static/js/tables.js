// Tables of rows as the services send them: objects with the same keys.

import { asWords, h } from "./dom.js";

const isNumber = (value) => typeof value === "number";

/** A value as a cell shows it. */
export function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (isNumber(value)) return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function compare(first, second) {
  if (first === second) return 0;
  if (first === null || first === undefined) return 1;
  if (second === null || second === undefined) return -1;
  return isNumber(first) && isNumber(second) ? first - second : String(first).localeCompare(String(second));
}

/** A table whose columns sort the rows when their head is pressed, upwards and then downwards. */
export function sortableTable(rows, caption) {
  const names = Object.keys(rows[0] ?? {});
  const body = h("tbody");
  const heads = names.map((name) => h("th", { scope: "col", class: isNumber(rows[0][name]) ? "number" : "" }));
  let sorting = { name: "", isDown: false };
  const fill = () => {
    const sorted = sorting.name ? rows.toSorted((a, b) => compare(a[sorting.name], b[sorting.name])) : rows;
    const ordered = sorting.isDown ? sorted.toReversed() : sorted;
    body.replaceChildren(...ordered.map((row) => h("tr", {}, ...names.map((name) =>
      h("td", { class: isNumber(row[name]) ? "number" : "" }, shown(row[name]))))));
    heads.forEach((head, index) => {
      const order = sorting.isDown ? "descending" : "ascending";
      head.setAttribute("aria-sort", names[index] === sorting.name ? order : "none");
    });
  };
  heads.forEach((head, index) => {
    const sort = () => {
      const name = names[index];
      sorting = { name, isDown: sorting.name === name && !sorting.isDown };
      fill();
    };
    head.append(h("button", { type: "button", onclick: sort }, asWords(names[index])));
  });
  fill();
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, ...heads)), body));
}
