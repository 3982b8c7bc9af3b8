"use strict";
// The level of the network: its layers from the input to the loss, with what went forward and what came back.

class NetworkView {
  constructor(explorer) {
    this.explorer = explorer;
    this.rows = manifest.layers.map((layer) => this.makeRow(layer));
    this.rail = makeSvg("svg", { class: "rail", "aria-hidden": "true" });
    this.list = make("ol", { class: "layers" }, this.rows);
    this.scaleHolder = make("div", { class: "norm-scale" });
    byId("network").replaceChildren(
      make("header", { class: "network-head" }, make("h2", {}, "Network"), this.scaleHolder),
      make("div", { class: "layer-holder" }, this.rail, this.list),
      ...leftOutNote(),
    );
    new ResizeObserver(() => this.drawRail()).observe(this.list);
    this.update();
  }

  makeRow(layer) {
    const operations = layer.operations.map((number) => manifest.operations[number]);
    const chips = operations.map((operation) => {
      const { wrong } = countVerdicts(operation);
      const text = `${operation.function}${wrong ? " ✗" : ""}`;
      return make("button", { class: `chip ${wrong ? "wrong" : ""}`, "data-operation": operation.number, title: operation.name, onclick: () => this.explorer.goToOperation(operation.number) }, text);
    });
    const facts = [shapeText(layer.shape || [], true)];
    if (layer.parameters) facts.push(`${countText(layer.parameters)} params`);
    return make(
      "li",
      { class: "layer", "data-layer": layer.name },
      make("div", { class: "layer-text" }, make("span", { class: "layer-name" }, layer.name), make("span", { class: "chips" }, chips.length ? chips : make("span", { class: "kind" }, layer.type)), make("span", { class: "facts" }, facts.map((fact) => make("span", {}, fact)))),
      make("canvas", { class: "thumb forward", title: `what ${layer.name} handed on` }),
      make("canvas", { class: "thumb backward", title: `the gradient that came back to ${layer.name}` }),
      make("div", { class: "norms" }),
    );
  }

  /** Show the network at the explorer's step. */
  update() {
    this.scale = normScale(this.explorer.step);
    this.drawScale();
    manifest.layers.forEach((layer, place) => {
      const row = this.rows[place];
      const value = layer.output === null || layer.output === undefined ? null : manifest.values[layer.output];
      this.fillNorms(row.querySelector(".norms"), layer);
      if (value) whenSeen(row, () => this.drawThumbs(row, value, arrivalOf(layer, this.explorer.step)));
    });
  }

  async drawThumbs(row, value, arrival) {
    const { step, root } = this.explorer;
    const [data, gradient] = await Promise.all([loadValue(value.number, step, "data"), loadValue(arrival, step, "gradient")]);
    for (const [numbers, name] of [[data, "forward"], [gradient, "backward"]]) {
      const canvas = row.querySelector(`.thumb.${name}`);
      canvas.classList.toggle("absent", !numbers);
      if (numbers) drawThumbnail(canvas, numbers, name === "forward" ? value.role : "result", root);
    }
  }

  /** The norms of a layer's gradients as bars on the logarithmic scale, and how many ReLUs are dark. */
  fillNorms(holder, layer) {
    const arrival = arrivalOf(layer, this.explorer.step);
    const entry = arrival === null ? {} : valueAt(arrival, this.explorer.step);
    const bars = [];
    if (entry.gradient === "none") bars.push(make("span", { class: "norm-text" }, "no gradient"));
    else bars.push(this.makeBar("dy", entry.gradient_norm, "activation", `norm of the gradient at the output of ${layer.name}`));
    const own = parameterNorm(layer, this.explorer.step);
    if (own !== null) bars.push(this.makeBar("dw", own, "parameter", `norm of the gradient of the parameters of ${layer.name}`));
    const dark = darkShare(layer, this.explorer.step);
    if (dark !== null) bars.push(make("span", { class: "dark", title: "the share of ReLUs whose output is 0, and which pass no gradient" }, `${percentText(dark)} dark`));
    holder.replaceChildren(...bars);
  }

  makeBar(symbol, norm, kind, title) {
    const known = norm !== undefined && norm !== null;
    const share = known && norm > 0 ? this.scale.share(norm) : 0;
    return make(
      "span",
      { class: `norm ${kind}`, title: `${title}: ${shortNumber(norm)}` },
      make("span", { class: "norm-track" }, make("span", { class: "norm-bar", style: `width: ${(100 * share).toFixed(1)}%` })),
      make("span", { class: "norm-text" }, make("span", { class: "norm-symbol" }, `|${symbol}| `), known ? shortNumber(norm, 2) : "–"),
    );
  }

  drawScale() {
    const { low, high } = this.scale;
    this.scaleHolder.replaceChildren(
      make("span", { class: "scale-title" }, "gradient norms"),
      make("span", { class: "scale-ends" }, make("span", {}, `10${superscript(low)}`), make("span", {}, `10${superscript(high)}`)),
    );
  }

  /** Mark the row and the operation that the walk is at. */
  mark(station) {
    const number = station.operation ? station.operation.number : null;
    const owner = station.update ? manifest.values[station.update.value].layer : null;
    manifest.layers.forEach((layer, place) => {
      const current = number === null ? layer.name === owner : layer.operations.includes(number);
      const row = this.rows[place];
      row.classList.toggle("current", current);
      row.dataset.phase = current ? station.phase : "";
      for (const chip of row.querySelectorAll(".chip")) {
        if (Number(chip.dataset.operation) === number) chip.setAttribute("aria-current", "step");
        else chip.removeAttribute("aria-current");
      }
      if (current) scrollWithin(byId("network"), row);
    });
  }

