"use strict";
// How an array of any shape lies flat: rows, columns, and planes to choose from.
//
//     images (n,h,w,c)           rows h, columns w, planes n and c
//     kernels (kh,kw,in,out)     rows kh, columns kw, planes in and out
//     vectors                    folded into a nearly square picture
//     matrices (in,out)          as they are when small, else one folded column a plane

const FOLD_FROM = 16; // a longer vector is folded
const MATRIX_UP_TO = 64;

class Layout {
  /** `parameter` says that no axis counts samples; `kept` which indices of the last axis there are. */
  constructor(shape, parameter, kept) {
    this.shape = shape;
    this.indices = shape.map((length) => Array.from({ length }, (_, index) => index));
    if (kept) this.indices[shape.length - 1] = kept;
    this.keptPlaces = kept ? new Map(kept.map((index, place) => [index, place])) : null;
    const [rows, columns, planes] = this.axes(parameter);
    this.rowAxis = rows;
    this.columnAxis = columns;
    this.planeAxes = planes; // the last one is shown as a strip of pictures
    if (rows === null) {
      const count = columns === null ? 1 : this.indices[columns].length;
      this.columns = count > FOLD_FROM ? foldedWidth(count) : count;
      this.rows = Math.ceil(count / this.columns);
    } else {
      this.rows = this.indices[rows].length;
      this.columns = this.indices[columns].length;
    }
  }

  /** Return [axis of rows or null, axis of columns or null, axes of planes]. Without rows, columns are folded. */
  axes(parameter) {
    const lengths = this.indices.map((each) => each.length);
    switch (lengths.length) {
      case 0:
        return [null, null, []];
      case 1:
        return [null, 0, []];
      case 2:
        if (!parameter) return [null, 1, [0]];
        return Math.max(...lengths) <= MATRIX_UP_TO ? [0, 1, []] : [null, 0, [1]];
      case 3:
        return parameter ? [0, 1, [2]] : [1, 2, [0]];
      case 4:
        return parameter ? [0, 1, [2, 3]] : [1, 2, [0, 3]];
      default:
        return [1, 2, [...lengths.keys()].filter((axis) => axis !== 1 && axis !== 2)];
    }
  }

  /** Return the cell at a row and a column of a plane (places among the indices of the plane axes), or null. */
  cellAt(row, column, plane) {
    const cell = new Array(this.shape.length).fill(0);
    this.planeAxes.forEach((axis, which) => (cell[axis] = this.indices[axis][plane[which]]));
    if (this.rowAxis === null) {
      if (this.columnAxis === null) return cell;
      const place = row * this.columns + column;
      if (place >= this.indices[this.columnAxis].length) return null;
      cell[this.columnAxis] = this.indices[this.columnAxis][place];
      return cell;
    }
    cell[this.rowAxis] = this.indices[this.rowAxis][row];
    cell[this.columnAxis] = this.indices[this.columnAxis][column];
    return cell;
  }

  /** Return {row, column, plane} of a cell, or null when it is left out. */
  positionOf(cell) {
    const places = [...cell];
    if (this.keptPlaces) places[places.length - 1] = this.keptPlaces.get(cell.at(-1));
    if (places.includes(undefined)) return null;
    const plane = this.planeAxes.map((axis) => places[axis]);
    if (this.columnAxis === null) return { row: 0, column: 0, plane };
    const column = places[this.columnAxis];
    if (this.rowAxis !== null) return { row: places[this.rowAxis], column, plane };
    return { row: Math.floor(column / this.columns), column: column % this.columns, plane };
  }

  /** Return how many planes there are along the axis of the strip. */
  stripLength() {
    return this.planeAxes.length ? this.indices[this.planeAxes.at(-1)].length : 1;
  }
}

/** The width of a folded vector: a divisor near the square root, or the square root itself. */
function foldedWidth(length) {
  const square = Math.ceil(Math.sqrt(length));
  for (let width = square; width <= 2 * square; width++) if (length % width === 0) return width;
  return square;
}

/** Paint a plane of an array into an image, one pixel a cell. */
function planeImage(numbers, layout, plane, scale) {
  const { rows, columns } = layout;
  const image = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = layout.cellAt(row, column, plane);
      if (!cell) continue; // beyond the end of a folded vector: nothing
      const [red, green, blue] = scale.colour(numbers.at(cell));
      image.data.set([red, green, blue, 255], 4 * (row * columns + column));
    }
  }
  return image;
}

const stamp = document.createElement("canvas"); // where images of one pixel a cell wait to be enlarged

/** Draw a plane of an array into a rectangle of a canvas, cells with hard edges. */
function drawPlane(context, numbers, layout, plane, scale, x, y, width, height) {
  stamp.width = layout.columns;
  stamp.height = layout.rows;
  stamp.getContext("2d").putImageData(planeImage(numbers, layout, plane, scale), 0, 0);
  context.imageSmoothingEnabled = layout.columns > 2 * width; // made smaller: averaged
  context.drawImage(stamp, x, y, width, height);
}

/** The width and height of a layout's picture in a square; a long one is stretched, to be seen. */
function fitted({ columns, rows }, side) {
  const longest = Math.max(columns, rows);
  return [columns, rows].map((length) => Math.max(side / 4, (side * length) / longest));
}

/** Draw a thumbnail: up to four planes of an array, a picture of three channels in its own colours. */
function drawThumbnail(canvas, numbers, role, root) {
  const size = Math.round(canvas.clientWidth * devicePixelRatio) || 48;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const layout = new Layout(numbers.shape, role === "parameter", numbers.kept);
  const count = layout.stripLength();
  const scale = scaleOf(numbers, role, root);
  const side = count >= 4 ? 2 : 1;
  const gap = side > 1 ? Math.max(1, Math.round(size / 32)) : 0;
  const each = Math.floor((size - gap * (side - 1)) / side);
  const plane = layout.planeAxes.map(() => 0);
  for (let place = 0; place < side * side; place++) {
    if (plane.length) plane[plane.length - 1] = Math.floor((place * count) / (side * side)); // evenly spread
    const [width, height] = fitted(layout, each);
    const x = (place % side) * (each + gap) + (each - width) / 2;
    const y = Math.floor(place / side) * (each + gap) + (each - height) / 2;
    if (scale.grey && count === 3 && numbers.shape.length === 4) return drawColours(context, numbers, layout, scale, x, y, width, height);
    drawPlane(context, numbers, layout, plane, scale, x, y, width, height);
  }
}

/** Draw the first sample of images of three channels as the picture that it is. */
function drawColours(context, numbers, layout, scale, x, y, width, height) {
  const image = new ImageData(layout.columns, layout.rows);
  for (let row = 0; row < layout.rows; row++) {
    for (let column = 0; column < layout.columns; column++) {
      const channels = [0, 1, 2].map((c) => (255 * numbers.at([0, row, column, c])) / scale.most);
      image.data.set([...channels, 255], 4 * (row * layout.columns + column));
    }
  }
  stamp.width = layout.columns;
  stamp.height = layout.rows;
  stamp.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(stamp, x, y, width, height);
}
