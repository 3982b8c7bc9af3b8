"use strict";
// Arrays of the page: each is one inert element with base64 text, inflated when it is first looked at.
//
// An element holds little-endian numbers, cut into byte planes (all first bytes, all second bytes, …), then zlib, then
// base64. Of a large array some units of the last axis may be left out; `kept` lists the indices of those that are there.

/** The manifest: everything about the recording but the numbers themselves. */
const manifest = JSON.parse((document.getElementById("manifest") || { textContent: "null" }).textContent);

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** An array with its shape. `at` answers undefined for a cell that is left out of the page. */
class Numbers {
  constructor(data, shape, kept) {
    this.data = data;
    this.shape = shape;
    this.kept = kept || null;
    this.places = null; // index along the last axis → its place among the kept ones
    if (this.kept) this.places = new Map(this.kept.map((index, place) => [index, place]));
  }

  /** Return the number at a cell, a list of indices, or undefined if it is left out. */
  at(cell) {
    const last = this.shape.length - 1;
    let place = 0;
    for (let axis = 0; axis < last; axis++) place = place * this.shape[axis] + cell[axis];
    if (last < 0) return this.data[0];
    if (!this.kept) return this.data[place * this.shape[last] + cell[last]];
    const found = this.places.get(cell[last]);
    return found === undefined ? undefined : this.data[place * this.kept.length + found];
  }

  /** Return whether a cell is in the page. */
  has(cell) {
    return !this.kept || this.places.has(cell[cell.length - 1]);
  }
}

/** Return the number of cells of a shape. */
function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

/** Return the place of a cell in row-major order. */
function placeOf(cell, shape) {
  return cell.reduce((place, index, axis) => place * shape[axis] + index, 0);
}

/** Return the cell at a place in row-major order: the inverse of placeOf. */
function cellAt(place, shape) {
  const cell = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    cell[axis] = place % shape[axis];
    place = Math.floor(place / shape[axis]);
  }
  return cell;
}

/** Return whether two cells are the same. */
function sameCell(one, other) {
  return Boolean(one && other) && one.length === other.length && one.every((index, axis) => index === other[axis]);
}

const inflated = new Map(); // id → promise of the typed array

/** Inflate an array element, once; return a promise of its typed array. */
function inflate(id) {
  if (!inflated.has(id)) inflated.set(id, inflateElement(document.getElementById(id)));
  return inflated.get(id);
}

async function inflateElement(element) {
  const Type = TYPES[element.dataset.dtype];
  const text = atob(element.textContent.trim());
  const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const width = Type.BYTES_PER_ELEMENT;
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < width; plane++) {
    for (let place = 0; place < count; place++) bytes[place * width + plane] = planes[plane * count + place];
  }
  element.textContent = ""; // the text is needed no more
  return new Type(bytes.buffer);
}

/** Return the Numbers of an array id that has a value's shape, or null for no id. */
async function numbersOf(id, shape, kept) {
  if (!id || id === "none") return null;
  const data = await inflate(id);
  const stored = kept && data.length !== sizeOf(shape) ? kept : null;
  return new Numbers(data, shape, stored);
}

/** Return the Numbers of an array that is no value's: its own shape stands at its element. */
async function ownNumbers(id, kept) {
  const text = document.getElementById(id).dataset.shape;
  const shape = text ? text.split(",").filter(Boolean).map(Number) : [];
  return new Numbers(await inflate(id), shape, kept);
}

/** Return a value's entry for a step. */
function valueAt(number, step) {
  const steps = manifest.values[number].steps;
  return steps[Math.min(step, steps.length - 1)] || {};
}

/** Return the Numbers of a value, "data" or "gradient", at a step; null where there are none. */
function loadValue(number, step, which) {
  const entry = valueAt(number, step);
  return numbersOf(entry[which], manifest.values[number].shape, entry.kept);
}

/**
 * Load all arrays of an operation at a step, for its terms and its maps:
 * x: those of its inputs; y: of its output; dy: of the output's gradient; d: for each input what was passed to it;
 * arrivals: what each operation that uses the output passes back, whose sum is dy.
 */
async function loadOperation(operation, step) {
  const entry = operation.steps[Math.min(step, operation.steps.length - 1)] || {};
  const passed = entry.passed || [];
  const names = Object.keys(entry.arrays || {});
  const users = usersOf(operation.output);
  const [x, y, dy, d, arrays, arrivals] = await Promise.all([
    Promise.all(operation.inputs.map((number) => loadValue(number, step, "data"))),
    loadValue(operation.output, step, "data"),
    loadValue(operation.output, step, "gradient"),
    Promise.all(operation.inputs.map((number, place) => loadPassed(number, passed[place], step))),
    Promise.all(names.map((name) => loadHelper(operation, name, entry.arrays[name], step))),
    Promise.all(users.map((user) => loadPassed(operation.output, passedOf(user, step), step))),
  ]);
  const named = Object.fromEntries(names.map((name, place) => [name, arrays[place]]));
  return { operation, step, settings: operation.settings || {}, x, y, dy, d, arrays: named, users, arrivals };
}

/** What an operation passes to the input at a place: "all", an array's id or null. */
function passedOf({ operation, place }, step) {
  const entry = operation.steps[Math.min(step, operation.steps.length - 1)] || {};
  return (entry.passed || [])[place];
}

function loadPassed(number, passed, step) {
  if (!passed) return null;
  if (passed === "all") return loadValue(number, step, "gradient");
  return numbersOf(passed, manifest.values[number].shape, valueAt(number, step).kept);
}

/** Load a helper array of an operation. One that is cut like the output has the output's kept units. */
async function loadHelper(operation, name, id, step) {
  if (!id) return null;
  const numbers = await ownNumbers(id, null);
  for (const number of [operation.output, operation.inputs[0]]) {
    const { shape } = manifest.values[number];
    const { kept } = valueAt(number, step);
    if (!kept || !shape.length) continue;
    if (numbers.shape.at(-1) === kept.length && kept.length < shape.at(-1)) {
      return new Numbers(numbers.data, [...numbers.shape.slice(0, -1), shape.at(-1)], kept);
    }
  }
  return numbers;
}
