"use strict";
// What is said about an operation in words: its formula, its checks, its source.

const VERDICTS = { right: ["✓", "right"], wrong: ["✗", "wrong"], kink: ["∧", "at a kink"] };

/** A badge: never colour alone, but a sign and a word. */
function badge(verdict, text) {
  const [sign, word] = VERDICTS[verdict] || ["–", verdict];
  return make("span", { class: `badge ${verdict}` }, make("span", { "aria-hidden": "true" }, `${sign} `), text || word);
}

/** How many checks of an operation have each verdict, backends included. */
function countVerdicts(operation) {
  const counts = { right: 0, wrong: 0, kink: 0 };
  for (const check of operation.checks || []) counts[check.verdict]++;
  for (const backend of Object.values(operation.backends || {})) if (backend && backend.verdict in counts) counts[backend.verdict]++;
  return counts;
}

/** One badge for all checks of an operation. */
function verdictBadge(operation) {
  const { right, wrong, kink } = countVerdicts(operation);
  if (wrong) return badge("wrong", `${wrong} of ${right + wrong} checks wrong`);
  if (right) return badge("right", `${right} checks right${kink ? `, ${kink} at a kink` : ""}`);
  return kink ? badge("kink", `${kink} checks at a kink`) : null;
}

/** The formulas, those of the pass that the walk is on first to the eye, and the shapes of their letters. */
function makeFormulas({ operation, phase }) {
  const { formula = {} } = operation;
  const text = formula.text || {};
  const backward = [formula.backward || []].flat();
  const back = backward.length ? backward.map((each) => makeFormula(each, "")) : [makeFormula("", text.backward)];
  const letters = [...operation.inputs.map((number, place) => [letterOf(operation, place), number]), ["y", operation.output]];
  return make(
    "div",
    { class: `formulas ${phase}` },
    make("div", { class: "forward-formula" }, make("h3", {}, "→ forward"), makeFormula(formula.forward, text.forward)),
    make("div", { class: "backward-formula" }, make("h3", {}, "← backward"), ...back),
    make(
      "dl",
      { class: "letters" },
      letters.map(([letter, number]) => [make("dt", {}, letter), make("dd", {}, shapeText(manifest.values[number].shape))]),
    ),
  );
}

/** The checks: central differences in float64 beside the gradients, and the other backends. */
function makeChecks(operation) {
  const checks = operation.checks || [];
  const rows = checks.map((check) => {
    return make(
      "tr",
      {},
      make("td", {}, `d${letterOf(operation, check.input)}${cellText(check.cell)}`),
      make("td", { class: "number" }, fullNumber(check.gradient)),
      make("td", { class: "number" }, fullNumber(check.difference)),
      make("td", { class: "number" }, shortNumber(check.error, 2)),
      make("td", {}, badge(check.verdict)),
    );
  });
  const head = ["cell", "gradient", "central difference", "relative error", ""].map((text) => make("th", { scope: "col" }, text));
  const { reference, keras } = operation.backends || {};
  const open = countVerdicts(operation).wrong > 0;
  return make(
    "details",
    { class: "checks", open },
    make("summary", {}, "Checks ", verdictBadge(operation)),
    make(
      "ul",
      { class: "backends" },
      make("li", {}, "textbook code (reference): ", backendText(reference, "not compared")),
      make("li", {}, "Keras: ", backendText(keras, manifest.keras ? "has no such operation of its own" : "not installed where this page was made")),
    ),
    rows.length
      ? make("div", { class: "table-holder", tabindex: "0", role: "region", "aria-label": "gradient checks" }, make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows)))
      : make("p", {}, "No cell of this operation was chosen for a check by differences."),
  );
}

function backendText(backend, absent) {
  if (!backend) return absent;
  return make("span", {}, badge(backend.verdict), ` relative error ${shortNumber(backend.error, 2)}`);
}

/** The textbook source of the operation. */
function makeSource(operation) {
  const parts = operation.source || [];
  return make(
    "details",
    { class: "source", open: innerWidth > 1500 },
    make("summary", {}, "Textbook source"),
    parts.length ? null : make("p", {}, "This operation has no code of its own among the kernels: see its formula."),
    parts.map((part) => [
      make("h4", {}, part.title, make("span", { class: "file" }, `${part.file}:${part.line}`)),
      make("pre", { tabindex: "0" }, make("code", {}, part.code)),
    ]),
  );
}
