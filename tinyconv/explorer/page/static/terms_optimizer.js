"use strict";
// What the optimizer does to one weight, line by line, in Keras's order of computation.
//
// A rule gets {w, g, slots: {name: number before}, rate, t, config} and writes lines through `line`, which returns the
// number; the last line is the new weight.

const optimizerRules = {
  sgd({ w, g, slots, rate, config }, line) {
    const momentum = config.momentum || 0;
    if (!momentum) return line("w′", "w − lr·g", `${factorText(w)} − ${factorText(rate)}·${factorText(g)}`, w - rate * g);
    const m = line("m", "μ·m − lr·g", `${factorText(momentum)}·${factorText(slots.momentum)} − ${factorText(rate)}·${factorText(g)}`, momentum * slots.momentum - rate * g, "momentum");
    if (!config.nesterov) return line("w′", "w + m", `${factorText(w)} + ${factorText(m)}`, w + m);
    return line("w′", "w + μ·m − lr·g", `${factorText(w)} + ${factorText(momentum)}·${factorText(m)} − ${factorText(rate)}·${factorText(g)}`, w + momentum * m - rate * g);
  },

  rmsprop({ w, g, slots, rate, config }, line) {
    const { rho, epsilon, momentum = 0 } = config;
    const v = line("v", "ρ·v + (1 − ρ)·g²", `${factorText(rho)}·${factorText(slots.velocity)} + ${factorText(1 - rho)}·${factorText(g)}²`, rho * slots.velocity + (1 - rho) * g * g, "velocity");
    let s = v;
    if (config.centered) {
      const before = slots.average_gradient;
      const a = line("a", "ρ·a + (1 − ρ)·g", `${factorText(rho)}·${factorText(before)} + ${factorText(1 - rho)}·${factorText(g)}`, rho * before + (1 - rho) * g, "average_gradient");
      s = line("s", "max(v − a², 0)", `${factorText(v)} − ${factorText(a)}²`, Math.max(v - a * a, 0));
    }
    const inside = (config.epsilon_mode || "inside") === "inside";
    const root = inside ? Math.sqrt(s + epsilon) : Math.sqrt(s) + epsilon;
    const letter = config.centered ? "s" : "v";
    const under = inside ? `√(${letter} + ε)` : `(√${letter} + ε)`;
    const d = line("d", `lr·g/${under}`, `${factorText(rate)}·${factorText(g)}/${factorText(root)}`, (rate * g) / root);
    if (!momentum) return line("w′", "w − d", `${factorText(w)} − ${factorText(d)}`, w - d);
    const m = line("m", "μ·m + d", `${factorText(momentum)}·${factorText(slots.momentum)} + ${factorText(d)}`, momentum * slots.momentum + d, "momentum");
    return line("w′", "w − m", `${factorText(w)} − ${factorText(m)}`, w - m);
  },

  adam({ w, g, slots, rate, t, config }, line) {
    const { beta_1: first, beta_2: second, epsilon } = config;
    const m = line("m", "m + (1 − β₁)·(g − m)", `${factorText(slots.momentum)} + ${factorText(1 - first)}·(${factorText(g)} − ${factorText(slots.momentum)})`, slots.momentum + (1 - first) * (g - slots.momentum), "momentum");
    const v = line("v", "v + (1 − β₂)·(g² − v)", `${factorText(slots.velocity)} + ${factorText(1 - second)}·(${factorText(g)}² − ${factorText(slots.velocity)})`, slots.velocity + (1 - second) * (g * g - slots.velocity), "velocity");
    const one = line("c₁", `1 − β₁^t, correction of m at t = ${t}`, `1 − ${first}${superscript(t)}`, 1 - first ** t);
    const two = line("c₂", `1 − β₂^t, correction of v at t = ${t}`, `1 − ${second}${superscript(t)}`, 1 - second ** t);
    const alpha = line("α", "lr·√c₂/c₁", `${factorText(rate)}·√${factorText(two)}/${factorText(one)}`, (rate * Math.sqrt(two)) / one);
    let under = v;
    if (config.amsgrad) {
      under = line("v̂", "max(v̂, v)", `max(${shortNumber(slots.velocity_hat)}, ${shortNumber(v)})`, Math.max(slots.velocity_hat, v), "velocity_hat");
    }
    const step = line("step", `α·m/(√${config.amsgrad ? "v̂" : "v"} + ε)`, `${factorText(alpha)}·${factorText(m)}/(√${factorText(under)} + ${factorText(epsilon)})`, (alpha * m) / (Math.sqrt(under) + epsilon));
    return line("w′", "w − step", `${factorText(w)} − ${factorText(step)}`, w - step);
  },
};

/**
 * Explain the update of one cell of a parameter at a step: {lines, before, after, sum, agrees}, or null when there is no
 * update of that parameter in the page. A line is {symbol, formula, numbers, value, stored}.
 */
async function explainUpdate(value, step, cell) {
  const update = (manifest.updates || []).find((each) => each.value === value);
  const entry = update && update.steps[Math.min(step, update.steps.length - 1)];
  if (!entry) return null;
  const { shape } = manifest.values[value];
  const kept = entry.kept || valueAt(value, step).kept;
  const read = async (id) => {
    const numbers = await numbersOf(id, shape, kept);
    return numbers ? numbers.at(cell) : undefined;
  };
  const names = Object.keys(entry.slots || {});
  const [before, after, g] = await Promise.all([entry.before, entry.after, entry.gradient].map(read));
  const slotsBefore = {};
  const slotsAfter = {};
  for (const name of names) {
    slotsBefore[name] = await read(entry.slots[name][0]);
    slotsAfter[name] = await read(entry.slots[name][1]);
  }
  const { optimizer } = manifest;
  const result = { before, after, gradient: g, slotsBefore, slotsAfter, lines: [], sum: null, agrees: null, name: optimizer.name };
  const rule = optimizerRules[optimizer.rule];
  if (!rule || update.constrained || before === undefined || g === undefined) return result;
  const line = (symbol, formula, numbers, number, slot = null) => {
    result.lines.push({ symbol, formula, numbers, value: number, stored: slot ? slotsAfter[slot] : undefined });
    return number;
  };
  const rate = (optimizer.learning_rates || [])[step] ?? optimizer.config.learning_rate;
  const decay = update.decays === false ? 0 : optimizer.config.weight_decay || 0;
  let w = before;
  if (decay) w = line("w", "w − lr·d·w, the weight decay", `${factorText(w)} − ${factorText(rate)}·${factorText(decay)}·${factorText(w)}`, w - rate * decay * w);
  const t = ((optimizer.iterations || [])[step] ?? 0) + 1;
  const slots = Object.fromEntries(names.map((name) => [name, slotsBefore[name] ?? 0]));
  result.sum = rule({ w, g, slots, rate, t, config: optimizer.config }, line);
  result.lines.at(-1).stored = after;
  result.agrees = Math.abs(result.sum - after) <= 1e-5 * Math.max(Math.abs(before), Math.abs(after)) + 1e-12;
  return result;
}
