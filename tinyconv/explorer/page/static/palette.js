"use strict";
// Numbers as colours: blue below zero, orange above, the paper's own colour at zero. Told apart with any colour vision.

const STOPS = {
  light: { below: ["#f8f7f4", "#a9c8e8", "#3f7fc4", "#123f7d"], above: ["#f8f7f4", "#f7cb9a", "#df7d1c", "#7d3a05"] },
  dark: { below: ["#1b1f26", "#27496f", "#4a8fd6", "#b5dcff"], above: ["#1b1f26", "#6e431c", "#d98532", "#ffdcb0"] },
};
const STEPS = 255; // colours on each side of zero

/** Return "light" or "dark", whichever the page is shown in. */
function themeNow() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

const tables = {};

/** The colours from the lowest to the highest number as [red, green, blue], zero in the middle. */
function tableOf(theme) {
  if (!tables[theme]) {
    const side = (stops) => Array.from({ length: STEPS + 1 }, (_, step) => mixed(stops, step / STEPS));
    tables[theme] = [...side(STOPS[theme].below).reverse(), ...side(STOPS[theme].above).slice(1)];
  }
  return tables[theme];
}

/** The colour at a share of the way along stops. */
function mixed(stops, share) {
  const at = Math.min(share * (stops.length - 1), stops.length - 1.000001);
  const [from, to] = [stops[Math.floor(at)], stops[Math.floor(at) + 1]].map(channelsOf);
  return from.map((channel, which) => Math.round(channel + (to[which] - channel) * (at % 1)));
}

function channelsOf(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

/**
 * A scale from numbers to colours. `most` is the largest size, shown in the strongest colour. With `root` the colour
 * follows the square root of the size, so that small numbers are seen beside large ones. Grey is for pictures.
 */
class Scale {
  constructor(most, { root = false, grey = false } = {}) {
    this.most = most > 0 && Number.isFinite(most) ? most : 1;
    this.root = root;
    this.grey = grey;
    this.table = tableOf(themeNow());
  }

  /** The colour of a number. What is no number is magenta, and meant to be seen. */
  colour(number) {
    if (!Number.isFinite(number)) return [220, 0, 140];
    let share = Math.max(-1, Math.min(1, number / this.most));
    if (this.grey) return Array(3).fill(Math.round(255 * Math.max(0, share)));
    if (this.root) share = Math.sign(share) * Math.sqrt(Math.abs(share));
    return this.table[Math.round(STEPS + share * STEPS)];
  }

  /** Black or white, whichever is read better on the colour of a number. */
  ink(number) {
    const [red, green, blue] = this.colour(number).map((channel) => (channel / 255) ** 2.2);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
  }
}

/** The scale of an array: zero in the middle, the largest size at both ends. */
function scaleOf(numbers, role, root) {
  let [least, most] = [0, 0];
  for (const number of numbers.data) {
    if (number < least) least = number;
    else if (number > most) most = number;
  }
  return new Scale(Math.max(most, -least), { root: root && role !== "input", grey: role === "input" && least >= 0 });
}
