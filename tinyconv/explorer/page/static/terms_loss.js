"use strict";
// Softmax, and the cross-entropies on logits, whose gradient is the plain difference p − t.

/** The softmax of the row that a cell lies in: see the names. All undefined where one of the row is left out. */
function softmaxRow(numbers, row) {
  const length = numbers.shape.at(-1);
  const logits = Array.from({ length }, (_, j) => numbers.at([...row, j]));
  if (logits.includes(undefined)) return { logits, powers: [], probabilities: [] };
  const most = Math.max(...logits);
  const powers = logits.map((each) => Math.exp(each - most));
  const total = powers.reduce((sum, each) => sum + each, 0);
  return { logits, most, total, share: 1 / total, powers, probabilities: powers.map((each) => each / total) };
}

kinds.softmax = {
  output(loaded, cell) {
    const { most, total, share, powers } = softmaxRow(loaded.x[0], cell.slice(0, -1));
    const power = { ...inputFactor(loaded, 0, cell), symbol: "e^(x − max)", number: powers[cell.at(-1)] };
    const note = `With the largest x = ${shortNumber(most)} taken off, which changes nothing, Σ e^(x − max) = ${shortNumber(total)}.`;
    return { terms: [term(power, plain("1/Σ", share))], note, formula: "e^x / Σ e^x" };
  },

  input(loaded, place, cell) {
    const [row, i] = [cell.slice(0, -1), cell.at(-1)];
    const own = loaded.y.at(cell);
    const terms = [];
    for (let j = 0; j < loaded.y.shape.at(-1); j++) {
      const slope = plain(i === j ? "(1 − yᵢ)" : "(0 − yᵢ)", (i === j ? 1 : 0) - own);
      terms.push(term(upstream(loaded, [...row, j]), outputFactor(loaded, [...row, j]), slope));
    }
    return { terms, formula: "Σⱼ dyⱼ·yⱼ·(1[i = j] − yᵢ): every output shares the sum in which x stands" };
  },
};

const WHY_DIFFERENCE =
  "Why p − t: log p of the label is z − log Σ e^z. Its first part moves with the label's own z, slope 1; its second with every z, slope p.";

/** The loss of a sample from targets: a function that gives the target of class j. */
function crossEntropyTerms(loaded, row, targetOf) {
  const { most, total, logits } = softmaxRow(loaded.x[0], row);
  const terms = [];
  logits.forEach((logit, j) => {
    const target = targetOf(j);
    if (target === 0) return;
    const log = { ...inputFactor(loaded, 0, [...row, j]), symbol: `log p${cellText([j])}`, number: total === undefined ? undefined : logit - most - Math.log(total) };
    terms.push(term(plain(`−t${cellText([j])}`, -target), log));
  });
  return { terms, formula: "−Σ t·log p with p = softmax(z)" };
}

/** dz: dloss·(p·Σt − t). */
function crossEntropyGradient(loaded, cell, target, targetSum) {
  const [row, j] = [cell.slice(0, -1), cell.at(-1)];
  const { probabilities } = softmaxRow(loaded.x[0], row);
  const p = { ...inputFactor(loaded, 0, cell), symbol: `p${cellText([j])}`, number: probabilities[j] };
  const arrived = upstream(loaded, row);
  const terms = [targetSum === 1 ? term(arrived, p) : term(arrived, p, plain("Σt", targetSum))];
  if (target !== 0) terms.push(term(plain("−1", -1), arrived, plain(`t${cellText([j])}`, target)));
  return { terms, note: WHY_DIFFERENCE, formula: "dloss·(p − t)" };
}

kinds.sparse_softmax_cross_entropy = {
  output: (loaded, row) => crossEntropyTerms(loaded, row, (j) => (j === labelOf(loaded, row) ? 1 : 0)),
  input: (loaded, place, cell) => {
    return crossEntropyGradient(loaded, cell, labelOf(loaded, cell.slice(0, -1)) === cell.at(-1) ? 1 : 0, 1);
  },
};

function labelOf(loaded, row) {
  const labels = loaded.arrays.labels || loaded.arrays.targets;
  return labels.data[placeOf(row, valueShape(loaded.operation.inputs[0]).slice(0, -1))];
}

kinds.softmax_cross_entropy = {
  output: (loaded, row) => crossEntropyTerms(loaded, row, (j) => targetsOf(loaded, [...row, j])),
  input: (loaded, place, cell) => {
    const length = valueShape(loaded.operation.inputs[0]).at(-1);
    let sum = 0;
    for (let j = 0; j < length; j++) sum += targetsOf(loaded, [...cell.slice(0, -1), j]);
    if (place === 1) return { unknown: true, note: "The gradient of the targets is not shown." };
    return crossEntropyGradient(loaded, cell, targetsOf(loaded, cell), sum);
  },
};

/** The target of a cell: an array of the operation, or its second input. */
function targetsOf(loaded, cell) {
  const targets = loaded.arrays.targets || loaded.x[1];
  return targets.data[placeOf(cell, valueShape(loaded.operation.inputs[0]))];
}

kinds.sigmoid_cross_entropy = {
  output(loaded, cell) {
    const x = loaded.x[0].at(cell);
    const t = targetsOf(loaded, cell);
    const soft = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); // log(1 + e^z) without overflow
    const terms = [
      term(plain("−t", -t), { ...inputFactor(loaded, 0, cell), symbol: "log p", number: -soft(-x) }),
      term(plain("−(1 − t)", t - 1), { ...inputFactor(loaded, 0, cell), symbol: "log(1 − p)", number: -soft(x) }),
    ];
    return { terms, formula: "−t·log p − (1 − t)·log(1 − p) with p = sigmoid(x)" };
  },

  input(loaded, place, cell) {
    const x = loaded.x[0].at(cell);
    const p = { ...inputFactor(loaded, 0, cell), symbol: "p", number: 1 / (1 + Math.exp(-x)) };
    const terms = [term(upstream(loaded, cell), p), term(plain("−1", -1), upstream(loaded, cell), plain("t", targetsOf(loaded, cell)))];
    return { terms, formula: "dloss·(p − t)", note: "The sigmoid's slope p·(1 − p) cancels against the logarithms' 1/p and 1/(1 − p): p − t remains." };
  },
};
