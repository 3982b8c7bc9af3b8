"use strict";
// A map: one array of an operation, drawn on canvas, that mouse and keyboard can walk, preview and pin.
//
// It tells its owner through `onVisit(map, cell)`, `onLeave(map)` and `onPin(map, cell)`, and is told which cells are lit.

const THUMB = 30; // side of a thumbnail in the strip of planes
const CELL_UP_TO = 44; // no cell is larger
const PRINT_NUMBERS_FROM = 34; // cells of this size carry their number
const PRINT_SIGNS_FROM = 7;

class CellMap {
  /** `key` is "input0", "d_input0", "output" …; `numbers` what it shows; `role` that of its value. */
  constructor({ key, symbol, name, numbers, role, owner, height = 240 }) {
    Object.assign(this, { key, symbol, name, numbers, role, owner, height });
    this.layout = new Layout(numbers.shape, role === "parameter" && numbers.shape.length > 0, numbers.kept);
    this.plane = this.layout.planeAxes.map(() => 0);
    this.cursor = { row: 0, column: 0 };
    this.lit = [];
    this.pinned = null;
    this.build();
  }

  build() {
    const label = `${this.symbol}, ${this.name}, ${shapeText(this.numbers.shape)}. Arrow keys move, page up and page down change the plane, Enter pins.`;
    this.canvas = make("canvas", { class: "cells", tabindex: "0", role: "application", "aria-roledescription": "map of numbers", "aria-label": label, "data-key": this.key });
    this.stripCanvas = make("canvas", { class: "strip", "aria-hidden": "true" });
    this.stripHolder = make("div", { class: "strip-holder", hidden: this.layout.stripLength() < 2 }, this.stripCanvas);
    this.readout = make("span", { class: "readout" });
    this.legendHolder = make("div", { class: "legend" });
    this.element = make(
      "figure",
      { class: `map ${this.key.startsWith("d_") ? "gradient" : "data"}`, "data-key": this.key },
      make("figcaption", {}, make("span", { class: "symbol" }, this.symbol), make("span", { class: "shape" }, shapeText(this.numbers.shape)), this.readout),
      make("div", { class: "stage" }, this.canvas),
      this.makeSteppers(),
      this.stripHolder,
      this.legendHolder,
    );
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    this.canvas.addEventListener("focus", () => this.visit());
    this.canvas.addEventListener("blur", () => this.owner.onLeave(this));
    this.canvas.addEventListener("pointermove", (event) => this.onPointer(event));
    this.canvas.addEventListener("pointerleave", () => this.owner.onLeave(this));
    this.canvas.addEventListener("click", (event) => {
      this.onPointer(event);
      this.pin();
    });
    this.stripCanvas.addEventListener("click", (event) => this.onStrip(event));
  }

  /** Fields to step through the plane axes before the last: the sample, the input channel of a kernel. */
  makeSteppers() {
    const { planeAxes, indices, shape } = this.layout;
    this.steppers = planeAxes.map((axis, which) => {
      const count = indices[axis].length;
      if (count < 2) return null;
      const name = axisName(axis, shape, this.role);
      const field = make("input", { type: "number", min: 0, max: shape[axis] - 1, value: indices[axis][0], "aria-label": `${name} of ${this.symbol}` });
      field.addEventListener("change", () => {
        const place = indices[axis].indexOf(Number(field.value));
        if (place >= 0) this.plane[which] = place;
        this.redraw();
      });
      return make("label", { class: "stepper" }, `${name} `, field);
    });
    return make("div", { class: "steppers" }, this.steppers);
  }

  /** Show other numbers of the same shape, as of another step. */
  setNumbers(numbers) {
    this.numbers = numbers;
    this.draw();
  }

  /** Light cells, and frame the pinned one. */
  setLit(lit, pinned) {
    const same = !lit.length && !this.lit.length && !pinned && !this.pinned && this.drawn === String(this.plane);
    this.lit = lit;
    this.pinned = pinned;
    if (!same) this.draw();
  }

  /** Turn to the plane of a cell. */
  turnTo(cell) {
    const position = this.layout.positionOf(cell);
    if (position) this.plane = position.plane;
    if (position && this.sibling) this.sibling.plane = [...position.plane];
    return position;
  }

