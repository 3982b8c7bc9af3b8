"use strict";
// Lines about cells: outlines of regions, frames, and the legend under a map.

/** The outline of a set of places of a layout: the edges between a lit cell and one that is not. */
function outlineOf(places, layout, side) {
  const path = new Path2D();
  const { rows, columns } = layout;
  const lit = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns && places.has(row * columns + column);
  for (const place of places) {
    const [row, column] = [Math.floor(place / columns), place % columns];
    const [x, y] = [column * side, row * side];
    const edges = [
      [lit(row - 1, column), x, y, x + side, y],
      [lit(row + 1, column), x, y + side, x + side, y + side],
      [lit(row, column - 1), x, y, x, y + side],
      [lit(row, column + 1), x + side, y, x + side, y + side],
    ];
    for (const [inside, fromX, fromY, toX, toY] of edges) {
      if (inside) continue;
      path.moveTo(fromX, fromY);
      path.lineTo(toX, toY);
    }
  }
  return path;
}

/** The frame about one cell. */
function frameOf({ row, column }, side) {
  const path = new Path2D();
  const grow = Math.max(0, 5 - side) / 2; // a tiny cell gets a frame that can be seen
  path.rect(column * side - grow, row * side - grow, side + 2 * grow, side + 2 * grow);
  return path;
}

/** Stroke a path with a halo, so that it is seen on every colour. */
function strokeTwice(context, path, halo, colour, width) {
  context.lineJoin = context.lineCap = "round";
  context.strokeStyle = halo;
  context.lineWidth = width + 2;
  context.stroke(path);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** Fill the legend of a scale: a bar of its colours with the numbers at its ends and in its middle. */
function drawLegend(holder, scale) {
  const [left, right] = scale.grey ? [0, scale.most] : [-scale.most, scale.most];
  const stops = [];
  for (let stop = 0; stop <= 16; stop++) {
    stops.push(`rgb(${scale.colour(left + ((right - left) * stop) / 16).join(",")})`);
  }
  const bar = make("span", { class: "bar", style: `background: linear-gradient(to right, ${stops.join(",")})` });
  holder.replaceChildren(make("span", {}, shortNumber(left, 2)), bar, make("span", {}, `${scale.grey ? "" : "+"}${shortNumber(right, 2)}`));
  holder.title = scale.root ? "colours follow the square root of the number's size" : "colours follow the number";
}

/** What an axis counts, in the field's words. */
function axisName(axis, shape, role) {
  if (role === "parameter") {
    if (shape.length === 4) return ["row", "column", "input channel", "filter"][axis];
    if (shape.length === 3) return ["tap", "input channel", "filter"][axis];
    return shape.length === 2 ? ["input", "unit"][axis] : "channel";
  }
  if (axis === 0) return "sample";
  if (axis === shape.length - 1) return shape.length > 2 ? "channel" : "unit";
  return ["row", "column", "depth"][axis - 1] || `axis ${axis}`;
}
