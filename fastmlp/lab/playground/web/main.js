// main.js -- the page: settings, the address, what the worker sends, and the pointer.

import { writeAddress } from "./address.js";
import { drawPoints, paintPlane } from "./boundary.js";
import { makeControls } from "./controls.js";
import { make } from "./elements.js";
import { inPercent, significant } from "./formats.js";
import { makeLayersView } from "./layers.js";
import { LESSONS } from "./lessons.js";
import { lossAt, makeLossesView } from "./losses.js";
import { bytesOf } from "./numbers.js";
import { listenForPainting } from "./painting.js";
import { makeSeedsView } from "./seeds.js";
import { MOST_PAINTED, PAINTED_EXTENT, fragmentOf, paintedPoint, stateOf } from "./state.js";

const SPEEDS = [
  [0, "as fast as it goes"], [1, "1 epoch a frame"], [10, "10 epochs a frame"], [100, "100 epochs a frame"],
];
const MOST_PROBLEMS = 3; // of a link that are told
const PUBLISHED_EPOCH = 14000; // of the last cost that the exercise prints

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);

const page = {
  state: null, // what the controls say
  data: null, // examples, as the worker made them
  snapshot: null,
  lesson: null,
  planes: [], // of each start: its canvases and texts
  isPlaying: false,
  isWaiting: false, // for networks of the present state
  isBroken: true, // there are none of it, and none will come
  willPlay: false, // once they are there
  configuration: 0, // counts the messages of this kind
  fromLink: [], // sentences on what was not understood of the address
  kind: 0, // class of the next point
  cursor: null,
};

let worker = null;
const controls = makeControls(byId("controls"), facts, {
  change: (state) => take(state),
  problem: showProblem,
  paintWith: (kind) => (page.kind = kind),
});
const losses = makeLossesView({
  chart: byId("curves"), table: byId("losses"), legend: byId("legend"), pointed: byId("pointed"),
});
const layers = makeLayersView(byId("layers"));
const seeds = makeSeedsView(byId("seeds"), {
  train(place) {
    losses.setBand(null, epochWord());
    worker.postMessage({ type: "band", place });
  },
  stop: () => worker.postMessage({ type: "endBand" }),
});

// ---- sentences

function showProblem(...sentences) {
  const told = sentences.filter(Boolean).map((sentence) => `${sentence[0].toUpperCase()}${sentence.slice(1)}.`);
  byId("problem").textContent = told.join(" ");
  byId("problem").hidden = !told.length;
}

function initializerOf({ initializer, scale }) {
  if (initializer === "network") return "network of the file";
  return `${initializer}${scale === null ? "" : `(${scale})`}`;
}

function nameOf(start) {
  return initializerOf(start) + (start.initializer === "network" ? "" : `, seed ${start.seed}`);
}

const epochWord = () => (page.state.batch_size ? "Epoch" : "Iteration");

// ---- the state and the address

/** Take a new state: what it changes is drawn and trained anew. */
function take(state, { lesson = null } = {}) {
  const before = page.state;
  page.state = state;
  const trained = (of) => fragmentOf({ ...of, speed: 0, shown: 0 });
  const isSame = before && trained(before) === trained(state);
  if (!isSame || !page.isBroken) {
    page.fromLink = [];
    showProblem();
  }
  writeAddress(state);
  controls.show(state);
  showSpeed(state.speed);
  if (!isSame || lesson !== page.lesson) showLesson(lesson);
  if (!isSame) configure();
  else if (!page.isBroken) adjust(before);
}

/** Take what changes no training; a lesson goes on. */
function takeView(values) {
  take({ ...page.state, ...values }, { lesson: page.lesson });
}

/** Tell the worker what changes no training. */
function adjust(before) {
  const { speed, shown } = page.state;
  worker.postMessage({ type: "speed", speed });
  if (before.shown === shown) return;
  page.planes.forEach(({ figure }, i) => {
    figure.querySelector(".look")?.setAttribute("aria-pressed", String(i === shown));
  });
  worker.postMessage({ type: "show", start: shown });
  losses.setBand(null, epochWord());
  resetSeeds();
}

