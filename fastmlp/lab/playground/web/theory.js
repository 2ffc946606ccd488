// theory.js -- mean-field theory of wide networks: the variances by depth that fastmlp.lab.theory predicts.

import { INITIALIZERS } from "./engine.js";

const FLAT = 1e-3; // of logarithms in neighbouring places: a moment that rises less is a constant at variance 0

/**
 * The variances of pre-activations, and the mean squares of gradients over those of the outputs, layer after layer.
 * `weightVariances` are those of the weights times fan_in; biases are 0.
 *
 *     q_1 = V_1 input,  q_(l+1) = V_(l+1) E phi(z_l)^2,  d_l = V_(l+1) n_(l+1) / n_l E phi'(z_l)^2 d_(l+1)
 */
export function predictedVariances(layerDims, activation, weightVariances, inputVariance, curves) {
  const nLayers = layerDims.length - 1, backward = Array(nLayers).fill(1);
  const forward = [weightVariances[0] * inputVariance];
  for (let l = 1; l < nLayers; l++) {
    forward.push(weightVariances[l] * momentOf("square", activation, forward[l - 1], curves));
  }
  for (let l = nLayers - 2; l >= 0; l--) {
    const slope = momentOf("slopeSquare", activation, forward[l], curves);
    backward[l] = ((weightVariances[l + 1] * layerDims[l + 2]) / layerDims[l + 1]) * slope * backward[l + 1];
  }
  return { forward, backward };
}

/** A Gaussian moment of an activation, cubic between the places of the table and a power law beyond its ends. */
function momentOf(moment, activation, variance, { first, step, of }) {
  const values = of[activation][moment], last = values.length - 1, place = (Math.log10(variance) - first) / step;
  if (variance === 0) return values[1] - values[0] > FLAT ? 0 : 10 ** values[0];
  const i = Math.min(Math.max(Math.floor(place), 1), last - 2), t = place - i;
  if (place < 0) return 10 ** (values[0] + place * (values[1] - values[0]));
  if (place > last) return 10 ** (values[last] + (place - last) * (values[last] - values[last - 1]));
  const [a, b, c, d] = values.slice(i - 1, i + 3); // at -1, 0, 1 and 2 from place i
  return 10 ** ((-a * t * (t - 1) * (t - 2)) / 6 + (b * (t + 1) * (t - 1) * (t - 2)) / 2 -
    (c * (t + 1) * t * (t - 2)) / 2 + (d * (t + 1) * t * (t - 1)) / 6);
}

/** The variance of an initializer's weights times fan_in, null where they are not random. */
export function weightVarianceOf(initializer, scale, fanIn, fanOut) {
  const rule = INITIALIZERS[initializer], size = scale ?? rule.scale;
  if (rule.draw === "constant" || rule.draw === "identity") return null;
  return rule.fan ? (size / rule.fan(fanIn, fanOut)) * fanIn : size ** 2 * fanIn;
}
