"use strict";
// Any operation whose local Jacobian is sparse: resizing, padding, slices, sums, means, penalties …
//
// Arrays for input i, rows compressed: the cell at place r of the input is heard by the output's places
// outputs[offsets[r]] … outputs[offsets[r + 1] − 1], with the slopes ∂y/∂x beside them.

/** The arrays of an input, or null. */
function jacobianOf({ arrays }, place) {
  const [offsets, outputs, slopes] = ["offsets", "outputs", "slopes"].map((name) => arrays[`${name}${place}`]);
  return offsets && outputs && slopes ? { offsets: offsets.data, outputs: outputs.data, slopes: slopes.data } : null;
}

kinds.jacobian = {
  /** A linear operation's y is the sum of slope·x, one of squares that of x·x; else slopes are shown beside y. */
  output(loaded, cell) {
    const { operation } = loaded;
    const wanted = placeOf(cell, valueShape(operation.output));
    const terms = [];
    operation.inputs.forEach((number, place) => {
      const jacobian = jacobianOf(loaded, place);
      if (!jacobian) return;
      const shape = valueShape(number);
      for (let row = 0; row + 1 < jacobian.offsets.length; row++) {
        for (let at = jacobian.offsets[row]; at < jacobian.offsets[row + 1]; at++) {
          if (jacobian.outputs[at] !== wanted) continue;
          const x = inputFactor(loaded, place, cellAt(row, shape));
          terms.push(operation.function === "SumSquares" ? term(x, x) : term(x, plain("∂y/∂x", jacobian.slopes[at])));
        }
      }
    });
    const stored = loaded.y ? loaded.y.at(cell) : undefined;
    const known = terms.filter((each) => each.product !== undefined);
    const sum = known.reduce((total, each) => total + each.product, 0);
    const size = known.reduce((total, each) => total + Math.abs(each.product), 0);
    const formula = operation.formula && operation.formula.text ? operation.formula.text.forward : "";
    if (known.length < terms.length || agrees(sum, stored, size)) return { terms, formula };
    const note = "This output is no weighted sum of its inputs. The slopes say how it moves with each of them.";
    return { unknown: true, slopes: terms, formula, note };
  },

  input(loaded, place, cell) {
    const { operation } = loaded;
    const jacobian = jacobianOf(loaded, place);
    if (!jacobian) return kinds.opaque.input();
    const shape = valueShape(operation.output);
    const row = placeOf(cell, valueShape(operation.inputs[place]));
    const terms = [];
    for (let at = jacobian.offsets[row]; at < jacobian.offsets[row + 1]; at++) {
      terms.push(term(upstream(loaded, cellAt(jacobian.outputs[at], shape)), plain("∂y/∂x", jacobian.slopes[at])));
    }
    // A slope can be a small difference of large numbers, in layer normalization above all: float32 rounds more.
    const found = { terms, tolerance: 1e-4, formula: "Σ dy·∂y/∂x over the outputs that hear from it" };
    if (!terms.length) found.zero = "Zero: no cell of the output hears from this one.";
    return found;
  },
};