function showSpeed(speed) {
  const isListed = SPEEDS.some(([value]) => value === speed);
  const others = isListed ? [] : [[speed, `${speed.toLocaleString("en")} epochs a frame`]];
  byId("speed").replaceChildren(...[...SPEEDS, ...others].map(([value, text]) => make("option", { value }, text)));
  byId("speed").value = speed;
}

/** The settings that the page begins with. */
const firstState = () => stateOf(facts.fragment, facts).state;

function configure() {
  page.isWaiting = true;
  page.isBroken = false;
  page.configuration += 1;
  page.willPlay = false;
  setButtons();
  resetSeeds();
  worker.postMessage({ type: "configure", state: page.state, id: page.configuration });
}

function takeAddress() {
  const { state, problems } = stateOf(location.hash || facts.fragment, facts);
  take(state);
  const nMore = problems.length - MOST_PROBLEMS;
  page.fromLink = problems.slice(0, MOST_PROBLEMS);
  if (nMore > 0) page.fromLink.push(`and ${nMore} more of the link's settings ${nMore === 1 ? "is" : "are"} wrong`);
  showProblem(...page.fromLink);
}

// ---- the worker's messages

const ANSWERS = {
  loaded() {
    wireButtons();
    takeAddress();
  },

  configured({ id, ...data }) {
    if (id !== page.configuration) return;
    page.isWaiting = false;
    page.data = data;
    page.snapshot = null; // one that waits to be drawn is of other networks
    byId("rate").textContent = "–";
    makePlanes();
    losses.setNames(page.state.starts.map(nameOf));
    resetSeeds();
    if (page.willPlay) play();
  },

  snapshot(snapshot) {
    if (page.isWaiting) {
      worker.postMessage({ type: "drawn" });
      return;
    }
    page.snapshot = snapshot;
    requestAnimationFrame(() => {
      draw();
      worker.postMessage({ type: "drawn" });
    });
  },

  seeds({ nDone }) {
    seeds.progress(nDone);
  },

  band(found) {
    losses.setBand(found, epochWord());
    const own = page.snapshot?.runs[found.start];
    seeds.tell(found, own && own.epoch === page.state.epochs ? own.loss : null);
  },

  problem({ sentence, about, id }) {
    if (about === "configure" && id !== page.configuration) return;
    showProblem(...page.fromLink, sentence);
    page.isPlaying = false;
    if (about === "training") seeds.stopped();
    if (about === "configure") showNoNetworks();
    if (!page.isBroken) setButtons();
  },
};

function resetSeeds() {
  const at = page.state.shown, start = page.state.starts[at];
  seeds.reset({ start, at, nameOfStart: initializerOf(start), isReady: !page.isWaiting && !page.isBroken });
}

// ---- drawing

function draw() {
  const { snapshot } = page;
  if (page.isWaiting || !snapshot || snapshot.runs.length !== page.planes.length) return;
  page.isPlaying = snapshot.isPlaying;
  byId("epoch-name").textContent = epochWord();
  byId("epoch").textContent = snapshot.epoch.toLocaleString("en");
  byId("epoch").value = snapshot.epoch;
  byId("rate-name").textContent = `${epochWord()}s a second`;
  if (snapshot.rate) byId("rate").textContent = Math.round(snapshot.rate).toLocaleString("en");
  snapshot.runs.forEach((run, i) => drawRun(run, i));
  losses.show(snapshot, epochWord());
  if (snapshot.look) {
    const name = nameOf(page.state.starts[snapshot.look.start]);
    layers.show({ ...snapshot.look, name, epochWord: epochWord().toLowerCase() });
  }
  tellLesson();
  setButtons();
}

