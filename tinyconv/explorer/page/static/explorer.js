"use strict";
// The explorer: where the walk is, which step, which cell is pinned; and what the keys do.

class Explorer {
  constructor() {
    this.step = 0;
    this.at = 0; // place in the walk
    this.pinned = null;
    this.signs = false;
    this.root = true;
    this.allTerms = false;
    this.stations = makeStations();
    this.operationView = new OperationView(this);
    this.networkView = new NetworkView(this);
    this.makeControls();
  }

  get station() {
    return this.stations[this.at];
  }

  makeControls() {
    const walk = byId("walk");
    walk.max = this.stations.length - 1;
    walk.addEventListener("input", () => this.goTo(Number(walk.value)));
    byId("back").addEventListener("click", () => this.goTo(this.at - 1));
    byId("next").addEventListener("click", () => this.goTo(this.at + 1));
    walk.style.setProperty("--segments", walkSegments(this.stations));
    const steps = byId("steps");
    byId("step-control").hidden = manifest.steps.length < 2;
    steps.max = manifest.steps.length - 1;
    steps.addEventListener("input", () => this.setStep(Number(steps.value)));
    this.makeSwitch("signs", () => (this.signs = !this.signs));
    this.makeSwitch("root", () => (this.root = !this.root));
    byId("theme").addEventListener("click", () => this.switchTheme());
    byId("help-button").addEventListener("click", () => byId("help").showModal());
    document.addEventListener("keydown", (event) => this.onKey(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    const measured = () => document.documentElement.style.setProperty("--head", `${byId("head").offsetHeight}px`);
    new ResizeObserver(measured).observe(byId("head"));
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) this.operationView.redraw();
      width = innerWidth;
    });
    this.showStep();
  }

  makeSwitch(id, change) {
    byId(id).addEventListener("click", () => {
      byId(id).setAttribute("aria-pressed", String(change()));
      this.redraw();
    });
  }

  switchTheme() {
    document.documentElement.dataset.theme = themeNow() === "dark" ? "light" : "dark";
    this.redraw();
  }

  redraw() {
    this.operationView.redraw();
    this.operationView.drawHistories();
    this.networkView.update();
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const tag = event.target.tagName;
    const field = tag === "INPUT" || tag === "SELECT" || byId("help").open;
    if (event.key === "Escape" && !byId("help").open) {
      if (tag === "CANVAS") event.target.blur();
      return this.unpin();
    }
    if (field || event.target.matches(".table-holder, pre")) return;
    const keys = { ArrowRight: () => this.goTo(this.at + 1), ArrowLeft: () => this.goTo(this.at - 1), s: () => byId("signs").click(), c: () => byId("root").click(), d: () => byId("theme").click(), "?": () => byId("help").showModal(), "+": () => this.setStep(this.step + 1), "-": () => this.setStep(this.step - 1) };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** Go to a place of the walk, and pin a cell there if one is given. */
  async goTo(at, pinned = null) {
    this.at = Math.max(0, Math.min(this.stations.length - 1, at));
    this.pinned = pinned;
    this.previewed = null;
    this.allTerms = false;
    byId("walk").value = this.at;
    const { phase, operation, update } = this.station;
    const name = operation ? operation.name : manifest.values[update.value].name;
    byId("walk").setAttribute("aria-valuetext", `${phase}: ${name}`);
    byId("walk-text").textContent = `${this.at + 1} of ${this.stations.length} · ${phase} · ${name}`;
    byId("back").disabled = this.at === 0;
    byId("next").disabled = this.at === this.stations.length - 1;
    this.networkView.mark(this.station);
    announce(`${phase}: ${name}`);
    if (!(await this.operationView.show(this.station))) return;
    await this.showCell();
    if (pinned) this.operationView.mapOf(pinned.target)?.canvas.focus();
    document.body.dataset.at = this.at;
  }

  /** Go to an operation: to its backward pass, if the walk is on its way back. */
  goToOperation(number, phase = this.station.phase, pinned = null) {
    const wanted = phase === "backward" || phase === "update" ? "backward" : "forward";
    const of = (station) => station.operation && station.operation.number === number;
    let at = this.stations.findIndex((station) => of(station) && (station.phase === "backward") === (wanted === "backward"));
    if (at < 0) at = this.stations.findIndex(of);
    return this.goTo(at, pinned);
  }

  async setStep(step) {
    this.step = Math.max(0, Math.min(manifest.steps.length - 1, step));
    this.showStep();
    this.networkView.update();
    if (!(await this.operationView.show(this.station))) return;
    await this.showCell();
    document.body.dataset.step = this.step;
  }

  showStep() {
    byId("steps").value = this.step;
    const count = manifest.steps[this.step];
    const loss = (manifest.losses || [])[this.step];
    const text = `after ${countText(count)} ${count === 1 ? "update" : "updates"}${loss === undefined ? "" : `, loss ${shortNumber(loss)}`}`;
    byId("step-text").textContent = text;
    byId("steps").setAttribute("aria-valuetext", text);
  }

  async pin(place) {
    const same = this.pinned && this.pinned.target === place.target && sameCell(this.pinned.cell, place.cell);
    this.pinned = same ? null : place;
    this.allTerms = false;
    await this.showCell();
    announce(same ? "unpinned" : `pinned ${place.target.replace("_", " ")} ${place.cell.join(", ")}`);
  }

  unpin() {
    this.pinned = null;
    return this.showCell();
  }

  showAllTerms() {
    this.allTerms = true;
    return this.showCell();
  }

  /** Show a cell for as long as the pointer or the cursor is on it. Where a cell is pinned, that one stays. */
  preview(place) {
    this.previewed = place;
    if (this.pinned) return;
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.showCell());
  }

  /** Show the pinned cell, or the one that is previewed, or what to do. */
  async showCell() {
    await this.showPlace(this.pinned || this.previewed);
    byId("cell").dataset.pinned = this.pinned ? this.pinned.target + cellText(this.pinned.cell) : "";
  }

  async showPlace(place) {
    const view = this.operationView;
    document.body.classList.toggle("has-cell", Boolean(place));
    if (!place || !view.mapOf(place.target)) return this.showHint();
    if (this.station.update) return this.showUpdateOf(place);
    const result = explainLoaded(view.loaded, place.target, place.cell);
    view.light(place, result, Boolean(this.pinned));
    showExplanation(this, place, result, Boolean(this.pinned));
    if (this.pinned) await this.addForPinned(place);
  }

  /** For a pinned cell: the update of a parameter, and the cell over the steps. */
  async addForPinned({ target, cell }) {
    const number = this.valueOf(target);
    const panel = byId("cell");
    const holder = panel.querySelector(".over-steps");
    const update = target.includes("input") ? await explainUpdate(number, this.step, cell) : null;
    if (update && panel.contains(holder)) holder.before(makeUpdateLines(update));
    await showOverSteps(holder, number, cell, this.step);
  }

  async showUpdateOf(place) {
    const { value } = this.station.update;
    const result = await explainUpdate(value, this.step, place.cell);
    for (const map of this.operationView.maps) {
      if (this.pinned) this.operationView.moveCursor(map, place.cell);
      map.setLit([], place.cell);
    }
    showUpdate(this, value, place.cell, result, Boolean(this.pinned));
    await showOverSteps(byId("cell").querySelector(".over-steps"), value, place.cell, this.step);
  }

  showHint() {
    this.operationView.light(null, null, false);
    byId("cell").replaceChildren(
      make("header", { class: "cell-head" }, make("h2", {}, "One number")),
      make("p", { class: "hint" }, "The arrow keys ← and → walk through the network: forward, to the loss, back, and to the updates."),
      make("p", { class: "hint" }, "Point at a cell of any map to see where its number comes from. A click, or Enter, pins it: then every number in its formula leads on."),
    );
  }

  /** The number of the value whose data or gradient a map of the station shows. */
  valueOf(target) {
    const { operation } = this.station;
    if (target.endsWith("output")) return operation.output;
    return operation.inputs[Number(target.replace(/\D+/g, ""))];
  }

  /** Go to the number that a factor was read from: to the operation that made it. */
  follow({ map, cell, user }) {
    const { operation } = this.station;
    if (map === "d_output") {
      const users = usersOf(operation.output);
      const { operation: next, place } = users[user ?? 0] || {};
      if (users.length > 1 && user === undefined) return this.pin({ target: "d_output", cell });
      return next ? this.goToOperation(next.number, "backward", { target: `d_input${place}`, cell }) : this.pin({ target: map, cell });
    }
    if (map === "output") return this.pin({ target: "output", cell });
    const place = Number(map.slice(5));
    const maker = makerOf(operation.inputs[place]);
    if (maker) return this.goToOperation(maker.number, "forward", { target: "output", cell });
    const target = this.operationView.mapOf(`d_input${place}`) ? `d_input${place}` : map;
    return this.pin({ target, cell });
  }

  /** The ways on from a pinned or previewed cell: [text, what to do]. */
  linksFrom({ target, cell }) {
    const { operation } = this.station;
    const links = [];
    if (target === "output" || target === "d_output") {
      for (const { operation: user, place } of usersOf(operation.output)) {
        links.push([`${user.name} uses it →`, () => this.goToOperation(user.number, "forward", { target: `input${place}`, cell })]);
        if (target === "d_output") links.push([`← what ${user.name} passed back`, () => this.goToOperation(user.number, "backward", { target: `d_input${place}`, cell })]);
      }
      return links;
    }
    const place = Number(target.replace(/\D+/g, ""));
    const maker = makerOf(operation.inputs[place]);
    if (maker && target.startsWith("input")) links.push([`← ${maker.name} computed it`, () => this.goToOperation(maker.number, "forward", { target: "output", cell })]);
    if (maker && target.startsWith("d_")) links.push([`← on to ${maker.name}`, () => this.goToOperation(maker.number, "backward", { target: "d_output", cell })]);
    return links;
  }
}

