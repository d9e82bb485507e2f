// What the receiver made of an instance, by the kind of the task's answer.

import { asWords, h, round } from "./dom.js";
import { alignWords, splitWords, wordAccuracy } from "./words.js";

const MOST_BARS = 5;
const MODEL_SIDE = 32;

function bars(probabilities, most) {
  const rows = Object.entries(probabilities).slice(0, most).map(([label, probability], index) => {
    const fill = h("i");
    fill.style.width = `${100 * probability}%`;
    return h("li", { class: index === 0 ? "first" : "" }, h("em", {}, label), h("span", { class: "bar" }, fill),
      h("b", {}, `${round(100 * probability, probability > 0.9995 ? 0 : 1)} %`));
  });
  return h("ul", { class: "bars" }, ...rows);
}

/** Text with the wrong words marked: what came is struck out where it is wrong, what was sent stands beside it. */
function markedText(sent, received) {
  if (!received.trim()) return h("p", { class: "said long" }, "(nothing came back)");
  const steps = alignWords(splitWords(sent), splitWords(received));
  const parts = steps.flatMap(([kind, before, after]) => {
    if (kind === "same") return [after, " "];
    const wrong = after && h("del", { title: "came back wrong" }, after);
    const right = before && h("ins", { title: "was sent" }, before);
    return [wrong, " ", right, " "].filter(Boolean);
  });
  const isWrong = steps.some(([kind]) => kind !== "same");
  const legend = h("small", { class: "quiet" }, h("del", {}, "came back wrong"), " ", h("ins", {}, "was sent"));
  return h("p", { class: "said long" }, ...parts, isWrong ? legend : null);
}

/** Both pictures at the size at which the picture crosses the link. */
function pictures(source, answer) {
  const before = h("canvas", { width: MODEL_SIDE, height: MODEL_SIDE, role: "img", "aria-label": "Picture as sent" });
  createImageBitmap(source.image).then((bitmap) => {
    const context = before.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, MODEL_SIDE, MODEL_SIDE);
  });
  const after = h("img", { src: `data:image/png;base64,${answer.image_png_base64}`, alt: "Picture as it came back" });
  return h("div", { class: "pictures" },
    h("figure", {}, before, h("figcaption", {}, "sent")), h("figure", {}, after, h("figcaption", {}, "came back")));
}

function verdict(isRight) {
  return h("span", { class: `verdict ${isRight ? "right" : "not"}` }, isRight ? "✓ right" : "✗ wrong");
}

const asShare = (reference, answer) => wordAccuracy(reference, answer.text);
const wordsRight = (reference, answer) => [["words right", `${round(100 * asShare(reference, answer), 0)} %`]];

/** Mean probability of the labels that count as right. */
function probabilityOf(labels, answer) {
  const sum = labels.reduce((total, label) => total + (answer.probabilities[label] ?? 0), 0);
  return sum / Math.max(1, labels.length);
}

/**
 * A row a kind of answer, as GET /tasks states it. `truth` is that of the sample; "" where it is not known.
 *
 * body       what the card shows of an answer
 * figures    further figures beside it, as [name, value with unit]
 * isRight    whether the answer is the truth; null where it may be so in part
 * reference  what counts as right in a sweep: the truth, else what `result` answered
 * measure    what a sweep draws
 * title      of the axis of a sweep
 */
const KINDS = {
  label: {
    body: (answer) => [h("p", { class: "said" }, answer.label), bars(answer.probabilities, MOST_BARS)],
    isRight: (answer, truth) => answer.label === truth,
    reference: (answer, truth) => (truth && truth in answer.probabilities ? truth : answer.label),
    measure: ({ answer }, _, reference) => probabilityOf([reference], answer),
    title: (reference) => `probability of ${asWords(reference)}`,
  },
  labels: {
    body: (answer) => [
      h("p", { class: "said" }, answer.labels.join(", ") || "none"), bars(answer.probabilities, MOST_BARS + 3)],
    figures: (answer, source, truth) => (truth ? [["truth", truth]] : []),
    reference: (answer, truth) => (truth ? truth.split(", ") : answer.labels),
    measure: ({ answer }, _, reference) => probabilityOf(reference, answer),
    title: (reference) => `probability of ${asWords(reference.join(", ") || "nothing")}`,
  },
  text: {
    body: (answer, source) => [markedText(source.text, answer.text)],
    figures: (answer, source) => wordsRight(source.text, answer),
    measure: ({ answer }, source) => asShare(source.text, answer),
    title: () => "word accuracy",
  },
  transcript: {
    body: (answer, source, truth) => [
      truth ? markedText(truth, answer.text) : h("p", { class: "said" }, answer.text || "(nothing came back)")],
    figures: (answer, source, truth) => (truth ? wordsRight(truth, answer) : []),
    reference: (answer, truth) => truth || answer.text || "",
    measure: ({ answer }, _, reference) => asShare(reference, answer),
    title: () => "word accuracy",
  },
  image: {
    body: (answer, source) => [pictures(source, answer)],
    measure: ({ scores }) => scores.psnr_db,
    title: () => "PSNR [dB]",
  },
};

/** Figures of an answer, as [name, value with unit]. */
function figures(kind, result, source, truth) {
  const scores = result.scores;
  const rows = [];
  if (scores.psnr_db !== undefined) rows.push(["PSNR", `${round(scores.psnr_db)} dB`]);
  if (scores.bleu !== undefined) rows.push(["BLEU", round(scores.bleu, 3)]);
  rows.push(...(KINDS[kind].figures?.(result.answer, source, truth) ?? []));
  rows.push(["requested", `${round(result.requested_snr_db)} dB`]);
  rows.push(["realised", `${round(result.realised_snr_db)} dB`]);
  rows.push(["equalised", `${round(result.post_equalisation_snr_db)} dB`]);
  return rows;
}

/**
 * The card of one system's answer.
 * @param kind    Of the answer, as GET /tasks states it.
 * @param result  Of POST /transmit.
 * @param source  What was sent.
 * @param truth   Of the sample; "" where it is not known.
 */
export function answerBody(kind, result, source, truth) {
  const numbers = figures(kind, result, source, truth).map(([name, value]) => h("span", {}, `${name} `, h("b", {}, value)));
  return [...KINDS[kind].body(result.answer, source, truth), h("p", { class: "numbers" }, ...numbers)];
}

/** Marks beside the name of a system: right or wrong, and an outage. */
export function answerMarks(kind, result, truth) {
  const { isRight } = KINDS[kind];
  const marks = truth && isRight ? [verdict(isRight(result.answer, truth))] : [];
  if (result.outage) marks.push(h("span", { class: "tag bad" }, "outage"));
  return marks;
}

/** What a sweep draws for an answer; `reference` is the label or text that counts as right. */
export const measure = (kind, result, source, reference) => KINDS[kind].measure(result, source, reference);

/** What counts as right in a sweep: the sample's truth, else what `result` answered. */
export const referenceOf = (kind, result, truth) => KINDS[kind].reference?.(result.answer, truth) ?? "";

/** The title of the axis of a sweep. */
export const measureTitle = (kind, reference) => KINDS[kind].title(reference);
