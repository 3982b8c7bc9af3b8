"use strict";
// Elementwise operations and dropout. Arrays "slope0", "slope1" … hold ∂y/∂input at every cell of the output.
//
// An input may be broadcast: an axis of length 1, or one that it does not have, is used by every cell along it. Then its
// gradient is the sum over all of them.

/** The input's cell that an output's cell is computed from. */
function broadcastCell(cell, shape) {
  const tail = cell.slice(cell.length - shape.length);
  return tail.map((index, axis) => (shape[axis] === 1 ? 0 : index));
}

/** The output's cells that are computed from an input's cell. */
function broadcastUses(cell, shape, outputShape) {
  const lead = outputShape.length - shape.length;
  const free = outputShape.map((length, axis) => (axis < lead || (shape[axis - lead] === 1 && length > 1) ? length : 1));
  const uses = [];
  for (let place = 0; place < sizeOf(free); place++) {
    uses.push(cellAt(place, free).map((index, axis) => (free[axis] > 1 || axis < lead ? index : cell[axis - lead])));
  }
  return uses;
}

/** The error function by its power series, good to 1e-9. */
function erf(x) {
  if (Math.abs(x) > 5) return Math.sign(x);
  let [power, sum] = [x, x];
  for (let n = 1; n < 120; n++) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** What a rectifier makes of x: see its formula. */
function rectified(x, { slope, ceiling, threshold }) {
  return x > threshold ? Math.min(x, ceiling) : slope * (x - threshold);
}

function gelu(x, { approximate }) {
  const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  return (x / 2) * (1 + (approximate ? Math.tanh(inner) : erf(x / Math.SQRT2)));
}

const [SELU_SCALE, SELU_ALPHA] = [1.0507009873554805, 1.6732632423543772];

// What functions of one input compute, given its number and the operation's settings; then those of two.
const ELEMENTWISE = {
  Relu: (x) => Math.max(x, 0),
  Rectifier: rectified,
  LeakyRelu: (x, { slope }) => (x > 0 ? x : slope * x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Elu: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  Selu: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  Gelu: gelu,
  Silu: (x) => x / (1 + Math.exp(-x)),
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Exp: Math.exp,
  Log: Math.log,
  Sqrt: Math.sqrt,
  Absolute: Math.abs,
  Negative: (x) => -x,
  Clip: (x, { low, high }) => Math.min(Math.max(x, low), high),
};
const OF_TWO = {
  Subtract: (a, b) => a - b,
  Multiply: (a, b) => a * b,
  Divide: (a, b) => a / b,
  Maximum: Math.max,
  Minimum: Math.min,
  Power: Math.pow,
  Prelu: (x, alpha) => (x > 0 ? x : alpha * x),
};

/** The number that a function computes, undefined where it is not written above, or an argument is left out. */
function computed(operation, numbers) {
  const [one, two] = [ELEMENTWISE[operation.function], OF_TWO[operation.function]];
  if (numbers.includes(undefined)) return undefined;
  const number = one ? one(numbers[0], operation.settings) : two ? two(...numbers) : undefined;
  return Number.isNaN(number) && !numbers.some(Number.isNaN) ? undefined : number;
}

kinds.elementwise = {
  output(loaded, cell) {
    const { operation } = loaded;
    const factors = operation.inputs.map((number, place) => {
      return inputFactor(loaded, place, broadcastCell(cell, valueShape(number)));
    });
    const formula = operation.formula && operation.formula.text ? operation.formula.text.forward : "";
    if (operation.function === "Add") return { terms: factors.map((each) => term(each)), formula: "the sum of the inputs" };
    const product = computed(operation, factors.map((each) => each.number));
    // `of` says that the factors are the function's arguments, not multiplied.
    const one = { factors, product: product ?? (loaded.y ? loaded.y.at(cell) : undefined), of: operation.function };
    return { terms: [one], formula, unknown: product === undefined };
  },

  input(loaded, place, cell) {
    const { operation } = loaded;
    const shape = valueShape(operation.inputs[place]);
    const slopes = loaded.arrays[`slope${place}`];
    const letter = letterOf(operation, place);
    const uses = broadcastUses(cell, shape, valueShape(operation.output));
    const terms = uses.map((use) => {
      return term(upstream(loaded, use), plain(`∂y/∂${letter}`, slopes ? slopes.at(use) : undefined));
    });
    const found = { terms, formula: uses.length > 1 ? "Σ dy·slope over the cells that share it" : "dy times the slope" };
    const number = loaded.x[place] ? loaded.x[place].at(cell) : undefined;
    if (terms.length === 1 && terms[0].factors[1].number === 0) found.zero = shutText(operation, letter, cell, number);
    return found;
  },
};

/** Why the slope is 0, in words. */
function shutText(operation, letter, cell, number) {
  const cellName = `${letter}${cellText(cell)} = ${shortNumber(number)}`;
  if (operation.function === "Relu") {
    const edge = number === 0 ? "At exactly 0 the slope is taken as 0." : "It is not above 0, so the output stays 0 however it moves.";
    return `Zero: the ReLU is shut here. ${cellName}: ${edge}`;
  }
  return `Zero: the slope of ${operation.function} is 0 at ${cellName}.`;
}

// Dropout: what is kept is scaled by 1/(1 − rate), so that the expected output is the input.
kinds.dropout = {
  output(loaded, cell) {
    const factors = dropoutFactors(loaded, cell);
    const dropped = factors[0].number === 0;
    const note = dropped ? "This cell was dropped in this step: its output is 0." : "";
    return { terms: [term(inputFactor(loaded, 0, cell), ...factors)], note, formula: "x · mask · 1/(1 − rate)" };
  },

  input(loaded, place, cell) {
    const factors = dropoutFactors(loaded, cell);
    const found = { terms: [term(upstream(loaded, cell), ...factors)], formula: "dy · mask · 1/(1 − rate): the same mask" };
    if (factors[0].number === 0) found.zero = "Zero: the cell was dropped in this step, so the loss does not feel it.";
    return found;
  },
};

function dropoutFactors(loaded, cell) {
  const { keep, slope0 } = loaded.arrays;
  const { rate } = loaded.settings;
  const kept = keep ? keep.at(maskCell(keep, cell)) : slope0 && slope0.at(cell) ? 1 : 0;
  return [plain("mask", kept === undefined ? undefined : Number(Boolean(kept))), plain("1/(1−rate)", 1 / (1 - rate))];
}

/** The mask's cell for a cell: a mask may be shared along axes, as in spatial dropout. */
function maskCell(keep, cell) {
  return keep.shape.length === cell.length ? cell.map((index, axis) => Math.min(index, keep.shape[axis] - 1)) : cell;
}
