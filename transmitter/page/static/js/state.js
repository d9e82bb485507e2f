// What the address holds: every choice that a bookmark brings back.

const DEFAULTS = {
  view: "send", task: "", systems: "", sample: "", text: "", channel: "awgn", fading: "block", csi: "perfect",
  snr_db: "12", seed: "1", draw: "0", link: "default", settings: "page",
};

/** The current choices, all of them text. Keys beyond the defaults are settings that a choice needs. */
export const state = { ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(location.search)) };

/** Change choices and write them to the address; what is as by default is left out. */
export function update(changes) {
  Object.assign(state, changes);
  const kept = Object.entries(state).filter(([key, value]) => value !== "" && value !== DEFAULTS[key]);
  const search = new URLSearchParams(kept).toString();
  history.replaceState(null, "", search ? `?${search}` : location.pathname);
}
