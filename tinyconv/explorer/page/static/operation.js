"use strict";
// The level of one operation: its arrays as maps, its formula, its source, its checks.

/** The view of an operation, or of an update. It owns the maps of one station. */
class OperationView {
  constructor(explorer) {
    this.explorer = explorer;
    this.maps = [];
    this.hovered = null;
  }

  get root() {
    return this.explorer.root;
  }

  get signs() {
    return this.explorer.signs;
  }

  /** Show a station of the walk at the explorer's step. Return false if another was asked for meanwhile. */
  async show(station) {
    const shown = (this.shown = Symbol("station"));
    const { operation, update } = station;
    const { step } = this.explorer;
    const [loaded, updated] = await Promise.all([operation && loadOperation(operation, step), update && loadUpdate(update, step)]);
    if (this.shown !== shown) return false;
    const places = this.station === station ? this.placesOfMaps() : {}; // of the same maps at another step
    Object.assign(this, { station, loaded, updated, maps: [] });
    const holder = byId("operation");
    const columns = this.loaded ? this.operationColumns() : this.updateColumns();
    holder.replaceChildren(
      this.makeHead(),
      ...(station.operation ? [makeFormulas(station)] : []),
      make("div", { class: `columns ${station.phase}`, style: tracksOf(columns) }, columns),
      ...(station.operation ? [makeChecks(station.operation), makeSource(station.operation)] : []),
    );
    for (const map of this.maps) map.sibling = this.mapOf(map.key.startsWith("d_") ? map.key.slice(2) : `d_${map.key}`);
    for (const map of this.maps) if (places[map.key]) this.moveCursor(map, places[map.key]);
    this.redraw();
    const focused = places.focused && this.mapOf(places.focused);
    if (focused) focused.canvas.focus({ preventScroll: true });
    await this.drawHistories();
    return this.shown === shown;
  }

  /** For each map the cell that its cursor is on, and which of the maps has the focus. */
  placesOfMaps() {
    const places = Object.fromEntries(this.maps.map((map) => [map.key, map.cellUnderCursor()]));
    const focused = this.maps.find((map) => map.canvas === document.activeElement);
    return { ...places, focused: focused && focused.key };
  }

  makeHead() {
    const { operation, update, phase, at, of } = this.station;
    const title = operation ? operation.name : `${manifest.optimizer.name} updates ${manifest.values[update.value].name}`;
    const place = { forward: "Forward", loss: "Loss", backward: "Backward", update: "Update" }[phase];
    return make(
      "header",
      { class: "operation-head" },
      make("span", { class: `phase ${phase}` }, `${phaseArrow(phase)} ${place} ${at} of ${of}`),
      make("h2", { tabindex: "-1" }, title),
      operation ? verdictBadge(operation) : null,
    );
  }

  /** A column for each input and for the output: above what went forward, below what came back. */
  operationColumns() {
    const { operation } = this.station;
    const { x, y, dy, d } = this.loaded;
    const inputs = operation.inputs.map((number, place) => {
      const letter = letterOf(operation, place);
      return this.makeColumn(number, letter, [`input${place}`, x[place]], [`d_input${place}`, d[place]]);
    });
    return [...inputs, this.makeColumn(operation.output, "y", ["output", y], ["d_output", dy], true)];
  }

  makeColumn(number, letter, [dataKey, data], [gradientKey, gradient], output = false) {
    const value = manifest.values[number];
    const { step } = this.explorer;
    const kept = valueAt(number, step).kept;
    return make(
      "section",
      { class: `column ${value.role} ${output ? "output" : ""} ${roomOf(value, kept)}`, "aria-label": value.name },
      make(
        "h3",
        {},
        make("span", { class: "role" }, output ? "output" : value.role === "result" ? "input" : value.role),
        make("span", { class: "value-name", title: value.name }, value.name),
        kept ? make("span", { class: "left-out" }, `${kept.length} of ${value.shape.at(-1)} units are kept in this page`) : null,
      ),
      data ? this.addMap(dataKey, letter, value, data) : missing(letter, "Left out of this page, to keep it small."),
      gradient ? this.addMap(gradientKey, `d${letter}`, value, gradient) : missing(`d${letter}`, noGradient(number, step)),
      value.role === "parameter" && manifest.steps.length > 1 ? make("div", { class: "history", "data-value": number }) : null,
    );
  }

  updateColumns() {
    const { update } = this.station;
    const value = manifest.values[update.value];
    const { before, after, gradient, slots } = this.updated;
    const shown = [["before", "w", before, "before"], ["gradient", "g", gradient, "gradient"]];
    for (const [name, [, numbers]] of Object.entries(slots)) shown.push([`slot_${name}`, SLOT_LETTERS[name] || name, numbers, `${name}, after`]);
    shown.push(["after", "w′", after, "after"]);
    return shown.map(([key, symbol, numbers, title]) => {
      return make(
        "section",
        { class: `column update ${roomOf(value)}`, "aria-label": title },
        make("h3", {}, make("span", { class: "role" }, title)),
        numbers ? this.addMap(key, symbol, value, numbers) : missing(symbol, "Left out of this page, to keep it small."),
      );
    });
  }