  /** Draw this map and the one of the same column, which shows the same plane: a value and its gradient. */
  redraw() {
    if (this.sibling) this.sibling.plane = [...this.plane];
    if (this.sibling) this.sibling.draw();
    this.draw();
    this.owner.drawHistories();
  }

  /** Draw everything anew. */
  draw() {
    this.drawn = String(this.plane);
    this.scale = scaleOf(this.numbers, this.role, this.owner.root);
    this.drawCells();
    this.drawStrip();
    drawLegend(this.legendHolder, this.scale);
    this.steppers.forEach((label, which) => {
      if (label) label.querySelector("input").value = this.layout.indices[this.layout.planeAxes[which]][this.plane[which]];
    });
  }

  drawCells() {
    const { rows, columns } = this.layout;
    const width = this.element.clientWidth || 240;
    this.side = Math.min(CELL_UP_TO * unit(), width / columns, Math.max(this.height, 60) / rows);
    if (this.side > 3) this.side = Math.floor(this.side);
    const ratio = devicePixelRatio;
    const size = [columns * this.side, rows * this.side];
    this.canvas.style.width = `${size[0]}px`;
    this.canvas.style.height = `${size[1]}px`;
    this.canvas.width = Math.max(1, Math.round(size[0] * ratio));
    this.canvas.height = Math.max(1, Math.round(size[1] * ratio));
    const context = this.canvas.getContext("2d");
    drawPlane(context, this.numbers, this.layout, this.plane, this.scale, 0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.printCells(context);
    this.drawLit(context);
  }

  /** Print numbers into large cells, signs into smaller ones on request. */
  printCells(context) {
    const numbers = this.side >= PRINT_NUMBERS_FROM;
    if (!numbers && !(this.owner.signs && this.side >= PRINT_SIGNS_FROM)) return;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = numbers ? `${Math.round(this.side / 3.9)}px system-ui, sans-serif` : `bold ${Math.max(8, this.side * 0.7)}px monospace`;
    for (let row = 0; row < this.layout.rows; row++) {
      for (let column = 0; column < this.layout.columns; column++) {
        const cell = this.layout.cellAt(row, column, this.plane);
        const number = cell ? this.numbers.at(cell) : undefined;
        if (number === undefined || (number === 0 && !numbers)) continue;
        context.fillStyle = this.scale.ink(number);
        const text = numbers ? shortNumber(number, 2).replace("·10", "e") : number > 0 ? "+" : MINUS;
        context.fillText(text, (column + 0.5) * this.side, (row + 0.5) * this.side, this.side - 2);
      }
    }
  }

  /** Draw the outline of the lit cells of this plane, and a frame about the pinned one and the cursor. */
  drawLit(context) {
    const places = new Set();
    for (const cell of this.lit) {
      const position = this.layout.positionOf(cell);
      if (position && position.plane.every((place, which) => place === this.plane[which])) {
        places.add(position.row * this.layout.columns + position.column);
      }
    }
    const style = getComputedStyle(document.documentElement);
    const [lit, halo, pin] = ["--lit", "--halo", "--pin"].map((name) => style.getPropertyValue(name));
    if (places.size) {
      strokeTwice(context, outlineOf(places, this.layout, this.side), halo, lit, this.side > 5 ? 2 : 1.5);
    }
    const position = this.pinned ? this.layout.positionOf(this.pinned) : null;
    if (position && position.plane.every((place, which) => place === this.plane[which])) {
      strokeTwice(context, frameOf(position, this.side), halo, pin, 3);
    }
    if (document.activeElement === this.canvas) strokeTwice(context, frameOf(this.cursor, this.side), halo, lit, 2);
  }

  drawStrip() {
    const count = this.layout.stripLength();
    if (count < 2) return;
    const ratio = devicePixelRatio;
    const { rows, columns } = this.layout;
    const longest = Math.max(rows, columns);
    this.thumb = [(THUMB * columns) / longest, (THUMB * rows) / longest].map((side) => Math.max(4, Math.round(side)));
    const across = Math.max(1, Math.floor((this.element.clientWidth - 8) / (this.thumb[0] + 4)));
    this.across = Math.min(across, count);
    const down = Math.ceil(count / this.across);
    const size = [this.across * (this.thumb[0] + 4), down * (this.thumb[1] + 4)];
    Object.assign(this.stripCanvas.style, { width: `${size[0]}px`, height: `${size[1]}px` });
    this.stripCanvas.width = size[0] * ratio;
    this.stripCanvas.height = size[1] * ratio;
    const context = this.stripCanvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const litPlanes = new Set(this.lit.map((cell) => this.layout.positionOf(cell)?.plane.at(-1)));
    const style = getComputedStyle(document.documentElement);
    for (let place = 0; place < count; place++) {
      const [x, y] = this.thumbCorner(place);
      drawPlane(context, this.numbers, this.layout, [...this.plane.slice(0, -1), place], this.scale, x, y, ...this.thumb);
      const current = place === this.plane.at(-1);
      if (!current && !litPlanes.has(place)) continue;
      context.lineWidth = current ? 2 : 1;
      context.strokeStyle = style.getPropertyValue(current ? "--pin" : "--lit");
      context.strokeRect(x - 1, y - 1, this.thumb[0] + 2, this.thumb[1] + 2);
      const { scrollTop, clientHeight } = this.stripHolder;
      if (current && (y < scrollTop || y + this.thumb[1] > scrollTop + clientHeight)) this.stripHolder.scrollTop = y - 4;
    }
  }

  thumbCorner(place) {
    return [(place % this.across) * (this.thumb[0] + 4) + 2, Math.floor(place / this.across) * (this.thumb[1] + 4) + 2];
  }

  onStrip(event) {
    const place = Math.floor(event.offsetY / (this.thumb[1] + 4)) * this.across + Math.floor(event.offsetX / (this.thumb[0] + 4));
    if (place < this.layout.stripLength()) this.plane[this.plane.length - 1] = place;
    this.redraw();
  }

  cellUnderCursor() {
    return this.layout.cellAt(this.cursor.row, this.cursor.column, this.plane);
  }

  onPointer(event) {
    const row = Math.floor(event.offsetY / this.side);
    const column = Math.floor(event.offsetX / this.side);
    if (row < 0 || column < 0 || row >= this.layout.rows || column >= this.layout.columns) return;
    if (event.type === "pointermove" && this.visited && row === this.cursor.row && column === this.cursor.column) return;
    this.cursor = { row, column };
    this.visit();
  }

  /** Tell where the cursor is: in the caption, aloud, and to the owner. */
  visit() {
    const cell = this.cellUnderCursor();
    if (!cell) return;
    this.visited = true;
    const number = this.numbers.at(cell);
    this.readout.textContent = `${cellText(cell)} = ${shortNumber(number)}`;
    announce(this.spoken(cell, number));
    this.owner.onVisit(this, cell);
  }

  spoken(cell, number) {
    const { row, column } = this.cursor;
    const planes = this.layout.planeAxes
      .filter((axis) => this.layout.shape[axis] > 1)
      .map((axis) => `, ${axisName(axis, this.layout.shape, this.role)} ${cell[axis]}`);
    return `${this.symbol}, row ${row}, column ${column}${planes.join("")}: ${shortNumber(number)}`;
  }

  pin() {
    const cell = this.cellUnderCursor();
    if (cell) this.owner.onPin(this, cell);
  }

  onKey(event) {
    const { rows, columns } = this.layout;
    const { row, column } = this.cursor;
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, columns - 1],
    };
    if (moves[event.key]) {
      const [to, across] = moves[event.key];
      this.cursor = { row: Math.min(rows - 1, Math.max(0, to)), column: Math.min(columns - 1, Math.max(0, across)) };
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      this.turn(event.key === "PageUp" ? -1 : 1);
    } else if (event.key === "Enter" || event.key === " ") {
      this.pin();
    } else {
      return; // not for the map: the page may know it
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== " ") this.visit();
    this.redraw();
  }

  /** Turn to the next or the previous plane, through all of them. */
  turn(by) {
    const lengths = this.layout.planeAxes.map((axis) => this.layout.indices[axis].length);
    const count = sizeOf(lengths);
    if (count > 1) this.plane = cellAt((placeOf(this.plane, lengths) + by + count) % count, lengths);
  }
}
