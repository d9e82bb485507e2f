// What a link can be set to, as the channel service describes it, and which of it a choice uses.

import { getJson } from "./api.js";
import { inputField, selectField } from "./dom.js";

let settings = [];

/** Read the descriptions; without the channel service those that the transmitter knows. */
export async function loadSettings() {
  settings = await getJson("channel/link-settings").catch(() => getJson("page/link-settings.json"));
}

/** Every setting of a link. */
export const linkSettings = () => settings;

/** Name and unit of a setting, as a form shows them. */
export const titleOf = ({ title, unit }) => (unit ? `${title} [${unit}]` : title);

const isChosen = (chosen, { read_by: readers }) => Object.entries(readers).some(([name, values]) => values.includes(chosen[name]));

/** What a single instance needs beside its model, fading and CSI: the settings that one of these choices uses. */
export const settingsUsedBy = (chosen) => settings.filter((setting) => setting.is_overridable && isChosen(chosen, setting));

/** A field for a setting; `onChange` gets what was chosen or typed. */
export function settingField(setting, value, onChange) {
  const choices = Object.entries(setting.choices);
  const attributes = setting.type === "string" ? { type: "text", step: null } : {};
  const label = choices.length
    ? selectField(titleOf(setting), setting.name, choices, value, onChange)
    : inputField(titleOf(setting), setting.name, value, onChange, attributes);
  label.title = setting.description;
  return label;
}