function drawRun(run, i) {
  const { canvas, loss, train, test, story } = page.planes[i], { snapshot } = page;
  paintPlane(canvas, run.plane, snapshot.side);
  loss.textContent = Number.isFinite(run.loss) ? significant(run.loss, 4) : "not finite";
  loss.value = run.loss;
  for (const [place, share] of [[train, run.trainAccuracy], [test, run.testAccuracy]]) {
    place.textContent = inPercent(share);
    place.value = share;
  }
  const told = snapshot.stories?.[i] ?? (run.status === "done" ? "" : `${run.status} at ${run.epoch}`);
  if (story.textContent !== told) story.textContent = told;
  canvas.setAttribute("aria-label", `What the network of ${nameOf(page.state.starts[i])} predicts in the plane: loss ` +
    `${loss.textContent}, accuracy ${train.textContent} of the training and ${test.textContent} of the test examples`);
}

/** The figures of all starts, each with a plane. */
function makePlanes() {
  const { starts } = page.state;
  page.planes = starts.map((start, i) => {
    const canvas = make("canvas", { role: "img", class: "plane", "aria-label": "No network yet" });
    const points = make("canvas", { class: "points", ...(isPainting() ? { tabindex: 0, role: "application",
      "aria-label": "Plane to paint in: arrow keys move, Enter puts a point" } : { "aria-hidden": "true" }) });
    const [loss, train, test] = ["loss", "train", "test"].map((name) => make("data", { class: name, value: "" }));
    const story = make("p", { class: "story" });
    const swatch = make("span", { class: "swatch", style: `background: var(--start-${i})` });
    const figure = make("figure", { class: "run", "data-start": i },
      make("figcaption", {}, swatch, ` ${nameOf(start)}`),
      make("div", { class: "canvases" }, canvas, points),
      make("p", { class: "figures" }, "loss ", loss, " · train ", train, " · test ", test), story);
    if (starts.length > 1) figure.append(lookButton(i));
    if (isPainting()) listenForPainting(points, painter);
    return { figure, canvas, points, loss, train, test, story };
  });
  const focused = [...document.querySelectorAll(".points")].indexOf(document.activeElement);
  byId("planes").replaceChildren(...page.planes.map(({ figure }) => figure));
  page.planes[focused]?.points.focus();
  byId("planes").dataset.n = starts.length;
  byId("hint").textContent = isPainting() ? "Click or draw in the plane to put points." :
    `Examples of the training are large, the ${page.data.testY.length} of the test small and pale.`;
  drawAllPoints();
}

function lookButton(i) {
  const isPressed = String(page.state.shown === i);
  const button = make("button", { type: "button", class: "look", "aria-pressed": isPressed }, "Look into its layers");
  button.addEventListener("click", () => takeView({ shown: i }));
  return button;
}

function drawAllPoints() {
  const cursor = isPainting() ? page.cursor : null;
  for (const { points } of page.planes) drawPoints(points, page.data, page.data.extent, cursor);
}

/** There are no networks of the state; the plane of painted points is there before there are enough for a network. */
function showNoNetworks() {
  page.snapshot = null;
  page.isWaiting = false;
  page.isBroken = true;
  if (isPainting()) showPaintedPoints();
  resetSeeds();
  setButtons();
}

function showPaintedPoints() {
  const { points } = page.state;
  const [X, y] = [points.flatMap(([a, b]) => [a, b]), points.map(([, , kind]) => kind)];
  page.data = { X, y, testX: [], testY: [], extent: PAINTED_EXTENT };
  makePlanes();
  layers.clear("There is no network yet.");
}

// ---- painting

const isPainting = () => page.state.data === "painted";

function addPoint([x, y]) {
  const point = paintedPoint(x, y, page.kind);
  if (!point) return;
  if (page.state.points.length >= MOST_PAINTED) showProblem(`there may be at most ${MOST_PAINTED} points`);
  else take({ ...page.state, points: [...page.state.points, point] });
}

const painter = {
  extent: () => page.data.extent,
  cursor: () => page.cursor ?? [0, 0],
  add: addPoint,
  move(cursor) {
    page.cursor = cursor;
    drawAllPoints();
  },
};

