// One stream of relayed frames for the whole page: the view Send looks up its own frame, the view Live shows all.

import { events } from "./api.js";

const KEPT_FRAMES = 64;
const WAIT_MS = 2000;
const PAUSE_MS = 2000;
const MAX_SYMBOLS = 256;

const recent = new Map();
const waiting = new Map();
const watchers = new Set();
let isRunning = false;

function keep(frame) {
  recent.set(frame.instance_id, frame);
  if (recent.size > KEPT_FRAMES) recent.delete(recent.keys().next().value);
  waiting.get(frame.instance_id)?.(frame);
  watchers.forEach((watcher) => watcher.onFrame(frame));
}

const report = (message) => watchers.forEach((watcher) => watcher.onState(message));

/** Watch every frame: `onFrame` gets it, `onState` an error message or "" once frames can come. */
export function watchFrames(onFrame, onState = () => {}) {
  const watcher = { onFrame, onState };
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Open the stream, and open it again whenever it ends. */
export async function runFeed() {
  if (isRunning) return;
  isRunning = true;
  for (;;) {
    try {
      report("");
      for await (const frame of events("channel/frames", { query: { max_symbols: MAX_SYMBOLS } })) keep(frame);
    } catch (error) {
      report(error.message);
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  }
}

/** The frame of an instance, or null where it does not come within two seconds. */
export function frameOf(instanceId) {
  if (recent.has(instanceId)) return Promise.resolve(recent.get(instanceId));
  return new Promise((resolve) => {
    const finish = (frame) => {
      waiting.delete(instanceId);
      resolve(frame);
    };
    waiting.set(instanceId, finish);
    setTimeout(() => finish(null), WAIT_MS);
  });
}
