"use strict";
// Fill the page's head, and begin the walk.

/** Say what the page is about: the title, and what the network makes of the sample. */
function fillHead() {
  document.title = `${manifest.title} – tinyconv explorer`;
  byId("title").textContent = manifest.title || manifest.model;
  const samples = Array.from({ length: manifest.samples }, (_, sample) => sampleWords(sample));
  const words = manifest.samples > 1 ? [`${manifest.samples} samples`] : [samples[0]];
  byId("subtitle").textContent = [...words, manifest.optimizer.name].filter(Boolean).join(" · ");
  byId("subtitle").title = samples.join("; ");
  const total = { right: 0, wrong: 0, kink: 0 };
  for (const operation of manifest.operations) {
    for (const [verdict, count] of Object.entries(countVerdicts(operation))) total[verdict] += count;
  }
  const { right, wrong } = total;
  if (wrong) byId("verdict").append(badge("wrong", `${wrong} of ${right + wrong} checks wrong`));
  else if (right) byId("verdict").append(badge("right", `${countText(right)} checks, all right`));
}

/** What a sample is, and what the network takes it for, as far as it has classes. */
function sampleWords(sample) {
  const { predicted, probabilities, labels, classes } = manifest;
  const nameOf = (index) => (classes && classes[index] !== undefined ? classes[index] : String(index));
  const words = [];
  if (labels) words.push(`label ${nameOf(labels[sample])}`);
  if (predicted) {
    const share = probabilities ? probabilities[sample][predicted[sample]] : undefined;
    words.push(`predicted ${nameOf(predicted[sample])}${share === undefined ? "" : ` with ${percentText(share)}`}`);
  }
  return words.join(", ");
}

if (manifest) {
  fillHead();
  const explorer = new Explorer();
  window.tinyconvExplorer = { manifest, explorer, explain, explainUpdate, ready: explorer.goTo(0) };
} else {
  byId("title").textContent = "This page has no recording: it is the empty form that tinyconv fills.";
}