  /** Draw the connections: straight from a layer to the next, around by a lane of its own where layers are skipped. */
  drawRail() {
    const places = new Map(manifest.layers.map((layer, place) => [layer.name, place]));
    const middles = this.rows.map((row) => row.offsetTop + row.offsetHeight / 2);
    const edges = manifest.layers.flatMap((layer, to) => (layer.inbound || []).map((name) => [places.get(name), to]));
    const skips = edges.filter(([from, to]) => from !== undefined && to - from !== 1).map(([from, to]) => [Math.min(from, to), Math.max(from, to)]);
    const lanes = assignLanes(skips);
    const width = 22 + 10 * lanes.count;
    const x = width - 11;
    this.list.style.setProperty("--rail", `${width}px`);
    this.rail.setAttribute("width", width);
    this.rail.setAttribute("height", this.list.offsetHeight);
    this.rail.replaceChildren();
    for (const [from, to] of edges) {
      if (to - from === 1) this.rail.append(makeSvg("line", { x1: x, x2: x, y1: middles[from], y2: middles[to], class: "straight" }));
    }
    skips.forEach(([from, to], which) => {
      const lane = x - 10 * (lanes.of[which] + 1);
      const [top, bottom] = [middles[from], middles[to]];
      const path = `M ${x} ${top} Q ${lane} ${top} ${lane} ${top + 12} L ${lane} ${bottom - 12} Q ${lane} ${bottom} ${x} ${bottom}`;
      this.rail.append(makeSvg("path", { d: path, class: "skip" }));
    });
    middles.forEach((y) => this.rail.append(makeSvg("circle", { cx: x, cy: y, r: 5 })));
  }
}

/** Give each skip the first lane in which no other lies beside it: {of: [lane by skip], count}. */
function assignLanes(skips) {
  const ends = []; // by lane, where its last skip ends
  const of = new Array(skips.length);
  const order = skips.map((_, which) => which).sort((one, other) => skips[one][0] - skips[other][0]);
  for (const which of order) {
    let lane = ends.findIndex((end) => end <= skips[which][0]);
    if (lane < 0) lane = ends.length;
    ends[lane] = skips[which][1];
    of[which] = lane;
  }
  return { of, count: ends.length };
}

/** The logarithmic scale of all norms of gradients at a step: whole powers of ten, three at least. */
function normScale(step) {
  const norms = manifest.layers.flatMap((layer) => {
    const arrival = arrivalOf(layer, step);
    const entry = arrival === null ? {} : valueAt(arrival, step);
    return [entry.gradient_norm, parameterNorm(layer, step)];
  });
  const exponents = norms.filter((norm) => norm > 0 && Number.isFinite(norm)).map(Math.log10);
  const high = exponents.length ? Math.ceil(Math.max(...exponents)) : 0;
  const low = exponents.length ? Math.min(Math.floor(Math.min(...exponents)), high - 3) : -3;
  return { low, high, share: (norm) => Math.max(0.01, (Math.log10(norm) - low) / (high - low)) };
}

/**
 * The value at which the gradient arrives at a layer: its output, or if the loss takes what comes before its last
 * activation, the result of that operation. Null for a layer without output.
 */
function arrivalOf(layer, step) {
  if (layer.output === null || layer.output === undefined) return null;
  const results = layer.operations.map((number) => manifest.operations[number].output).reverse();
  return [layer.output, ...results].find((each) => valueAt(each, step).gradient !== "none") ?? layer.output;
}

/** The norm of the gradients of all parameters of a layer together, null when it has none. */
function parameterNorm(layer, step) {
  const own = manifest.values.filter((value) => value.role === "parameter" && value.layer === layer.name);
  const norms = own.map((value) => valueAt(value.number, step).gradient_norm).filter((norm) => norm !== undefined && norm !== null);
  return norms.length ? Math.hypot(...norms) : null;
}

/** The share of zeros at the output of a layer's ReLU, null when it has none. */
function darkShare(layer, step) {
  const rectifiers = layer.operations.map((number) => manifest.operations[number]).filter((one) => ["Relu", "Rectifier"].includes(one.function));
  if (!rectifiers.length) return null;
  const { zeros } = valueAt(rectifiers.at(-1).output, step);
  return zeros === undefined || zeros === null ? null : zeros;
}

/** Bring a row into view inside its own scroller, without moving the page. */
function scrollWithin(holder, row) {
  if (holder.scrollHeight <= holder.clientHeight) return;
  const [outer, inner] = [holder.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top >= outer.top + 60 && inner.bottom <= outer.bottom - 20) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  holder.scrollBy({ top: inner.top - outer.top - outer.height / 2, behavior: calm ? "auto" : "smooth" });
}

/** What of the recording is not in the page. */
function leftOutNote() {
  const left = manifest.left_out || [];
  if (!left.length) return [];
  const lines = left.map((each) => make("li", {}, `${each.name}: ${each.kept} of ${each.of} units are kept${each.steps === "later" ? " at later steps" : ""}`));
  return [make("details", { class: "left-out-list" }, make("summary", {}, `Left out of this page: parts of ${left.length} arrays`), make("ul", {}, lines))];
}
