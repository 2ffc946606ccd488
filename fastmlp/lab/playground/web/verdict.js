// verdict.js -- the verdict of fastmlp.lab.diagnose (lab/diagnosis/verdict.py), by its thresholds and in its words.

import { filled, percent } from "./formats.js";

const DTYPE = "float64";

/**
 * The first fault that is found: forward from the inputs, backward from the outputs, then of the outputs. `network` has
 * weights, biases, activations and the initializer's name, `rows` the statistics of layers, `outputs` the shares of
 * look.js; `known` are the page's facts.
 */
export function judge(network, rows, outputs, known) {
  const sizes = rows.map((row) => Math.sqrt(row.preactivation_mean ** 2 + row.preactivation_variance));
  const of = { network, rows, sizes, outputs, limit: known.thresholds, fitting: known.fitting, words: known.words };
  return forward(of) ?? backward(of) ?? ofOutputs(of) ?? { verdict: "healthy", layer: null, text: healthy(of) };
}

function forward(of) {
  for (let at = 0; at < of.rows.length; at++) {
    let found = explodes(of, at);
    if (!found && at + 1 < of.rows.length) found = isSymmetric(of.network, at) ? symmetric(of, at) : hidden(of, at);
    if (found) return { ...found, layer: at + 1 };
  }
  return null;
}

function explodes(of, at) {
  const { network, rows, sizes, limit, words } = of, size = sizes[at], layer = at + 1;
  const as = (key, values) => ({ verdict: "exploding", text: filled(words[key], values) });
  if (!Number.isFinite(size)) {
    const areFinite = network.weights[at].every(Number.isFinite) && network.biases[at].every(Number.isFinite);
    if (!areFinite) return as("parameters_not_finite", { layer });
    const before = at ? filled(words.before_overflow, { size: sizes[at - 1], layer: at }) : "";
    const ofHidden = Math.min(at, Math.max(0, rows.length - 2));
    return as("overflow", { layer, dtype: DTYPE, before, remedy: remedy(of, ofHidden) });
  }
  if (at + 1 === rows.length) return null; // outputs are judged by the targets
  if (size > limit.size) return as("large", { layer, size, remedy: remedy(of, at) });
  if (size > limit.growth * Math.max(sizes[0], 1)) return as("growing", change(of, at));
  return null;
}

function hidden(of, at) {
  const { rows, sizes, limit, words } = of, row = rows[at], layer = at + 1;
  if (row.saturated >= limit.saturated_share) {
    const values = { share: percent(row.saturated), layer, activation: row.activation, size: sizes[at] };
    return { verdict: "saturated", text: filled(words.saturated, values) };
  }
  if (row.dead >= limit.dead_share) {
    return { verdict: "dead", text: filled(words.dead, { share: percent(row.dead), units: row.units, layer }) };
  }
  const isSmall = sizes[at] < limit.vanishing * sizes[0];
  return isSmall ? { verdict: "vanishing", text: filled(words.vanishing, change(of, at)) } : null;
}

/** Whether all units of a hidden layer, at least two, have the same bias and the same weights in and out. */
export function isSymmetric({ weights, biases }, at) {
  const incoming = weights[at], outgoing = weights[at + 1], units = biases[at].length, fanIn = incoming.length / units;
  return units > 1 && biases[at].every((bias) => bias === biases[at][0]) &&
    incoming.every((weight, i) => weight === incoming[i % fanIn]) &&
    outgoing.every((weight, i) => weight === outgoing[i - (i % units)]);
}

function symmetric(of, at) {
  const values = { units: of.rows[at].units, layer: at + 1, remedy: remedy(of, at) };
  return { verdict: "symmetric", text: filled(of.words.symmetric, values) };
}

/** What the Jacobian norms and the gradients show, from the last hidden layer to the first. */
function backward(of) {
  const { rows, limit, words, network } = of, last = rows.length - 2;
  for (let at = last; at >= 0; at--) {
    const ratio = rows[at].jacobian_norm / rows[last].jacobian_norm;
    const isBeyond = !Number.isFinite(rows[at].gradient_variance) && Number.isFinite(rows.at(-1).gradient_variance);
    const isLarge = ratio > limit.gradient_growth || isBeyond;
    if (!isLarge && !(ratio < limit.vanishing)) continue;
    const place = { layer: at + 1, ratio, last: last + 1, per_layer: perLayer(of, ratio, last - at) };
    const activation = network.activations[at];
    const values = { backward: filled(words.backward, place), activation, remedy: remedy(of, at) };
    const text = filled(isLarge ? words.backward_large : words.backward_small, values);
    return { verdict: isLarge ? "exploding" : "vanishing", layer: at + 1, text };
  }
  return null;
}

/** The page's networks tell classes apart, and it knows the targets: a fault is an output that is sure and wrong. */
function ofOutputs({ rows, sizes, outputs, limit, words }) {
  if (!(outputs.wrongShare >= limit.wrong_share)) return null;
  const text = filled(words.wrong_outputs, { share: percent(outputs.wrongShare), size: sizes.at(-1) });
  return { verdict: "saturated", layer: rows.length, text };
}

function change(of, at) {
  const { sizes } = of;
  const perLayers = perLayer(of, sizes[at] / sizes[0], at);
  return { first: sizes[0], size: sizes[at], layer: at + 1, per_layer: perLayers, remedy: remedy(of, at) };
}

function perLayer({ words }, ratio, nLayers) {
  return nLayers ? filled(words.per_layer, { factor: ratio ** (1 / nLayers) }) : words.beyond_range;
}

/** A word on the initialization that fits a layer's activation, unless the network has it already. */
function remedy({ network, fitting, words }, at) {
  const activation = network.activations[at], name = fitting[activation];
  if (!name) return filled(words.no_initialization, { activation });
  return network.initializer === name ? words.other_shape : filled(words.other_initialization, { name });
}

function healthy({ rows, sizes, words }) {
  const dead = Math.max(0, ...rows.slice(0, -1).map((row) => row.dead));
  const units = dead ? filled(words.few_dead_units, { share: percent(dead) }) : words.no_dead_units;
  return filled(words.healthy, { smallest: Math.min(...sizes), largest: Math.max(...sizes), units });
}
