// data.js -- the examples of the page: fastmlp.datasets, bit for bit, or points that were painted.

import { numbersOf } from "./numbers.js";

const N_TEST = 100; // examples of the test
const DRAWN = { circles: noisyPoints, moons: noisyPoints, spirals: noisyPoints, xor: xorPoints, blobs: blobPoints };

/**
 * Examples of a state: X (n, 2) flat, y (n) as classes from 0 on, nClasses. Those of the test are 100 drawn from the
 * next seed; of painted points there are no others, so that they are the test too.
 */
export function examplesOf(engine, state, facts, isTest = false) {
  if (state.data === "painted") return paintedPoints(state);
  const n = isTest ? N_TEST : state.n, seed = state.data_seed + Number(isTest);
  const { X, y } = DRAWN[state.data](engine.generator(seed), { ...state, n }, facts.points);
  return { X, y: Float64Array.from(y), nClasses: state.data === "blobs" ? state.classes : 2 };
}

/** Points of two classes that lie ready, shuffled, with noise. */
function noisyPoints(generator, { data, n, noise }, points) {
  const order = generator.shuffled(Array.from({ length: n }, (_, i) => i)), clean = numbersOf(points[data][n]);
  return withNoise(generator, noise, order.map((k) => Number(k >= n >> 1)), (i, axis) => clean[2 * order[i] + axis]);
}

function xorPoints(generator, { n, noise }) {
  const clean = generator.uniform(2 * n, 1);
  const y = Int32Array.from({ length: n }, (_, i) => Number(clean[2 * i] > 0 === clean[2 * i + 1] > 0));
  return withNoise(generator, noise, y, (i, axis) => clean[2 * i + axis]);
}

function blobPoints(generator, { n, classes, noise }, points) {
  const centers = numbersOf(points.blobs[classes]);
  const y = generator.shuffled(Array.from({ length: n }, (_, i) => i % classes));
  return withNoise(generator, noise, y, (i, axis) => centers[2 * y[i] + axis]);
}

function withNoise(generator, noise, y, place) {
  const X = generator.normal(2 * y.length, noise);
  for (let i = 0; i < y.length; i++) for (const axis of [0, 1]) X[2 * i + axis] += place(i, axis);
  return { X, y };
}

function paintedPoints({ points, classes }) {
  if (points.length < 2) {
    const have = points.length ? "there is one point" : "there are no points yet";
    throw new RangeError(`${have}: click into the plane to put at least two`);
  }
  const beyond = points.find(([, , kind]) => kind >= classes);
  if (beyond) throw new RangeError(`there is a point of class ${beyond[2]}, but the classes are 0 to ${classes - 1}`);
  return {
    X: Float64Array.from(points.flatMap(([x, y]) => [x, y])),
    y: Float64Array.from(points.map(([, , kind]) => kind)),
    nClasses: classes,
  };
}
