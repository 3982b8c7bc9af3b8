"use strict";
// Dense layers, and operations that only move cells: reshape and concatenate.

kinds.dense = {
  output(loaded, cell) {
    const { operation } = loaded;
    const [row, k] = [cell.slice(0, -1), cell.at(-1)];
    const [inputs] = valueShape(operation.inputs[1]);
    const terms = [];
    for (let i = 0; i < inputs; i++) {
      terms.push(term(inputFactor(loaded, 0, [...row, i]), inputFactor(loaded, 1, [i, k])));
    }
    if (operation.inputs.length > 2) terms.push(term(inputFactor(loaded, 2, [k])));
    return { terms, formula: "Σ x·w over all inputs" + (operation.inputs.length > 2 ? " + b" : "") };
  },

  input(loaded, place, cell) {
    if (place === 2) return biasGradient(loaded, cell[0]);
    const { operation } = loaded;
    const terms = [];
    if (place === 0) {
      const [, outputs] = valueShape(operation.inputs[1]);
      const [row, i] = [cell.slice(0, -1), cell.at(-1)];
      for (let k = 0; k < outputs; k++) {
        terms.push(term(upstream(loaded, [...row, k]), inputFactor(loaded, 1, [i, k])));
      }
      return { terms, formula: "Σ dy·w over all outputs: each was computed from this input" };
    }
    const rows = valueShape(operation.output).slice(0, -1);
    const [i, k] = cell;
    for (let place = 0; place < sizeOf(rows); place++) {
      const row = cellAt(place, rows);
      terms.push(term(inputFactor(loaded, 0, [...row, i]), upstream(loaded, [...row, k])));
    }
    return { terms, formula: "Σ x·dy over the samples" };
  },
};

// The same cells in another shape: the place in row-major order stays.
kinds.reshape = {
  output(loaded, cell) {
    const { operation } = loaded;
    const from = cellAt(placeOf(cell, valueShape(operation.output)), valueShape(operation.inputs[0]));
    return { terms: [term(inputFactor(loaded, 0, from))], formula: "the same number in another shape" };
  },

  input(loaded, place, cell) {
    const { operation } = loaded;
    const to = cellAt(placeOf(cell, valueShape(operation.inputs[0])), valueShape(operation.output));
    return { terms: [term(upstream(loaded, to))], formula: "dy, in the shape of x" };
  },
};

// Inputs side by side along one axis; starts[i] is where the i-th begins.
kinds.concatenate = {
  output(loaded, cell) {
    const { starts } = loaded.settings;
    const axis = (loaded.settings.axis + cell.length) % cell.length;
    let place = starts.length - 1;
    while (starts[place] > cell[axis]) place--;
    const from = cell.with(axis, cell[axis] - starts[place]);
    return { terms: [term(inputFactor(loaded, place, from))], formula: `a copy of input ${place + 1}` };
  },

  input(loaded, place, cell) {
    const { starts } = loaded.settings;
    const axis = (loaded.settings.axis + cell.length) % cell.length;
    const to = cell.with(axis, cell[axis] + starts[place]);
    return { terms: [term(upstream(loaded, to))], formula: "dy of the copy" };
  },
};
