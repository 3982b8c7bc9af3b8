"use strict";
// The level of one cell: the formula with its numbers, term by term, and the sum beside what is stored.

const TERMS_SHOWN = 10;

/** Fill the panel with the explanation of a cell. */
function showExplanation(explorer, place, result, pinned) {
  const { operation } = explorer.station;
  const all = pinned && explorer.allTerms;
  const parts = [
    makeCellHead(`${result.symbol}${cellText(place.cell)}`, result.stored, result.none, pinned),
    make("p", { class: "where" }, whereText(operation, place)),
  ];
  if (result.none) parts.push(make("p", { class: "none" }, result.none));
  if (result.zero) parts.push(make("p", { class: "zero" }, result.zero));
  if (result.formula) parts.push(make("p", { class: "cell-formula" }, `${result.symbol}${cellText(place.cell)} = ${result.formula}`));
  if (result.note) parts.push(make("p", { class: "note" }, result.note));
  const terms = result.slopes || result.terms;
  if (terms.length) parts.push(makeTerms(explorer, terms, all ? terms.length : TERMS_SHOWN, result));
  if (result.sum !== null && !result.slopes) parts.push(makeSum(result));
  parts.push(makeLinks(explorer, place, result));
  if (pinned) parts.push(make("div", { class: "over-steps" }));
  byId("cell").replaceChildren(...parts);
}

function makeCellHead(name, stored, none, pinned) {
  return make(
    "header",
    { class: "cell-head" },
    make("h2", {}, name),
    make("output", { class: "stored", "data-number": stored === undefined ? "" : stored }, none ? "no gradient" : fullNumber(stored)),
    make("span", { class: "pin-state" }, pinned ? "pinned" : "preview: Enter or a click pins"),
  );
}

function whereText(operation, { target }) {
  if (target === "output") return `the output of ${operation.name}`;
  if (target === "d_output") return `the gradient of the loss with respect to the output of ${operation.name}`;
  const place = Number(target.replace(/\D+/g, ""));
  const { name } = manifest.values[operation.inputs[place]];
  if (target.startsWith("input")) return `${name}, an input of ${operation.name}`;
  return `what ${operation.name} passes back to ${name}`;
}

/** The terms as a table, largest first. */
function makeTerms(explorer, terms, shown, result) {
  const largest = Math.max(...terms.map((each) => Math.abs(each.product)).filter(Number.isFinite), 0) || 1;
  const rows = terms.slice(0, shown).map((each, place) => makeTerm(explorer, each, place, largest, result));
  const table = make("table", { class: "terms" }, make("tbody", {}, rows));
  const rest = terms.length - rows.length;
  const parts = [make("div", { class: "table-holder", tabindex: "0", role: "region", "aria-label": "terms, largest first" }, table)];
  if (rest > 0) {
    const sum = terms.slice(shown).reduce((total, each) => total + each.product, 0);
    const text = result.join === "max" ? `and ${countText(rest)} smaller ones` : `and ${countText(rest)} smaller terms, together ${shortNumber(sum)}`;
    parts.push(make("p", { class: "rest" }, text, " ", make("button", { class: "quiet", onclick: () => explorer.showAllTerms() }, "show all")));
  }
  return make("div", { class: "terms-holder" }, parts);
}

function makeTerm(explorer, each, place, largest, result) {
  const symbols = [];
  const numbers = [];
  each.factors.forEach((one, which) => {
    const sign = each.of ? ", " : " · ";
    if (which) {
      symbols.push(sign);
      numbers.push(sign);
    }
    symbols.push(makeFactor(explorer, one));
    numbers.push(which || each.factors.length > 1 ? factorText(one.number) : shortNumber(one.number));
  });
  if (each.of) {
    symbols.unshift(`${each.of}(`);
    symbols.push(")");
    numbers.unshift(`${each.of}(`);
    numbers.push(")");
  }
  const share = Number.isFinite(each.product) ? Math.round((50 * Math.abs(each.product)) / largest) : 0;
  const bar = make("span", { class: `share ${each.product < 0 ? "below" : "above"}`, style: `width: ${share}%` });
  const state = each.won === undefined ? null : make("span", { class: `won ${each.won}` }, each.won ? "won" : "lost");
  return make(
    "tr",
    { "data-product": each.product },
    make("td", { class: "sign" }, result.join === "max" || result.slopes ? "" : place ? "+" : "="),
    make("td", { class: "factors" }, each.name ? make("span", { class: "term-name" }, each.name) : null, make("span", { class: "symbols" }, symbols), make("span", { class: "numbers" }, numbers), state),
    make("td", { class: "number" }, shortNumber(each.product), make("span", { class: "track", "aria-hidden": "true" }, bar)),
  );
}

