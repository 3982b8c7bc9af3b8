"use strict";
// Where a number comes from: the terms that it is the sum of.
//
// Every kind of operation registers in `kinds` two functions of the loaded operation (see loadOperation):
//     output(loaded, cell)         the terms of a cell of the output
//     input(loaded, place, cell)   the terms of a cell of what is passed back to the input at that place
// Both return {terms, …} with perhaps `formula` (text before the numbers), `note` (why), `join` ("max" in place of a
// sum), `after` (a function of the sum: a rectifier behind it), `unknown` (there are no terms to add), `tolerance`
// (how far rounding may go, see agrees). All arithmetic is in double.

const kinds = {};

/** One factor of a term: a symbol, and the cell of a map that the number is read from. */
function factor(symbol, map, numbers, cell, value = null) {
  return { symbol, map, cell, value, number: numbers ? numbers.at(cell) : undefined };
}

/** A factor that is no cell of a map: a count, a slope, a rate. */
function plain(symbol, number) {
  return { symbol, map: null, cell: null, value: null, number };
}

/** A term: the product of its factors; undefined when one of them is left out of the page. */
function term(...factors) {
  const missing = factors.some((each) => each.number === undefined);
  return { factors, product: missing ? undefined : factors.reduce((product, each) => product * each.number, 1) };
}

/** The letter of an input in the formula. */
function letterOf(operation, place) {
  return (operation.letters && operation.letters[place]) || (operation.inputs.length > 1 ? `x${place}` : "x");
}

/** A factor that reads a cell of an input. */
function inputFactor(loaded, place, cell) {
  const { operation, x } = loaded;
  return factor(letterOf(operation, place), `input${place}`, x[place], cell, operation.inputs[place]);
}

/** A factor that reads a cell of the gradient of the output. */
function upstream(loaded, cell) {
  return factor("dy", "d_output", loaded.dy, cell, loaded.operation.output);
}

/** A factor that reads a cell of the output. */
function outputFactor(loaded, cell) {
  return factor("y", "output", loaded.y, cell, loaded.operation.output);
}

/** Make an explanation complete: largest term first, their sum, what is left out, what is stored. */
function explanation(target, symbol, cell, stored, found, scale = 0) {
  const all = found.terms || [];
  const terms = all.filter((each) => each.product !== undefined);
  const missing = all.length - terms.length;
  let sum = 0;
  let size = 0;
  for (const each of terms) {
    sum += each.product;
    size += Math.abs(each.product);
  }
  if (found.join === "max") sum = terms.reduce((most, each) => Math.max(most, each.product), -Infinity);
  terms.sort((one, other) => Math.abs(other.product) - Math.abs(one.product));
  if (found.join === "max") terms.sort((one, other) => other.product - one.product);
  if (found.after) sum = found.after(sum);
  const rest = missing ? stored - sum : 0; // as far as the stored number tells
  const unknown = found.unknown || stored === undefined || (missing > 0 && found.join === "max");
  return {
    ...found,
    target,
    symbol,
    cell,
    terms,
    left_out: { count: missing, sum: rest },
    sum: unknown ? null : sum + rest,
    size,
    stored,
    agrees: unknown ? null : agrees(sum + rest, stored, size, found.tolerance, scale),
  };
}

/**
 * Explain one number. `operation` is its number in the manifest; `step` a place in manifest.steps; `target` is
 * "output", "d_output", "input0" … or "d_input0" …: which of the operation's maps the cell belongs to.
 */
async function explain(operation, step, target, cell) {
  const loaded = await loadOperation(manifest.operations[operation], step);
  return explainLoaded(loaded, target, cell);
}

/** Explain one number of a loaded operation. */
function explainLoaded(loaded, target, cell) {
  const { operation } = loaded;
  const kind = kinds[operation.kind] || kinds.opaque;
  if (target === "output") {
    const { min = 0, max = 0 } = manifest.values[operation.output].steps[loaded.step];
    const scale = Math.max(-min, max);
    return explanation(target, "y", cell, loaded.y ? loaded.y.at(cell) : undefined, kind.output(loaded, cell), scale);
  }
  if (target === "d_output") return explainArrival(loaded, cell);
  const place = Number(target.replace(/\D+/g, ""));
  const letter = letterOf(operation, place);
  if (target.startsWith("input")) {
    const numbers = loaded.x[place];
    const stored = numbers ? numbers.at(cell) : undefined;
    return explanation(target, letter, cell, stored, { unknown: true, uses: usesOf(loaded, place, cell) });
  }
  const numbers = loaded.d[place];
  if (!numbers) {
    const none = noGradient(operation.inputs[place], loaded.step);
    return explanation(target, `d${letter}`, cell, undefined, { unknown: true, none });
  }
  const found = kind.input(loaded, place, cell);
  const { gradient_min: least = 0, gradient_max: most = 0 } = manifest.values[operation.inputs[place]].steps[loaded.step];
  const result = explanation(target, `d${letter}`, cell, numbers.at(cell), found, Math.max(-least, most));
  if (result.stored === 0) result.zero = result.zero || whyZero(result);
  return result;
}

