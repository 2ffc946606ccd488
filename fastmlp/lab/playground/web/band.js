// band.js -- one start from many seeds, trained one after another.

import { accuracyOf, designOf, modelOf } from "./runs.js";
import { N_SEEDS } from "./state.js";

const MOST_REPORTS = 60; // losses of a run
const SHARES = { low: 0.05, median: 0.5, high: 0.95 };

/** The quantile of ascending numbers by linear interpolation, as NumPy's; infinite ones stay so. */
function quantileOf(sorted, share) {
  const place = share * (sorted.length - 1), i = Math.floor(place), part = place - i;
  return part === 0 ? sorted[i] : sorted[i] + part * (sorted[i + 1] - sorted[i]) || sorted[i];
}

const ascending = (values) => Float64Array.from(values).sort(); // typed arrays sort by number

/** The trainings of seeds from that of the start on; a run that diverged counts as an infinite loss. */
export class Band {
  constructor(engine, state, place, examples, test, facts) {
    Object.assign(this, { engine, state, place, examples, test, facts });
    this.design = designOf(state.starts[place], state, examples.nClasses, facts);
    this.every = Math.ceil(state.epochs / MOST_REPORTS);
    this.found = [];
    this.model = null;
  }

  get isOver() {
    return this.found.length === N_SEEDS;
  }

  advance(milliseconds) {
    const end = performance.now() + milliseconds;
    do {
      if (!this.model) this.#begin();
      const { losses, status } = this.model.train(this.state.epochs - this.model.epochs,
        { milliseconds: end - performance.now(), lossEvery: this.every });
      this.losses.push(...losses);
      if (status !== "done" || this.model.epochs === this.state.epochs) this.#end(status);
    } while (!this.isOver && performance.now() < end);
  }

  #begin() {
    const own = this.state.starts[this.place], start = { ...own, seed: (own.seed + this.found.length) % 2 ** 32 };
    this.model = modelOf(this.engine, start, this.design, this.state, this.examples, this.facts);
    this.losses = [];
  }

  #end(status) {
    const didDiverge = status !== "done";
    this.found.push({
      losses: this.losses,
      didDiverge,
      finalLoss: didDiverge ? Infinity : this.model.loss(),
      accuracy: accuracyOf(this.model.predict(this.test.X), this.test.y),
    });
    this.free();
  }

  /** Bands over the epochs, and what became of the runs. */
  result() {
    const n = Math.max(...this.found.map(({ losses }) => losses.length));
    const at = (i) => ascending(this.found.map(({ losses }) => losses[i] ?? Infinity));
    const columns = Array.from({ length: n }, (_, i) => at(i));
    const byShare = (find) => Object.fromEntries(Object.entries(SHARES).map(([name, share]) => [name, find(share)]));
    const of = (values) => byShare((share) => quantileOf(ascending(values), share));
    return {
      start: this.place,
      epochs: Array.from({ length: n }, (_, i) => i * this.every),
      ...byShare((share) => columns.map((column) => quantileOf(column, share))),
      finalLoss: of(this.found.map(({ finalLoss }) => finalLoss)),
      accuracy: of(this.found.map(({ accuracy }) => accuracy)),
      finalLosses: this.found.map(({ finalLoss }) => finalLoss),
      nDiverged: this.found.filter(({ didDiverge }) => didDiverge).length,
      nSeeds: this.found.length,
    };
  }

  free() {
    this.model?.free();
    this.model = null;
  }
}
