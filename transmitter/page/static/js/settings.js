// What can be chosen of a channel, and which further settings a choice needs. The names are those of the REST API.

export const CHANNELS = [
  ["awgn", "AWGN"], ["rayleigh", "Rayleigh"], ["rician", "Rician"], ["nakagami", "Nakagami"], ["tdl-a", "TDL-A"],
  ["tdl-b", "TDL-B"], ["tdl-c", "TDL-C"], ["tdl-d", "TDL-D"], ["tdl-e", "TDL-E"], ["trace", "recorded trace"],
];
export const FADINGS = [["block", "block"], ["symbol", "every symbol"], ["doppler", "Doppler"]];
export const CSI_MODES = [
  ["perfect", "perfect"], ["estimated", "estimated"], ["mismatched", "mismatched"], ["none", "none"],
];

/** Settings that only some choices use: shown where `applies` says so. */
export const FURTHER_SETTINGS = [
  { name: "k_factor_db", title: "K factor [dB]", value: "6", applies: (s) => s.channel === "rician" },
  { name: "nakagami_m", title: "Nakagami m", value: "2", applies: (s) => s.channel === "nakagami" },
  { name: "delay_spread_ns", title: "Delay spread [ns]", value: "100", applies: (s) => s.channel.startsWith("tdl-") },
  { name: "trace", title: "Trace", value: "", type: "text", applies: (s) => s.channel === "trace" },
  { name: "doppler_hz", title: "Doppler [Hz]", value: "70", applies: (s) => s.fading === "doppler" },
  { name: "frame_interval_ms", title: "Frame interval [ms]", value: "1", applies: (s) => s.fading === "doppler" },
  { name: "num_pilots", title: "Pilots", value: "4", applies: (s) => s.csi === "estimated" },
  { name: "csi_error_db", title: "CSI error [dB]", value: "-20", applies: (s) => s.csi === "mismatched" },
];
