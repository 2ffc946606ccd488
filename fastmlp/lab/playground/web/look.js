// look.js -- a look into every layer of a network, as fastmlp.lab.diagnose takes it, and the story of a training.

import { filled, percent } from "./formats.js";
import { isSymmetric, judge } from "./verdict.js";

const SAMPLE = 64; // rows of all Jacobians together, and the most examples that they come from
const N_BINS = 30, DEVIATIONS = 4; // of a histogram, and its reach on both sides of the mean
const SATURATED_LOGIT = 10, MOSTLY = 0.5, LEAST_GAIN = 0.01; // of the study, lab/measurements.py, study.py and scores.py
const GROWN = 10; // times the first loss: the loss has grown
const FAR_TARGET = -1e300; // below any output: the derivative of its absolute error is 1 / n

/** The layers of a flat vector of parameters, as views. */
export function partsOf(parameters, layerDims) {
  const weights = [], biases = [];
  let at = 0;
  for (let l = 0; l + 1 < layerDims.length; l++) {
    const [fanIn, fanOut] = [layerDims[l], layerDims[l + 1]];
    weights.push(parameters.subarray(at, (at += fanIn * fanOut)));
    biases.push(parameters.subarray(at, (at += fanOut)));
  }
  return { weights, biases };
}

/**
 * What is measured of every layer, histograms of pre-activations and gradients, and the verdict. `described` has the
 * activations, the initializer's name and the targets y.
 */
export function lookInto(model, known, { activations, initializer, y }) {
  const layers = model.layerStatistics(), network = networkOf(model, activations, initializer);
  layers.forEach((layer, l) => {
    const [low, high] = (l + 1 < layers.length && known.saturation[activations[l]]) || [null, null];
    layer.activation = activations[l];
    layer.saturated = low === null && high === null ? 0 : model.shareOutside(l, low ?? -Infinity, high ?? Infinity);
  });
  jacobianNorms(model, network, y.length).forEach((norm, l) => (layers[l].jacobian_norm = norm));
  const histograms = layers.map((layer, l) => ({
    preactivation: histogramOf(model, "preactivations", l, layer.preactivation_mean, layer.preactivation_variance, 1),
    gradient: histogramOf(model, "gradients", l, layer.gradient_mean, layer.gradient_variance, y.length),
  }));
  const finding = judge(network, layers, { wrongShare: wrongShareOf(model, y, known.thresholds.saturated_logit) }, known);
  return { layers, histograms, finding };
}

function networkOf(model, activations, initializer) {
  return { ...partsOf(model.parameters, model.layerDims), layerDims: model.layerDims, activations, initializer };
}

/** Counts in bins around the mean; gradients, which the engine has of the mean loss, are those of each example's own. */
function histogramOf(model, kind, layer, mean, variance, times) {
  if (!Number.isFinite(mean) || !Number.isFinite(variance)) return { low: NaN, high: NaN, counts: new Int32Array(N_BINS) };
  const reach = DEVIATIONS * Math.sqrt(variance) || 0.5, low = mean - reach, high = mean + reach;
  return { low, high, counts: model.histogram(kind, layer, low / times, high / times, N_BINS) };
}

/** The places of `most` of n items, spread evenly, as NumPy's linspace(0, n - 1, most) cut to whole numbers. */
function spread(n, most) {
  if (most === 1) return [0];
  const step = (n - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => (i + 1 < most ? Math.floor(i * step) : n - 1));
}

/** The root mean square over some examples of the Frobenius norm of dz_L / dz_l, over that of the identity. */
function jacobianNorms(model, { weights, layerDims, activations }, n) {
  const nOutputs = layerDims.at(-1), sample = spread(n, Math.min(n, SAMPLE));
  const chosen = spread(sample.length, Math.min(sample.length, Math.max(1, Math.floor(SAMPLE / nOutputs)))).map((i) => sample[i]);
  const nRows = chosen.length * nOutputs, norms = [1];
  let partial = new Float64Array(nRows * nOutputs).map((_, i) => Number(Math.floor(i / nOutputs) % nOutputs === i % nOutputs));
  for (let l = layerDims.length - 3; l >= 0; l--) {
    const slopes = slopesAt(model, l, chosen, activations[l]);
    partial = stepBack(partial, weights[l + 1], slopes, nOutputs);
    norms.unshift(Math.sqrt(partial.reduce((sum, x) => sum + x * x, 0) / nRows));
  }
  return norms;
}

/** partial (rows, fan_out) times W (fan_out, fan_in) times the slopes (examples, fan_in), nOutputs rows an example. */
function stepBack(partial, weights, slopes, nOutputs) {
  const nExamples = slopes.length, fanIn = slopes[0].length, nRows = nExamples * nOutputs, fanOut = weights.length / fanIn;
  const found = new Float64Array(nRows * fanIn);
  for (let row = 0; row < nRows; row++) {
    const own = found.subarray(row * fanIn, (row + 1) * fanIn), slope = slopes[Math.floor(row / nOutputs)];
    for (let k = 0; k < fanOut; k++) {
      const factor = partial[row * fanOut + k];
      if (factor === 0) continue;
      for (let j = 0, at = k * fanIn; j < fanIn; j++) own[j] += factor * weights[at + j];
    }
    for (let j = 0; j < fanIn; j++) own[j] *= slope[j];
  }
  return found;
}

