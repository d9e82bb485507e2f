// Words that came back wrong: an alignment with the fewest insertions, deletions and substitutions.

/** Lower case, no accents, punctuation apart: what the vocabulary of a receiver can tell apart. */
export const splitWords = (text) =>
  text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** Steps [kind, sent word, received word]; kind is same, changed, lost or added. */
export function alignWords(sent, received) {
  const cost = Array.from({ length: sent.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= received.length; j += 1) cost[0][j] = j;
  for (let i = 1; i <= sent.length; i += 1) {
    for (let j = 1; j <= received.length; j += 1) {
      const changed = cost[i - 1][j - 1] + (sent[i - 1] === received[j - 1] ? 0 : 1);
      cost[i][j] = Math.min(changed, cost[i - 1][j] + 1, cost[i][j - 1] + 1);
    }
  }
  const steps = [];
  let [i, j] = [sent.length, received.length];
  while (i || j) {
    const isSame = i && j && sent[i - 1] === received[j - 1];
    if (i && j && cost[i][j] === cost[i - 1][j - 1] + (isSame ? 0 : 1)) {
      steps.push([isSame ? "same" : "changed", sent[--i], received[--j]]);
    } else if (i && cost[i][j] === cost[i - 1][j] + 1) steps.push(["lost", sent[--i], ""]);
    else steps.push(["added", "", received[--j]]);
  }
  return steps.reverse();
}

/** 1 - edits / words sent, at least 0. */
export function wordAccuracy(sent, received) {
  const words = splitWords(sent);
  const edits = alignWords(words, splitWords(received)).filter(([kind]) => kind !== "same").length;
  return words.length ? Math.max(0, 1 - edits / words.length) : 0;
}
