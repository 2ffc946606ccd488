// worker.js -- the thread that trains; it answers the messages of main.js with snapshots.

import { Band } from "./band.js";
import { loadEngine } from "./engine.js";
import { Runs } from "./runs.js";

const SLICE = 10; // milliseconds of training between two looks at messages
const FRAME = 30, LOOK = 300; // milliseconds between two snapshots, and between two looks into the layers
const SHARE = 0.25; // of the time: the most that snapshots take, and as much again for looks
const RATE_OVER = 500; // milliseconds over which the speed is measured

const work = new MessageChannel(); // calls tick, after the page's messages that wait; a timer would wait for 4 ms
let engine, facts, runs = null, band = null, isPlaying = false;
let isPageBusy = false; // until the page has drawn the last snapshot
let lastFrame = 0, frameCost = 0, lastLook = 0, lookCost = 0, shown = 0; // times and costs in milliseconds
let isDue = false; // a tick, of which no more than one may wait
let isRestDue = false; // a snapshot of networks at rest, which messages that already wait make needless
let rate = { since: 0, epoch: 0, value: 0 };

function say(type, rest = {}) {
  postMessage({ type, ...rest });
}

function post({ withLook }) {
  const begun = performance.now(), message = runs.snapshot(!isPlaying), drawn = performance.now();
  message.isPlaying = isPlaying;
  message.rate = rate.value;
  if (withLook) {
    message.look = { ...runs.all[shown].look(), start: shown };
    lastLook = performance.now();
    lookCost = lastLook - drawn;
  }
  if (message.isOver) message.stories = runs.stories();
  frameCost = isPlaying ? drawn - begun : 0;
  lastFrame = performance.now();
  isPageBusy = true;
  say("snapshot", message);
}

function schedule() {
  if (!isDue) work.port2.postMessage(null);
  isDue = true;
}

/** Stop, and show the networks at rest when no message waits. */
function rest() {
  isPlaying = false;
  isRestDue = true;
  schedule();
}

function measureRate(least = RATE_OVER) {
  const now = performance.now(), elapsed = now - rate.since;
  if (elapsed < least) return;
  rate = { since: now, epoch: runs.epoch, value: (1000 * (runs.epoch - rate.epoch)) / elapsed };
}

function tick() {
  if (isRestDue && !isPlaying) post({ withLook: true });
  isRestDue = false;
  if (band) trainBand();
  if (!isPlaying) return;
  const { speed } = runs.state, now = performance.now();
  if (speed && isPageBusy) return; // `drawn` calls tick again
  runs.advance(speed ? FRAME : SLICE, speed || Infinity);
  measureRate();
  if (runs.isOver) {
    if (!rate.value) measureRate(1);
    rest();
    return;
  }
  const isFrameDue = speed || now - lastFrame > Math.max(FRAME, frameCost / SHARE);
  if (!isPageBusy && isFrameDue) post({ withLook: now - lastLook > Math.max(LOOK, lookCost / SHARE) });
  if (!speed) schedule();
}

function trainBand() {
  band.advance(SLICE);
  if (band.isOver) {
    say("band", band.result());
    endBand();
    return;
  }
  const now = performance.now();
  if (now - lastFrame > FRAME) {
    lastFrame = now;
    say("seeds", { nDone: band.found.length });
  }
  schedule();
}

function endBand() {
  band?.free();
  band = null;
}

const ANSWERS = {
  async load({ bytes, facts: given }) {
    facts = given;
    engine = await loadEngine(bytes);
    say("loaded");
  },

  configure({ state, id }) {
    isPlaying = false;
    endBand();
    runs?.free();
    runs = null;
    isRestDue = false;
    runs = new Runs(engine, state, facts);
    shown = state.shown;
    rate = { since: 0, epoch: 0, value: 0 };
    const { X, y, nClasses } = runs.examples, { test } = runs;
    say("configured", { id, X, y, nClasses, testX: test.X, testY: test.y, extent: runs.extent });
    rest();
  },

  play() {
    if (isPlaying) return;
    endBand();
    if (runs.isOver) runs.goal = runs.epoch + runs.state.epochs;
    isPlaying = !runs.all.every((run) => run.isOver);
    rate = { since: performance.now(), epoch: runs.epoch, value: 0 };
    if (isPlaying) schedule();
    else rest();
  },

  pause: rest,

  step({ epochs }) {
    runs.step(epochs);
    rest();
  },

  rewind() {
    runs.rewind();
    rest();
  },

  speed({ speed }) {
    runs.state.speed = speed;
    if (isPlaying) schedule();
  },

  show({ start }) {
    shown = start;
    if (isPlaying) lastLook = 0;
    else rest();
  },

  band({ place }) {
    endBand();
    if (isPlaying) rest();
    band = new Band(engine, runs.state, place, runs.examples, runs.test, facts);
    schedule();
  },

  endBand,

  drawn() {
    isPageBusy = false;
    if (isPlaying && runs.state.speed) tick();
  },
};

work.port1.onmessage = () => {
  isDue = false;
  try {
    tick();
  } catch (error) { // such as no memory for a network of another seed
    isPlaying = false;
    endBand();
    say("problem", { sentence: error.message, about: "training" });
  }
};
onmessage = async ({ data: { type, ...given } }) => { // without networks there is nothing to do but to make them
  try {
    if (runs || ["load", "configure"].includes(type)) await ANSWERS[type](given);
  } catch (error) {
    say("problem", { sentence: error.message, about: type, id: given.id });
  }
};