/** The gradient at an operation's output: the sum of what all operations that use it pass back. */
function explainArrival(loaded, cell) {
  const { operation, dy } = loaded;
  if (!dy) {
    const none = noGradient(operation.output, loaded.step);
    return explanation("d_output", "dy", cell, undefined, { unknown: true, none });
  }
  const stored = dy.at(cell);
  if (!loaded.users.length) {
    const note = "This is the loss: its gradient with respect to itself is 1, where the backward pass begins.";
    return explanation("d_output", "dy", cell, stored, { unknown: true, note });
  }
  const terms = [];
  loaded.users.forEach(({ operation: user, place }, which) => {
    const numbers = loaded.arrivals[which];
    if (!numbers) return;
    const made = factor(`d${letterOf(user, place)}`, "d_output", numbers, cell, operation.output);
    terms.push({ ...term({ ...made, user: which }), name: `from ${user.name}` });
  });
  const several = terms.length > 1;
  const formula = several ? "the sum of what every operation that uses y passes back" : "what the operation that uses y passes back";
  const result = explanation("d_output", "dy", cell, stored, { terms, formula });
  if (stored === 0) result.zero = several ? whyZero(result) : `Zero: ${loaded.users[0].operation.name} passes 0 back to this cell. Follow it to see why.`;
  return result;
}

/** Which cells of the output an input's cell reaches: the cells of dy that its gradient hears from. */
function usesOf(loaded, place, cell) {
  const kind = kinds[loaded.operation.kind];
  if (!kind || !kind.input || !loaded.dy) return [];
  return (kind.input(loaded, place, cell).terms || [])
    .flatMap((each) => each.factors)
    .filter((each) => each.map === "d_output" && each.cell)
    .map((each) => each.cell);
}

/** Every operation that takes a value, with the place among its inputs. */
function usersOf(number) {
  const users = [];
  for (const operation of manifest.operations) {
    operation.inputs.forEach((input, place) => {
      if (input === number) users.push({ operation, place });
    });
  }
  return users;
}

/** The operation that computed a value, or undefined. */
function makerOf(number) {
  return manifest.operations.find((operation) => operation.output === number);
}

/** Say why a value has no gradient, which is not the same as a gradient of 0. */
function noGradient(number, step) {
  const value = manifest.values[number];
  const entry = valueAt(number, step);
  if (entry.gradient === null) return "This gradient is left out of the page, to keep it small.";
  if (value.role === "constant") return "No gradient: it is a constant, and nothing changes it.";
  const users = usersOf(number);
  if (!users.length) {
    return "No gradient: nothing that the loss is computed from uses it. A loss on logits, for one, takes what comes before the last activation.";
  }
  if (users.every((user) => valueAt(user.operation.output, step).gradient === "none")) {
    return "No gradient: the operations that use it do not lead to the loss.";
  }
  return "No gradient: it was not asked for here, because nothing before it is trained.";
}

/** Say why a gradient is exactly 0, as far as its terms tell. */
function whyZero(result) {
  if (!result.terms.length) return "Zero: no term at all. No cell of the output was computed from this one.";
  const dead = (each) => each.factors.find((one) => one.number === 0);
  if (result.terms.every((each) => (dead(each) || {}).symbol === "dy")) {
    return "Zero: every gradient that arrives here is 0. What shut it off lies nearer to the loss.";
  }
  if (result.terms.every((each) => (dead(each) || {}).symbol === "x")) {
    return "Zero: in every term x is 0. The weight was multiplied by nothing, so moving it would change nothing.";
  }
  if (result.terms.every(dead)) return "Zero: in every term one factor is 0.";
  return "Zero: the terms cancel.";
}

const UNKNOWN = { unknown: true, note: "Single terms are not shown for this operation: see its formula and its source." };

kinds.opaque = { output: () => UNKNOWN, input: () => UNKNOWN };
