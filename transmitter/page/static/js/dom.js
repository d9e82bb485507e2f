// Making and finding elements.

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element. `attributes` are set as attributes, functions as listeners ("onclick"), booleans as properties.
 * Text always goes in as text, so nothing that a service sends can become markup.
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") element[key] = value;
    else if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** A label with a select. `choices` are [value, text]; `onChange` gets the value. */
export function selectField(title, field, choices, value, onChange) {
  const options = choices.map(([key, text]) => h("option", { value: key, selected: key === value }, text));
  const select = h("select", { name: field, onchange: (event) => onChange(event.target.value) }, ...options);
  return h("label", { "data-field": field }, title, select);
}

/** A label with a field for a number or a text; `onChange` gets what was typed. */
export function inputField(title, field, value, onChange, attributes = {}) {
  const input = h("input", {
    type: "number", step: "any", name: field, value, ...attributes, onchange: (event) => onChange(event.target.value),
  });
  return h("label", { "data-field": field }, title, input);
}

/** Show an error where the refused value stands; without such a place in `root`, in `fallback`. */
export function showError(root, error, fallback) {
  const place = error.field && root.querySelector(`[data-field="${CSS.escape(error.field)}"]`);
  if (!place) {
    fallback.textContent = error.message;
    fallback.hidden = false;
    return;
  }
  place.classList.add("wrong");
  place.append(h("p", { class: "error placed", role: "alert" }, error.message));
}

/** Take away what `showError` showed. */
export function clearErrors(root, fallback) {
  root.querySelectorAll(".wrong").forEach((place) => place.classList.remove("wrong"));
  root.querySelectorAll(".error.placed").forEach((message) => message.remove());
  fallback.hidden = true;
}

/** What was typed as a number; as text where a browser's own numbers cannot hold it. */
export const numberOf = (text) =>
  (/^\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? text : Number(text));

/** A value of a CSS variable of the page. */
export const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A number with a few decimals, or a dash where there is none. */
export const round = (value, decimals = 1) =>
  value === null || value === undefined ? "–" : Number(value).toFixed(decimals);

/** A name of the interface as words: image_classification -> image classification. */
export const asWords = (name) => name.replaceAll("_", " ");
