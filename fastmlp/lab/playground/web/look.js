// look.js -- a look into every layer of a network, as fastmlp.lab.diagnose takes it, and the story of a training.

import { filled, percent } from "./formats.js";
import { isSymmetric, judge } from "./verdict.js";

const N_BINS = 31, DEVIATIONS = 4; // of a histogram, with zero variance in the middle one; its reach around the mean

/** The layers of a flat vector of parameters, as views. */
function partsOf(parameters, layerDims) {
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
 * What is measured of every layer, histograms of pre-activations and gradients, and the verdict. The
 * activations are those of all layers, y are the targets, the initializer is a name or, with a scale of its own, null.
 */
export function lookInto(model, known, { activations, initializer, y }) {
  const layers = model.layerStatistics(), network = networkOf(model, activations, initializer);
  layers.forEach((layer, l) => {
    const [low, high] = (l + 1 < layers.length && known.saturation[activations[l]]) || [null, null];
    layer.activation = activations[l];
    layer.saturated = low === null && high === null ? 0 : model.shareOutside(l, low ?? -Infinity, high ?? Infinity);
  });
  const histograms = layers.map((layer, l) => ({
    preactivation: histogramOf(model, "preactivations", l, layer.preactivation_mean, layer.preactivation_variance, 1),
    gradient: histogramOf(model, "gradients", l, layer.gradient_mean, layer.gradient_variance, y.length),
  }));
  const wrongShare = wrongShareOf(model, y, known.thresholds.saturated_logit);
  const finding = judge(network, layers, { wrongShare }, known);
  return { layers, histograms, finding };
}

function networkOf(model, activations, initializer) {
  return { ...partsOf(model.parameters, model.layerDims), layerDims: model.layerDims, activations, initializer };
}

/** Counts in bins around the mean. The engine's gradients, of the mean loss, are made those of each example's own. */
function histogramOf(model, kind, layer, mean, variance, times) {
  const hasRange = Number.isFinite(mean) && Number.isFinite(variance);
  if (!hasRange) return { low: NaN, high: NaN, counts: new Int32Array(N_BINS) };
  // at least so much that rounding makes no two edges equal
  const reach = Math.max(DEVIATIONS * Math.sqrt(variance) || 0.5, N_BINS * Number.EPSILON * Math.abs(mean));
  const low = mean - reach, high = mean + reach;
  return { low, high, counts: model.histogram(kind, layer, low / times, high / times, N_BINS) };
}

/** The share of outputs, with softmax of examples, that are saturated on the wrong side. */
function wrongShareOf(model, y, limit) {
  const z = model.logits(), n = y.length, nOutputs = z.length / n;
  let wrong = 0;
  for (let i = 0; i < n; i++) {
    const { margin, best } = marginOf(z, i, n, nOutputs);
    wrong += Number(best !== y[i] && margin > limit);
  }
  return wrong / n;
}

/** The class of an example by its logits (outputs, n), and how far they are from another one. */
function marginOf(z, i, n, nOutputs) {
  if (nOutputs === 1) return { margin: Math.abs(z[i]), best: Number(z[i] > 0) };
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
export function measured(model, activations, layers, { saturatedLogit }) {
  const network = networkOf(model, activations, ""), hidden = layers.slice(0, -1);
  const z = model.logits(), n = model.nExamples, nOutputs = z.length / n;
  let saturated = 0;
  for (let i = 0; i < n; i++) {
    saturated += Number(!(marginOf(z, i, n, nOutputs).margin <= saturatedLogit));
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
export function whatHappened({ start, end, status, firstLoss, lastLoss, y, nClasses }, { stories: words, study }) {
  const didDiverge = status !== "done" || !Number.isFinite(lastLoss);
  const hasGrown = lastLoss > study.grown * firstLoss && lastLoss > Math.log(nClasses);
  const divergence = didDiverge ? words.not_finite : hasGrown ? words.grew : null;
  if (divergence) return divergence;
  if (start.isSymmetric && end.isSymmetric) return words.symmetric;
  if (start.saturatedOutputs >= study.mostly) {
    const { low, high } = start, share = percent(start.saturatedOutputs);
    return filled(words.too_large, { symptom: filled(words.saturated, { share, low, high }) });
  }
  if (end.deadUnits >= study.mostly) return filled(words.dead, { share: percent(end.deadUnits) });
  if (lastLoss >= firstLoss) return words.not_fallen;
  const constant = lossOfConstant(y, nClasses);
  if (!(lastLoss <= (1 - study.leastGain) * constant)) return filled(words.constant, { loss: constant });
  return end.deadUnits ? filled(words.learns_with_dead_units, { share: percent(end.deadUnits) }) : words.learns;
}
