// runs.js -- the networks of all starts, trained side by side on the same examples.

import { examplesOf } from "./data.js";
import { lookInto, measured, whatHappened } from "./look.js";
import { numbersOf } from "./numbers.js";
import { PAINTED_EXTENT } from "./state.js";
import { predictedVariances, weightVarianceOf } from "./theory.js";

const MOST_LOSSES = 2000; // of a curve; then every other one is dropped
const MARGIN = 0.25; // of the examples' range, around the plane that is drawn
const LEAST_SIDE = 24, MOST_SIDE = 100; // points along each axis of the plane
const WORK_OF_PLANES = 4e7, WORK_OF_FINE_PLANES = 1e9; // operations for all: about 20 ms, and half a second at rest
const LEVELS = 255; // of a prediction's certainty

/** What an engine's model needs to know of a start, from the state or from the embedded network. */
export function designOf(start, state, nClasses, facts) {
  const own = facts.network;
  if (start.initializer === "network") {
    if (!own) {
      throw new RangeError("this page holds no network of a file; fastmlp playground --network writes one that does");
    }
    const found = own.loss === "log_loss" ? 2 : own.layerDims.at(-1);
    if (found !== nClasses) {
      throw new RangeError(`the network of the file tells ${found} classes apart; these data have ${nClasses}`);
    }
    const { layerDims, activations, loss, labelSmoothing } = own;
    return { layerDims, activations, loss, options: { labelSmoothing } };
  }
  const isBinary = nClasses === 2;
  return {
    layerDims: [2, ...state.layers, isBinary ? 1 : nClasses],
    activations: [...state.layers.map(() => state.activation), isBinary ? "logistic" : "softmax"],
    loss: isBinary ? "log_loss" : "multinomial_log_loss",
    options: {},
  };
}

/** The parameters of a start, as fastmlp draws them for its name and seed. */
function parametersOf(engine, start, design, facts) {
  const { initializer, seed, scale } = start;
  if (initializer === "network") return numbersOf(facts.network.parameters);
  return engine.draw(initializer, design.layerDims, seed, scale ?? undefined);
}

/** A model with its data and its parameters, ready to train. */
export function modelOf(engine, start, design, state, examples, facts) {
  const { layerDims, activations, loss, options } = design;
  const model = engine.model(layerDims, activations, loss, options);
  try {
    model.setOptimizer(facts.optimizers[state.optimizer], state.learning_rate);
    const seed = start.initializer === "network" ? 0 : start.seed;
    model.setData(examples.X, examples.y, { batchSize: state.batch_size || undefined, seed });
    model.parameters = parametersOf(engine, start, design, facts);
  } catch (error) {
    model.free();
    throw error;
  }
  return model;
}

/** The share of examples whose class is predicted, from outputs (outputs, n). */
export function accuracyOf(outputs, y) {
  const n = y.length, nOutputs = outputs.length / n;
  let hits = 0;
  for (let i = 0; i < n; i++) hits += classAt(outputs, i, n, nOutputs) === y[i];
  return hits / n;
}

function classAt(outputs, i, n, nOutputs) {
  if (nOutputs === 1) return outputs[i] > 0.5 ? 1 : 0;
  let best = 0;
  for (let k = 1; k < nOutputs; k++) if (outputs[k * n + i] > outputs[best * n + i]) best = k;
  return best;
}

/** The rectangle that is drawn: both axes have one scale. */
function extentOf(X, isPainted) {
  if (isPainted) return PAINTED_EXTENT;
  const ends = [0, 1].map((axis) => {
    let low = Infinity, high = -Infinity;
    for (let i = axis; i < X.length; i += 2) (low = Math.min(low, X[i])), (high = Math.max(high, X[i]));
    return [low, high];
  });
  const half = (0.5 + MARGIN) * Math.max(...ends.map(([low, high]) => high - low), 0.5);
  return ends.map(([low, high]) => (low + high) / 2).map((middle) => [middle - half, middle + half]);
}

function gridOf([[left, right], [bottom, top]], side) {
  const points = new Float64Array(2 * side * side), at = (low, high, i) => low + ((high - low) * (i + 0.5)) / side;
  for (let row = 0, k = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      points[k++] = at(left, right, column);
      points[k++] = at(top, bottom, row);
    }
  }
  return points;
}

/** What a network predicts on a grid, as bytes: the class, and from 0 to 255 how sure it is. */
function planeOf(model, points) {
  const outputs = model.predict(points), n = points.length / 2, nOutputs = outputs.length / n;
  const classes = new Uint8Array(n), levels = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const k = classAt(outputs, i, n, nOutputs), p = nOutputs === 1 ? outputs[i] : outputs[k * n + i];
    const chance = nOutputs === 1 ? 0.5 : 1 / nOutputs, sure = nOutputs === 1 && k === 0 ? 1 - p : p;
    classes[i] = k;
    levels[i] = Math.round(Math.max(0, (sure - chance) / (1 - chance)) * LEVELS) || 0;
  }
  return { classes, levels };
}

class Run {
  constructor(engine, start, state, examples, test, facts) {
    Object.assign(this, { chosen: start, examples, test, facts });
    this.design = designOf(start, state, examples.nClasses, facts);
    this.model = modelOf(engine, start, this.design, state, examples, facts);
    try {
      this.first = this.model.parameters;
      this.predicted = this.#predicted();
      this.begin();
    } catch (error) {
      this.free();
      throw error;
    }
  }

