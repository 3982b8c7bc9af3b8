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

// What the functions compute, for those that are written in a line. The others show the formula and the stored numbers.
const ELEMENTWISE = {
  Relu: (x) => Math.max(x, 0),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Exp: Math.exp,
  Log: Math.log,
  Sqrt: Math.sqrt,
  Absolute: Math.abs,
  Negative: (x) => -x,
  Silu: (x) => x / (1 + Math.exp(-x)),
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Subtract: (a, b) => a - b,
  Multiply: (a, b) => a * b,
  Divide: (a, b) => a / b,
  Maximum: Math.max,
  Minimum: Math.min,
  Power: Math.pow,
};

kinds.elementwise = {
  output(loaded, cell) {
    const { operation } = loaded;
    const factors = operation.inputs.map((number, place) => {
      return inputFactor(loaded, place, broadcastCell(cell, valueShape(number)));
    });
    const formula = operation.formula && operation.formula.text ? operation.formula.text.forward : "";
    if (operation.function === "Add") return { terms: factors.map((each) => term(each)), formula: "the sum of the inputs" };
    const compute = ELEMENTWISE[operation.function];
    const numbers = factors.map((each) => each.number);
    const known = compute && numbers.every((number) => number !== undefined);
    const product = known ? compute(...numbers) : loaded.y ? loaded.y.at(cell) : undefined;
    // `of` says that the factors are arguments, not multiplied
    return { terms: [{ factors, product, of: operation.function }], formula, computed: Boolean(known) };
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
