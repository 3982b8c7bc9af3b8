"use strict";
// Elements, made in one line.

/** Make an element: make("button", {class: "go", onclick: walk}, "text", otherElement, …). Null children are left out. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an element of an SVG picture. */
function makeSvg(tag, properties = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  return element;
}

/** Return the element of an id. */
function byId(id) {
  return document.getElementById(id);
}

/** Make an element from MathML that the writer made, or from plain text where there is none. */
function makeFormula(mathml, text) {
  const holder = make("div", { class: "formula" });
  if (mathml && mathml.trimStart().startsWith("<")) holder.innerHTML = mathml;
  else holder.append(mathml || text || "");
  return holder;
}

/** Say something to those who listen to the page. */
function announce(text) {
  byId("announcer").textContent = text;
}

const drawWhenSeen = new Map(); // element → function that draws it
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      const draw = drawWhenSeen.get(entry.target);
      drawWhenSeen.delete(entry.target);
      seen.unobserve(entry.target);
      if (draw) draw();
    }
  },
  { rootMargin: "200px" },
);

/** Call a function when an element comes into view: only what is visible is inflated and drawn. */
function whenSeen(element, draw) {
  drawWhenSeen.set(element, draw);
  seen.unobserve(element);
  seen.observe(element);
}
