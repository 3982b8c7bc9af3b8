"use strict";
// Numbers as text: short where they are read, whole where they are compared.

const MINUS = "−";

/** Return a number with so many significant digits, a true minus sign, and powers of ten where it is far from 1. */
function shortNumber(number, digits = 4) {
  if (number === undefined) return "left out";
  if (number === null) return "–";
  if (Number.isNaN(number)) return "NaN";
  if (number === Infinity || number === -Infinity) return number > 0 ? "∞" : `${MINUS}∞`;
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (Number.isInteger(number) && size < 1e6) return signed(String(number));
  if (size >= 1e-3 && size < 1e5) return signed(Number(number.toPrecision(digits)).toString());
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  return `${signed(String(Number(mantissa)))}·10${superscript(Number(exponent))}`;
}

/** Return all digits of a stored float32. */
function fullNumber(number) {
  return shortNumber(number, 8);
}

/** Return a number between brackets where it is negative, to stand in a product. */
function factorText(number) {
  const text = shortNumber(number);
  return text.startsWith(MINUS) ? `(${text})` : text;
}

function signed(text) {
  return text.replace("-", MINUS);
}

/** Return a whole number in superscript digits. */
function superscript(number) {
  const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  return (number < 0 ? "⁻" : "") + [...String(Math.abs(number))].map((digit) => digits[digit]).join("");
}

/** Return a cell as it is written in Python: [0, 2, 0, 5]. */
function cellText(cell) {
  return cell.length ? `[${cell.join(",")}]` : "";
}

/** Return a shape as it is said: 26×26×32, without the axis of samples when there is one sample. */
function shapeText(shape, dropSamples = false) {
  if (!shape.length) return "one number";
  const shown = dropSamples && shape.length > 1 ? shape.slice(1) : shape;
  return shown.join("×");
}

/** Return a count with thin spaces between thousands. */
function countText(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Return a share of 1 in percent. */
function percentText(share) {
  const percent = 100 * share;
  if (percent > 0 && percent < 1) return "< 1 %";
  if (percent > 99 && percent < 100) return "> 99 %";
  return `${Math.round(percent)} %`;
}

/**
 * Return whether a sum taken in double equals the stored float32: to 1e-5 of the sum of the terms' sizes, the error
 * that float32 sums may have whatever their order, or to 1e-6 of `scale`, the largest number of the array: Winograd's
 * convolution rounds by that much where all terms are 0.
 */
function agrees(sum, stored, size, tolerance = 1e-5, scale = 0) {
  if (Number.isNaN(sum) && Number.isNaN(stored)) return true;
  if (sum === stored) return true;
  return Math.abs(sum - stored) <= tolerance * Math.max(size, Math.abs(stored)) + 1e-6 * scale + 1e-30;
}

/** Return the difference of two numbers relative to the larger. */
function relativeError(one, other) {
  if (one === other) return 0;
  return Math.abs(one - other) / Math.max(Math.abs(one), Math.abs(other));
}