  addMap(key, symbol, value, numbers) {
    const height = Math.max(150, 0.24 * innerHeight);
    const map = new CellMap({ key, symbol, name: value.name, numbers, role: value.role, owner: this, height });
    this.maps.push(map);
    return map.element;
  }

  /** Below each parameter, the plane that is shown at every step of the page. */
  async drawHistories() {
    for (const holder of document.querySelectorAll("#operation .history")) {
      const number = Number(holder.dataset.value);
      const map = this.maps.find((each) => each.key.startsWith("input") && this.station.operation.inputs[Number(each.key.slice(5))] === number);
      if (!map) continue;
      const pictures = await Promise.all(manifest.steps.map((count, step) => this.makePicture(map, number, count, step)));
      holder.replaceChildren(make("span", { class: "history-title" }, "after updates"), ...pictures.filter(Boolean));
    }
  }

  async makePicture(map, number, count, step) {
    const numbers = await loadValue(number, step, "data");
    if (!numbers) return null;
    const layout = new Layout(numbers.shape, numbers.shape.length > 0, numbers.kept);
    const canvas = make("canvas", { width: 48, height: 48 });
    const [width, height] = fitted(layout, 48);
    const plane = map.plane.map((place, which) => Math.min(place, layout.indices[layout.planeAxes[which]].length - 1));
    drawPlane(canvas.getContext("2d"), numbers, layout, plane, map.scale, 0, 0, width, height);
    const current = step === this.explorer.step;
    return make("button", { class: "picture", "aria-pressed": String(current), onclick: () => this.explorer.setStep(step) }, canvas, String(count));
  }

  mapOf(key) {
    return this.maps.find((map) => map.key === key);
  }

  onVisit(map, cell) {
    this.hovered = { target: map.key, cell };
    this.explorer.preview(this.hovered);
  }

  onLeave() {
    this.hovered = null;
    this.explorer.preview(null);
  }

  onPin(map, cell) {
    this.explorer.pin({ target: map.key, cell });
  }

  /**
   * Light the cells that an explanation speaks of; with `turn`, each map turns to the plane of its largest term, or if
   * it has the pinned one's shape, to the same plane.
   */
  light(place, result, turn) {
    const lit = litCells(place, result);
    if (turn) {
      const shape = String(this.mapOf(place.target).numbers.shape);
      for (const map of this.maps) {
        if (lit[map.key]) map.turnTo(lit[map.key][0]);
        else if (String(map.numbers.shape) === shape) map.turnTo(place.cell);
      }
      this.moveCursor(this.mapOf(place.target), place.cell);
      this.drawHistories();
    }
    for (const map of this.maps) map.setLit(lit[map.key] || [], place && map.key === place.target ? place.cell : null);
  }

  moveCursor(map, cell) {
    const position = map.turnTo(cell);
    if (position) map.cursor = { row: position.row, column: position.column };
  }

  redraw() {
    for (const map of this.maps) map.draw();
  }
}

/** The widths of a few columns side by side; many are wrapped. */
function tracksOf(columns) {
  if (columns.length > 4 && (columns.length > 5 || columns[0].classList.contains("update"))) return null;
  const share = ({ classList }) => (classList.contains("big") ? 2 : classList.contains("planes") ? 1.5 : 1);
  return `--tracks: ${columns.map((each) => `minmax(0, ${share(each)}fr)`).join(" ")}`;
}

/** How much room a value's maps need: much for large planes, some for many planes. */
function roomOf(value, kept = null) {
  const layout = new Layout(value.shape, value.role === "parameter", kept);
  if (layout.rows * layout.columns > 100 || (value.shape.length > 1 && layout.columns > 5)) return "big";
  return layout.stripLength() > 1 ? "planes" : "small";
}

/** For each map the cells that the terms of an explanation read, largest term first. */
function litCells(place, result) {
  const lit = {};
  if (!place || !result) return lit;
  const factors = (result.terms || []).concat(result.slopes || []).flatMap((each) => each.factors);
  for (const { map, cell } of factors) {
    if (map && cell && map !== place.target) (lit[map] = lit[map] || []).push(cell);
  }
  if (result.hearsFrom) lit.d_output = result.hearsFrom;
  if (result.uses && result.uses.length) lit.output = lit.d_output = result.uses;
  return lit;
}

/** The letters of the optimizers' slots in their rules. */
const SLOT_LETTERS = { momentum: "m", velocity: "v", velocity_hat: "v̂", average_gradient: "a" };

/** Load the arrays of an update. */
async function loadUpdate(update, step) {
  const entry = update.steps[Math.min(step, update.steps.length - 1)] || {};
  const { shape } = manifest.values[update.value];
  const kept = entry.kept || valueAt(update.value, step).kept;
  const load = (id) => numbersOf(id, shape, kept);
  const [before, after, gradient] = await Promise.all([entry.before, entry.after, entry.gradient].map(load));
  const slots = {};
  for (const [name, ids] of Object.entries(entry.slots || {})) slots[name] = await Promise.all(ids.map(load));
  return { before, after, gradient, slots };
}

/** What stands where a map is missing. */
function missing(symbol, reason) {
  return make("div", { class: "missing" }, make("span", { class: "symbol" }, symbol), make("p", {}, reason));
}

function phaseArrow(phase) {
  return { forward: "→", loss: "◎", backward: "←", update: "↻" }[phase];
}
