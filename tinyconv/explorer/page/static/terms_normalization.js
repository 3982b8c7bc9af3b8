"use strict";
// Batch normalization: y = γ·x̂ + β with x̂ = (x − μ)/√(σ² + ε), each channel by its own μ and σ² over all positions.
//
// The gradient returns by three paths: straight through x̂, through the mean μ, and through the variance σ²:
//     dx = γ/√(σ² + ε) · (dy − dβ/n − x̂·dγ/n)        dβ = Σ dy, dγ = Σ dy·x̂ over the n positions

/** The inputs' places of γ and β, −1 where there is none. */
function learntPlaces({ settings }) {
  return { gamma: settings.scaled ? 1 : -1, beta: settings.centered ? (settings.scaled ? 2 : 1) : -1 };
}

function gammaFactor(loaded, c) {
  const { gamma } = learntPlaces(loaded);
  return gamma < 0 ? plain("γ", 1) : { ...inputFactor(loaded, gamma, [c]), symbol: "γ" };
}

/** x̂ of a cell. */
function normalizedAt(loaded, cell) {
  const c = cell.at(-1);
  const x = loaded.x[0].at(cell);
  return x === undefined ? undefined : (x - loaded.arrays.mean.at([c])) * loaded.arrays.inverse.at([c]);
}

/** All cells of a channel. */
function channelCells(shape, c) {
  const rows = shape.slice(0, -1);
  return Array.from({ length: sizeOf(rows) }, (_, place) => [...cellAt(place, rows), c]);
}

/** dy where a rectifier behind the normalization lets it pass, else 0. */
function passedAt(loaded, cell) {
  const dy = loaded.dy ? loaded.dy.at(cell) : undefined;
  const { ceiling = null } = loaded.settings;
  if (ceiling === null || dy === undefined) return dy;
  const y = loaded.y.at(cell);
  return y > 0 && y < ceiling ? dy : 0;
}

kinds.batch_normalization = {
  output(loaded, cell) {
    const c = cell.at(-1);
    const { mean, inverse } = loaded.arrays;
    const { beta } = learntPlaces(loaded);
    const { ceiling = null } = loaded.settings;
    const x = loaded.x[0].at(cell);
    const centred = { ...inputFactor(loaded, 0, cell), symbol: "(x − μ)", number: x === undefined ? undefined : x - mean.at([c]) };
    const terms = [term(gammaFactor(loaded, c), centred, plain("1/√(σ²+ε)", inverse.at([c])))];
    if (beta >= 0) terms.push(term({ ...inputFactor(loaded, beta, [c]), symbol: "β" }));
    const found = { terms, formula: "γ·(x − μ)/√(σ² + ε) + β", note: `Channel ${c}: μ = ${shortNumber(mean.at([c]))}, 1/√(σ² + ε) = ${shortNumber(inverse.at([c]))}.` };
    if (ceiling !== null) found.after = (sum) => Math.min(Math.max(sum, 0), ceiling);
    return found;
  },

  input(loaded, place, cell) {
    const { gamma, beta } = learntPlaces(loaded);
    if (place === gamma) return gammaGradient(loaded, cell[0]);
    if (place === beta) return betaGradient(loaded, cell[0]);
    return normalizedGradient(loaded, cell);
  },
};

/** dx, path by path. */
function normalizedGradient(loaded, cell) {
  const c = cell.at(-1);
  const cells = channelCells(valueShape(loaded.operation.output), c);
  let dbeta = 0;
  let dgamma = 0;
  for (const each of cells) {
    const [dy, normalized] = [passedAt(loaded, each), normalizedAt(loaded, each)];
    dbeta = dy === undefined ? undefined : dbeta + dy; // a channel is in the page whole, or not at all
    dgamma = dy === undefined || normalized === undefined ? undefined : dgamma + dy * normalized;
  }
  const scale = [gammaFactor(loaded, c), plain("1/√(σ²+ε)", loaded.arrays.inverse.at([c]))];
  const count = plain("1/n", 1 / cells.length);
  const paths = [
    ["straight through", term(...scale, { ...upstream(loaded, cell), number: passedAt(loaded, cell) })],
    ["through the mean μ", term(plain("−1", -1), ...scale, plain("dβ", dbeta), count)],
    ["through the variance σ²", term(plain("−1", -1), ...scale, plain("x̂", normalizedAt(loaded, cell)), plain("dγ", dgamma), count)],
  ];
  const terms = paths.map(([name, made]) => ({ ...made, name }));
  return {
    terms,
    hearsFrom: cells,
    formula: "γ/√(σ² + ε) · (dy − dβ/n − x̂·dγ/n)",
    note: `The gradient returns by three paths. Over the n = ${cells.length} positions of channel ${c}, dβ = Σ dy = ${shortNumber(dbeta)} and dγ = Σ dy·x̂ = ${shortNumber(dgamma)}: every dy of the channel has a say.`,
  };
}

function gammaGradient(loaded, c) {
  const terms = channelCells(valueShape(loaded.operation.output), c).map((cell) => {
    const normalized = { ...inputFactor(loaded, 0, cell), symbol: "x̂", number: normalizedAt(loaded, cell) };
    return term({ ...upstream(loaded, cell), number: passedAt(loaded, cell) }, normalized);
  });
  return { terms, formula: "Σ dy·x̂ over all positions of the channel" };
}

function betaGradient(loaded, c) {
  const terms = channelCells(valueShape(loaded.operation.output), c).map((cell) => {
    return term({ ...upstream(loaded, cell), number: passedAt(loaded, cell) });
  });
  return { terms, formula: "Σ dy over all positions of the channel" };
}
