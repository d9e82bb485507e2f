// What an instance cost: channel uses beside conventional codes, and the time of every hop.

import { h, round } from "./dom.js";

const AUDIO_BYTES_A_SECOND = 2 * 16000;
const JPEG_QUALITY = 0.75;

/** Names of the hops, in the order of the way; their sum is none of them. */
const hopsOf = (times) => Object.keys(times).filter((name) => name !== "total");

const jpegBytes = async (file) => {
  const bitmap = await createImageBitmap(file);
  const canvas = h("canvas", { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY); });
  return blob.size;
};

const seconds = (file) => new Promise((resolve) => {
  const url = URL.createObjectURL(file);
  const audio = new Audio(url);
  const finish = (value) => { URL.revokeObjectURL(url); resolve(value); };
  audio.addEventListener("loadedmetadata", () => finish(Number.isFinite(audio.duration) ? audio.duration : null));
  audio.addEventListener("error", () => finish(null));
});

const BYTES = {
  text: async (text) => ["UTF-8", new TextEncoder().encode(text).length],
  image: async (file) => ["JPEG", await jpegBytes(file)],
  audio: async (file) => ["16-bit PCM at 16 kHz", Math.round(AUDIO_BYTES_A_SECOND * (await seconds(file)))],
  video: async (file) => ["the clip's own file", file.size],
};

/**
 * What conventional codes would have cost: {name, bytes}, or null where the browser cannot read an input.
 * With QPSK and code rate 1/2 an information bit takes one channel use.
 */
export async function conventionalCost(source) {
  try {
    const parts = await Promise.all(Object.entries(source).map(([modality, value]) => BYTES[modality](value)));
    const bytes = parts.reduce((sum, [, size]) => sum + size, 0);
    return bytes ? { name: parts.map(([name]) => name).join(" + "), bytes } : null;
  } catch {
    return null;
  }
}

function ledgerRow({ name, uses, bytes, isFirst }, largest) {
  const fill = h("i");
  fill.style.width = `${(100 * Math.log10(1 + uses)) / Math.log10(1 + largest)}%`;
  const words = `${uses.toLocaleString("en")} uses, ${bytes.toLocaleString("en")} B`;
  return h("li", { class: isFirst ? "first" : "" }, h("em", {}, name), h("span", { class: "bar" }, fill), h("b", {}, words));
}

/** Bars of channel uses, on a logarithmic scale: each system, and a conventional code. */
export function ledger(results, conventional) {
  const rows = results.map(({ system, overhead }, index) => ({
    name: system, uses: overhead.channel_uses + overhead.num_pilots, bytes: overhead.payload_bytes, isFirst: index === 0,
  }));
  if (conventional) rows.push({ name: conventional.name, uses: 8 * conventional.bytes, bytes: conventional.bytes });
  const largest = Math.max(...rows.map((row) => row.uses));
  const [first] = results;
  const note = `Logarithmic scale. Bytes of a system are its symbols on the wire; the input had ${
    first.overhead.source_bytes.toLocaleString("en")} bytes. ${conventional
    ? "The last row is what a conventional code would send, at one bit a channel use (QPSK, code rate 1/2)." : ""}`;
  return [h("ul", { class: "bars ledger" }, ...rows.map((row) => ledgerRow(row, largest))), h("p", { class: "quiet" }, note)];
}

function hopTable(results) {
  const dot = (index) => h("span", { class: `dot hop-${index + 1}` });
  const hops = hopsOf(results[0].latency_ms);
  const head = hops.map((hop, index) => h("th", { scope: "col", class: "number" }, dot(index), hop));
  const rows = results.map(({ system, latency_ms: times }) => h("tr", {}, h("th", { scope: "row" }, system),
    ...hops.map((hop) => h("td", { class: "number" }, round(times[hop])))));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Time of every hop" },
    h("table", { class: "hop-table" }, h("thead", {}, h("tr", {}, h("td"), ...head)), h("tbody", {}, ...rows)));
}

/** One bar of five hops for each system, and the same as a table. */
export function latency(results) {
  const bars = results.flatMap(({ system, latency_ms: times }) => {
    const parts = hopsOf(times).map((hop, index) => {
      const part = h("i", { class: `hop-${index + 1}`, title: `${hop} ${round(times[hop])} ms` });
      part.style.flexGrow = Math.max(0, times[hop]);
      return part;
    });
    return [
      h("p", { class: "quiet" }, `${system}: ${round(times.total)} ms in all`),
      h("div", { class: "hops", "aria-hidden": "true" }, ...parts),
    ];
  });
  return [...bars, hopTable(results)];
}