// ---- buttons

function setButtons() {
  byId("planes").setAttribute("aria-busy", String(page.isWaiting));
  byId("play").textContent = page.isPlaying ? "Pause" : "Play";
  for (const button of [byId("play"), byId("step"), byId("rewind"), ...document.querySelectorAll(".look")]) {
    button.disabled = page.isBroken;
    button.setAttribute("aria-disabled", String(page.isWaiting)); // a press that began before ends after it
  }
}

function play() {
  page.isPlaying = true;
  seeds.stopped();
  setButtons();
  worker.postMessage({ type: "play" });
}

function wireButtons() {
  byId("play").addEventListener("click", () => {
    if (page.isWaiting) page.willPlay = true;
    else if (page.isPlaying) worker.postMessage({ type: "pause" });
    else play();
  });
  byId("step").addEventListener("click", () => worker.postMessage({ type: "step", epochs: 1 }));
  byId("rewind").addEventListener("click", () => worker.postMessage({ type: "rewind" }));
  byId("reset").addEventListener("click", () => {
    take(firstState());
    if (!page.isWaiting) worker.postMessage({ type: "rewind" });
  });
  byId("speed").addEventListener("change", (event) => takeView({ speed: Number(event.target.value) }));
  for (const id of ["reset", "speed"]) byId(id).disabled = false;
  byId("lessons").append(...LESSONS.map((lesson) => {
    const button = make("button", { type: "button", "data-lesson": lesson.id }, lesson.title);
    button.addEventListener("click", () => startLesson(lesson));
    return button;
  }));
  addEventListener("hashchange", takeAddress);
  addEventListener("resize", () => page.snapshot && !page.isWaiting && losses.show(page.snapshot, epochWord()));
}

// ---- lessons

function startLesson(lesson) {
  take({ ...stateOf("", facts).state, ...lesson.state }, { lesson });
  if (page.isWaiting) page.willPlay = true;
  else worker.postMessage({ type: "rewind" }), play();
}

function showLesson(lesson) {
  page.lesson = lesson;
  byId("lesson").hidden = !lesson;
  byId("lesson").replaceChildren();
  if (lesson) {
    const { title, text } = lesson;
    byId("lesson").append(make("h2", {}, title), make("p", {}, text), make("p", { id: "reached" }));
  }
  for (const button of byId("lessons").children) {
    button.setAttribute("aria-pressed", String(button.dataset.lesson === lesson?.id));
  }
}

/** What a lesson of the exercise reached, beside what the exercise prints. */
function tellLesson() {
  const { lesson, snapshot } = page;
  if (!lesson || !snapshot.isOver || lesson.state.epochs <= PUBLISHED_EPOCH) return;
  const [run] = snapshot.runs, loss = lossAt(run.losses, snapshot.stride, PUBLISHED_EPOCH);
  byId("reached").replaceChildren(`Loss at iteration ${PUBLISHED_EPOCH.toLocaleString("en")}: `,
    make("data", { class: "published", value: loss }, significant(loss, 4)),
    `; after ${run.epoch.toLocaleString("en")} iterations ${inPercent(run.trainAccuracy)} of the training and ` +
    `${inPercent(run.testAccuracy)} of the test examples are right.`);
}

// ---- the start

function begin() {
  if (typeof Worker === "undefined" || typeof OffscreenCanvas === "undefined") {
    showProblem("this browser is too old for the page, which needs workers and OffscreenCanvas: any browser since " +
      "2023 has them");
    return;
  }
  const address = URL.createObjectURL(new Blob([byId("worker").textContent], { type: "text/javascript" }));
  worker = new Worker(address);
  worker.onmessage = ({ data: { type, ...rest } }) => ANSWERS[type](rest);
  worker.onerror = (event) => showProblem(`the engine's thread failed: ${event.message}`);
  worker.postMessage({ type: "load", bytes: bytesOf(byId("engine").textContent), facts });
}

begin();