/** The activation's slope at the pre-activations of some examples, from the engine's own backward pass. */
function slopesAt(model, layer, chosen, activation) {
  const z = model.arrayOf("preactivations", layer), n = model.nExamples, units = z.length / n;
  const places = Float64Array.from({ length: chosen.length * units }, (_, i) => z[(i % units) * n + chosen[Math.floor(i / units)]]);
  const slopes = places.every(Number.isFinite) ? slopesOf(model.engine, activation, places) : places.fill(NaN);
  return chosen.map((_, i) => slopes.subarray(i * units, (i + 1) * units));
}

function slopesOf(engine, activation, places) {
  const probe = engine.model([1, 1, 1], [activation, "identity"], "absolute_error");
  try {
    probe.parameters = [1, 0, 1, 0];
    probe.setData(places, new Float64Array(places.length).fill(FAR_TARGET));
    probe.layerStatistics();
    return probe.arrayOf("gradients", 0).map((slope) => slope * places.length);
  } finally {
    probe.free();
  }
}

/** The share of outputs, with softmax of examples, that are saturated on the wrong side. */
function wrongShareOf(model, y, limit) {
  const z = model.arrayOf("preactivations", model.layerDims.length - 2), n = y.length, nOutputs = z.length / n;
  let wrong = 0;
  for (let i = 0; i < n; i++) {
    const { margin, best } = nOutputs === 1 ? { margin: Math.abs(z[i]), best: Number(z[i] > 0) } : marginOf(z, i, n, nOutputs);
    wrong += Number(best !== y[i] && margin > limit);
  }
  return wrong / n;
}

function marginOf(z, i, n, nOutputs) {
  let best = 0, second = -Infinity;
  for (let k = 1; k < nOutputs; k++) {
    const value = z[k * n + i];
    if (value > z[best * n + i]) (second = z[best * n + i]), (best = k);
    else second = Math.max(second, value);
  }
  return { margin: z[best * n + i] - second, best };
}

// ---- the story of a training, in the study's words

/** What the story needs to know of the start or the end of a training; `layerStatistics` must have come before. */
export function measured(model, activations, layers) {
  const network = networkOf(model, activations, ""), hidden = layers.slice(0, -1);
  const z = model.arrayOf("preactivations", layers.length - 1), n = model.nExamples, nOutputs = z.length / n;
  let saturated = 0;
  for (let i = 0; i < n; i++) {
    const margin = nOutputs === 1 ? Math.abs(z[i]) : marginOf(z, i, n, nOutputs).margin;
    saturated += Number(!(margin <= SATURATED_LOGIT));
  }
  const nUnits = hidden.reduce((sum, { units }) => sum + units, 0);
  return {
    isSymmetric: hidden.some((_, l) => isSymmetric(network, l)),
    deadUnits: hidden.reduce((sum, { dead, units }) => sum + dead * units, 0) / nUnits,
    saturatedOutputs: saturated / n,
    low: z.reduce((a, b) => Math.min(a, b), Infinity),
    high: z.reduce((a, b) => Math.max(a, b), -Infinity),
  };
}

/** The least loss of one prediction for all examples: the entropy of the classes. */
function lossOfConstant(y, nClasses) {
  const counts = new Float64Array(nClasses);
  for (const kind of y) counts[kind]++;
  return counts.reduce((sum, count) => sum - (count ? (count / y.length) * Math.log(count / y.length) : 0), 0);
}

/** What happened in a training from `start` to `end`, both from `measured`, with its losses and its status. */
export function whatHappened({ start, end, status, firstLoss, lastLoss, y, nClasses }, words) {
  const didDiverge = status !== "done" || !Number.isFinite(lastLoss);
  const hasGrown = lastLoss > GROWN * firstLoss && lastLoss > Math.log(nClasses);
  const divergence = didDiverge ? words.not_finite : hasGrown ? words.grew : null;
  if (divergence) return divergence;
  if (start.isSymmetric && end.isSymmetric) return words.symmetric;
  if (start.saturatedOutputs >= MOSTLY) {
    const symptom = filled(words.saturated, { share: percent(start.saturatedOutputs), low: start.low, high: start.high });
    return filled(words.too_large, { symptom });
  }
  if (end.deadUnits >= MOSTLY) return filled(words.dead, { share: percent(end.deadUnits) });
  if (lastLoss >= firstLoss) return words.not_fallen;
  const constant = lossOfConstant(y, nClasses);
  if (!(lastLoss <= (1 - LEAST_GAIN) * constant)) return filled(words.constant, { loss: constant });
  return end.deadUnits ? filled(words.learns_with_dead_units, { share: percent(end.deadUnits) }) : words.learns;
}