/** All stations: forward, the loss, backward where a gradient passes, and the updates. */
function makeStations() {
  const isLoss = (operation) => !operation.layer || operation.layer === "loss";
  const passes = (operation) => (((operation.steps[0] || {}).passed || []).some((passed) => passed !== null));
  const stations = [
    ...number(manifest.operations.filter((each) => !isLoss(each)).map((operation) => ({ phase: "forward", operation }))),
    ...number(manifest.operations.filter(isLoss).map((operation) => ({ phase: "loss", operation }))),
    ...number(manifest.operations.filter(passes).reverse().map((operation) => ({ phase: "backward", operation }))),
    ...number((manifest.updates || []).map((update) => ({ phase: "update", update }))),
  ];
  return stations;
}

/** Say for each station of a phase which it is, of how many. */
function number(stations) {
  return stations.map((station, place) => ({ ...station, at: place + 1, of: stations.length }));
}

/** The walk's track in the colours of its phases, as stops of a gradient. */
function walkSegments(stations) {
  const stops = [];
  for (const phase of ["forward", "loss", "backward", "update"]) {
    const first = stations.findIndex((station) => station.phase === phase);
    if (first < 0) continue;
    const count = stations.filter((station) => station.phase === phase).length;
    stops.push(`var(--${phase}) ${(100 * first) / stations.length}% ${(100 * (first + count)) / stations.length}%`);
  }
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/** How much larger than 16 pixels the page's letters are: maps grow with them. */
function unit() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}