  begin() {
    this.losses = [];
    this.status = "done";
    this.start = this.measure();
  }

  get isOver() {
    return this.status !== "done";
  }

  train(epochs, options) {
    const { losses, status } = this.model.train(epochs, options);
    for (const loss of losses) this.losses.push(loss);
    this.status = status;
  }

  rewind() {
    this.model.restart();
    this.model.parameters = this.first;
    this.begin();
  }

  /** The variances by depth that mean-field theory predicts for the start, null where its weights are not random. */
  #predicted() {
    const { layerDims, activations } = this.design, { initializer, scale } = this.chosen, { X } = this.examples;
    if (initializer === "network") return null;
    const variances = layerDims.slice(1).map((fanOut, l) => weightVarianceOf(initializer, scale, layerDims[l], fanOut));
    if (variances.includes(null)) return null;
    const square = X.reduce((sum, x) => sum + x * x, 0) / X.length;
    return predictedVariances(layerDims, activations[0], variances, square, this.facts.curves);
  }

  look() {
    const { y } = this.examples, initializer = this.chosen.scale === null ? this.chosen.initializer : null;
    const look = lookInto(this.model, this.facts, { activations: this.design.activations, initializer, y });
    return { ...look, epoch: this.model.epochs, predicted: this.predicted };
  }

  measure() {
    return measured(this.model, this.design.activations, this.model.layerStatistics(), this.facts.study);
  }

  result(points) {
    return {
      epoch: this.model.epochs,
      status: this.status,
      loss: this.model.loss(),
      losses: Float64Array.from(this.losses),
      trainAccuracy: accuracyOf(this.model.predict(this.examples.X), this.examples.y),
      testAccuracy: accuracyOf(this.model.predict(this.test.X), this.test.y),
      plane: planeOf(this.model, points),
    };
  }

  /** The study's words for what became of the training. */
  story() {
    const { start, status, losses } = this, { y, nClasses } = this.examples, lastLoss = this.model.loss();
    const told = { start, end: this.measure(), status, firstLoss: losses[0] ?? lastLoss, lastLoss, y, nClasses };
    return whatHappened(told, this.facts);
  }

  free() {
    this.model.free();
  }
}

/** All starts of a state. */
export class Runs {
  constructor(engine, state, facts) {
    this.state = state;
    this.examples = examplesOf(engine, state, facts);
    this.test = examplesOf(engine, state, facts, true);
    this.extent = extentOf(this.examples.X, state.data === "painted");
    this.goal = state.epochs;
    this.stride = 1; // epochs between two losses that are kept
    this.all = [];
    try {
      for (const start of state.starts) this.all.push(new Run(engine, start, state, this.examples, this.test, facts));
    } catch (error) {
      this.free();
      throw error;
    }
    [this.coarse, this.fine] = [WORK_OF_PLANES, WORK_OF_FINE_PLANES].map((work) => this.#grid(work));
  }

  /** As many points as all networks can predict with so many operations. */
  #grid(work) {
    const ofAPoint = this.all.reduce((sum, { first }) => sum + 2 * first.length, 0);
    const side = Math.round(Math.min(MOST_SIDE, Math.max(LEAST_SIDE, Math.sqrt(work / ofAPoint))));
    return { side, points: gridOf(this.extent, side) };
  }

  get epoch() {
    return Math.max(...this.all.map((run) => run.model.epochs));
  }

  /** Whether all have made the epochs of the goal, or have diverged. */
  get isOver() {
    return this.all.every((run) => run.isOver) || this.epoch >= this.goal;
  }

  /** Train all for as many epochs, at most so many, as the largest network makes within its share of the time. */
  advance(milliseconds, most = Infinity) {
    const active = this.all.filter((run) => !run.isOver), before = this.epoch, lossEvery = this.stride;
    if (!active.length) return;
    const [largest, ...others] = active.sort((a, b) => b.first.length - a.first.length);
    largest.train(Math.min(most, this.goal - before), { milliseconds: milliseconds / active.length, lossEvery });
    for (const run of others) run.train(largest.model.epochs - before, { lossEvery });
    this.#thin();
  }

  /** Train all for a number of epochs, also beyond the goal. */
  step(epochs) {
    for (const run of this.all) if (!run.isOver) run.train(epochs, { lossEvery: this.stride });
    this.#thin();
  }

  #thin() {
    while (this.all.some((run) => run.losses.length > MOST_LOSSES)) {
      this.stride *= 2;
      for (const run of this.all) run.losses = run.losses.filter((_, i) => i % 2 === 0);
    }
  }

  rewind() {
    this.stride = 1;
    this.goal = this.state.epochs;
    for (const run of this.all) run.rewind();
  }

  /** What the page draws; the planes are finer if the networks are at rest. */
  snapshot(areAtRest) {
    const { side, points } = areAtRest ? this.fine : this.coarse;
    return {
      epoch: this.epoch,
      goal: this.goal,
      stride: this.stride,
      side,
      isOver: this.isOver,
      runs: this.all.map((run) => run.result(points)),
    };
  }

  stories() {
    return this.all.map((run) => run.story());
  }

  free() {
    for (const run of this.all) run.free();
  }
}
