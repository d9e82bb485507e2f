// The constellation: sent, received and equalised symbols of one frame on a canvas.

import { cssColour, round } from "./dom.js";

const GLIDE_MS = 260;
const LAYERS = ["sent", "received", "equalised"];
const EMPTY = { sent: [], received: [], equalised: [] };
const MOST_LINES = 96;

/** 10 log10 of the mean |x_hat - x|^2 over the mean |x|^2 [dB]; null without symbols. */
export function errorPowerDb({ sent, equalised }) {
  if (!sent.length || !equalised.length) return null;
  let error = 0;
  let power = 0;
  sent.forEach(([i, q], index) => {
    error += (equalised[index][0] - i) ** 2 + (equalised[index][1] - q) ** 2;
    power += i ** 2 + q ** 2;
  });
  return power && error ? 10 * Math.log10(error / power) : null;
}

/** Half the side of the shown square: nearly all received and all sent symbols are inside. */
function reachOf(frame) {
  const largest = (points) => points.map(([i, q]) => Math.max(Math.abs(i), Math.abs(q))).sort((a, b) => a - b);
  const of = (points, share) => largest(points)[Math.floor((points.length - 1) * share)] ?? 0;
  return Math.min(6, Math.max(1.4, of(frame.sent, 1), of(frame.received, 0.95), of(frame.equalised, 0.95)) * 1.1);
}

const between = (from, to, share) => from + (to - from) * share;

export class Constellation {
  constructor(canvas) {
    this.canvas = canvas;
    this.shown = this.target = { ...EMPTY, reach: 1.6 };
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /**
   * Show a frame {sent, received, equalised}, lists of [I, Q].
   * @param glides  Whether points glide from where they were: only where both frames are of the same input.
   */
  show(frame, glides = true) {
    const error = errorPowerDb(frame);
    const words = `${frame.sent.length} symbols; error after equalisation ${round(error)} dB`;
    this.canvas.setAttribute("aria-label", `Constellation: ${frame.sent.length ? words : "no symbols"}`);
    this.from = this.shown;
    this.target = { ...frame, reach: reachOf(frame) };
    this.started = performance.now();
    this.still = !glides || matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden;
    if (this.still) this.#step(Infinity);
    else requestAnimationFrame((now) => this.#step(now));
  }

  #step(now) {
    const progress = Math.min(1, (now - this.started) / GLIDE_MS);
    const share = 1 - (1 - Math.max(0, progress)) ** 3;
    const mix = (name) => this.target[name].map(([i, q], index) => {
      const [fromI, fromQ] = this.from[name][index] ?? this.target.sent[index] ?? [i, q];
      return [between(fromI, i, share), between(fromQ, q, share)];
    });
    this.shown = { reach: between(this.from.reach, this.target.reach, share) };
    LAYERS.forEach((name) => { this.shown[name] = mix(name); });
    this.#draw();
    if (progress < 1) requestAnimationFrame((later) => this.#step(later));
  }

  #draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.translate(width / 2, height / 2);
    const unit = Math.min(width, height) / 2 / this.shown.reach;
    this.#axes(context, width, height, unit);
    this.#points(context, unit);
  }

  #axes(context, width, height, unit) {
    context.strokeStyle = cssColour("--line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(-width / 2, 0);
    context.lineTo(width / 2, 0);
    context.moveTo(0, -height / 2);
    context.lineTo(0, height / 2);
    for (let radius = 1; radius <= this.shown.reach; radius += 1) {
      context.moveTo(radius * unit, 0);
      context.arc(0, 0, radius * unit, 0, 2 * Math.PI);
    }
    context.stroke();
    context.fillStyle = cssColour("--quiet");
    context.font = "12px system-ui, sans-serif";
    context.fillText("I", width / 2 - 12, -6);
    context.fillText("Q", 7, 14 - height / 2);
    context.fillText("1", unit + 4, 14);
  }

  #points(context, unit) {
    const { sent, received, equalised } = this.shown;
    const isDense = sent.length > MOST_LINES;
    const size = isDense ? 2.6 : 4.6;
    const dot = ([i, q], radius) => {
      context.moveTo(i * unit + radius, -q * unit);
      context.arc(i * unit, -q * unit, radius, 0, 2 * Math.PI);
    };
    context.globalAlpha = 0.6;
    context.fillStyle = cssColour("--received");
    context.beginPath();
    received.forEach((point) => dot(point, size * 0.75));
    context.fill();
    context.globalAlpha = 0.35;
    context.strokeStyle = cssColour("--equalised");
    context.beginPath();
    if (!isDense) {
      equalised.forEach(([i, q], index) => {
        context.moveTo(sent[index][0] * unit, -sent[index][1] * unit);
        context.lineTo(i * unit, -q * unit);
      });
    }
    context.stroke();
    context.strokeStyle = cssColour("--sent");
    context.globalAlpha = isDense ? 0.55 : 0.95;
    context.lineWidth = isDense ? 1 : 1.7;
    context.beginPath();
    sent.forEach((point) => dot(point, size + (isDense ? 0.4 : 1.4)));
    context.stroke();
    context.globalAlpha = 0.95;
    context.fillStyle = cssColour("--equalised");
    context.beginPath();
    equalised.forEach((point) => dot(point, size));
    context.fill();
  }
}