/** A factor by its symbol; one that is a cell of a map leads there. */
function makeFactor(explorer, one) {
  const text = `${one.symbol}${one.cell && !/[[)]/.test(one.symbol) ? cellText(one.cell) : ""}`;
  if (!one.map) return make("span", {}, text);
  return make("button", { class: "factor", title: "go to this number", onclick: () => explorer.follow(one) }, text);
}

/** The sum of the terms beside what is stored, and whether they agree. */
function makeSum(result) {
  const rows = [];
  const { count, sum } = result.left_out;
  if (count) rows.push(["left out of this page", `${countText(count)} terms, together ${shortNumber(sum)}`]);
  const name = result.join === "max" ? "the largest" : `sum of ${countText(result.terms.length + count)} ${result.terms.length + count === 1 ? "term" : "terms"}`;
  rows.push([name, fullNumber(result.sum)], ["stored", fullNumber(result.stored)]);
  const error = relativeError(result.sum, result.stored);
  const word = result.agrees ? "equal, as far as float32 goes" : `they differ by ${shortNumber(error, 2)} of their size`;
  return make(
    "div",
    { class: "sum", "data-sum": result.sum },
    make("dl", {}, rows.map(([term, text]) => [make("dt", {}, term), make("dd", { class: "number" }, text)])),
    count ? null : badge(result.agrees ? "right" : "wrong", word),
  );
}

/** Buttons that lead along the chain: to where the number comes from, and to where it goes. */
function makeLinks(explorer, place, result) {
  const links = explorer.linksFrom(place, result).map(([text, go]) => make("button", { class: "link", onclick: go }, text));
  return make("nav", { class: "links", "aria-label": "along the chain" }, links);
}

/** Fill the panel with the update of one weight. */
function showUpdate(explorer, value, cell, result, pinned) {
  const { name } = manifest.values[value];
  byId("cell").replaceChildren(
    makeCellHead(`${name}${cellText(cell)}`, result.after, null, pinned),
    make("p", { class: "where" }, `after one step of ${result.name}`),
    makeUpdateLines(result),
    make("div", { class: "over-steps" }),
  );
}

/** The lines of an optimizer's rule, with the numbers. */
function makeUpdateLines(result) {
  const given = [["w", result.before], ["g", result.gradient], ...Object.entries(result.slotsBefore).map(([name, number]) => [SLOT_LETTERS[name] || name, number])];
  const table = make(
    "table",
    { class: "rule" },
    make("tbody", {}, given.map(([symbol, number]) => {
      return make("tr", { class: "given" }, make("td", {}, symbol), make("td", {}, "before"), make("td", { class: "number" }, fullNumber(number)));
    }),
    result.lines.map((line) => {
      return make(
        "tr",
        { "data-value": line.value },
        make("td", {}, line.symbol),
        make("td", {}, make("span", { class: "symbols" }, `= ${line.formula}`), make("span", { class: "numbers" }, `= ${breakable(line.numbers)}`)),
        make("td", { class: "number" }, fullNumber(line.value)),
      );
    })),
  );
  if (result.before === undefined || result.gradient === undefined) {
    return make("p", { class: "update note" }, "The update of this weight is left out of the page, to keep it small.");
  }
  const verdict = result.agrees === null ? "The rule is not written out, of this optimizer or for a constraint behind it: the numbers before and after." : null;
  return make(
    "div",
    { class: "update" },
    make("h3", {}, `What one step of ${result.name} does to it`),
    make("div", { class: "table-holder", tabindex: "0", role: "region", "aria-label": "the rule with its numbers" }, table),
    make("dl", { class: "sum" }, make("dt", {}, "stored after"), make("dd", { class: "number" }, fullNumber(result.after))),
    verdict ? make("p", {}, verdict) : badge(result.agrees ? "right" : "wrong", result.agrees ? "equal, as far as float32 goes" : "the rule gives another number"),
  );
}

/** Let a line of numbers break before a factor between brackets, and before what it is divided by. */
function breakable(text) {
  return text.replaceAll("·(", "·\u200b(").replaceAll("/", "\u200b/");
}

/** The same cell at every step of the page. */
async function showOverSteps(holder, number, cell, current) {
  if (!holder || manifest.steps.length < 2) return;
  const rows = await Promise.all(manifest.steps.map(async (count, step) => {
    const [data, gradient] = await Promise.all([loadValue(number, step, "data"), loadValue(number, step, "gradient")]);
    const read = (numbers) => (numbers ? shortNumber(numbers.at(cell)) : "–");
    return make("tr", { class: step === current ? "current" : "" }, make("td", {}, countText(count)), make("td", { class: "number" }, read(data)), make("td", { class: "number" }, read(gradient)));
  }));
  const head = ["updates", "value", "gradient"].map((text) => make("th", { scope: "col" }, text));
  holder.replaceChildren(make("h3", {}, "The same cell over the updates"), make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows)));
}
