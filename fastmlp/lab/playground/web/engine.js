// engine.js -- the engine in a page: loads engine.wasm, checks arguments, hides memory and codes behind two classes.
// All numbers are float64. Rows of examples go in as (n, features), targets and outputs are (outputs, n), all flat.

const BYTES = 8; // of a number
const NAME_BYTES = 12; // of an fm_name: the name's address, its code, its property
const NO_DERIVATIVE = 2; // the property of activations for outputs alone
const MOST_MEMORY = 2 ** 31; // bytes of a network or of its data; C's sizes are of 32 bits
const STATISTICS = [ // fm_layer_statistics of wasm.h
  "preactivation_mean", "preactivation_variance", "activation_mean", "activation_variance", "gradient_mean",
  "gradient_variance", "correlation", "weight_gradient_norm", "dead", "distinct_units",
];
// a function that returns a vector: valid where the browser has SIMD
const NEEDS_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);
const PLAIN_SGD = {
  method: "sgd", epsilon_hat: 0, momentum: 0, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0, l1: 0, l2: 0,
  clip_value: Infinity, clip_norm: Infinity,
};

// The weights of a layer by the names of fastmlp.initializers, with biases of 0. Of a spread, `scale` is the variance
// times the number that `fan` makes of fan_in and fan_out; `scale` of the others is their one number.
const fanIn = (fanIn) => fanIn;
const fanAverage = (fanIn, fanOut) => (fanIn + fanOut) / 2;
const spread = (draw, scale, fan) => ({ scale, draw, fan });
export const INITIALIZERS = {
  zeros: { scale: 0, draw: "constant" },
  constant: { scale: 0.1, draw: "constant" },
  random: { scale: 10, draw: "normal" },
  he: spread("normal", 2, fanIn),
  he_uniform: spread("uniform", 2, fanIn),
  lecun: spread("normal", 1, fanIn),
  lecun_uniform: spread("uniform", 1, fanIn),
  xavier_normal: spread("normal", 1, fanAverage),
  xavier_uniform: spread("uniform", 1, fanAverage),
  identity: { scale: 1, draw: "identity" },
};

const KINDS = { // what engine.wasm lists, in messages
  activation: "the activation", hidden: "the activation of a hidden layer", loss: "the loss", method: "the method",
  field: "a setting", status: "the status",
};

function check(isFine, message) {
  if (!isFine) throw new RangeError(message);
}

function checkWhole(name, value, least, most = 2 ** 31 - 1) {
  check(Number.isInteger(value) && value >= least && value <= most,
    `${name} must be a whole number from ${least} to ${most}, got ${value}`);
}

function checkMemory(isThere) {
  if (!isThere) throw new Error("there is not enough memory for this network and these data");
}

/** Load the engine from the bytes of engine.wasm; the error says what the browser lacks. */
export async function loadEngine(bytes) {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly, which the engine needs");
  if (!WebAssembly.validate(NEEDS_SIMD)) {
    throw new Error("this browser's WebAssembly lacks SIMD, which the engine needs: any browser since 2023 has it");
  }
  if (!WebAssembly.validate(bytes)) throw new Error("the engine's file is damaged");
  const { instance } = await WebAssembly.instantiate(bytes, { page: { now: () => performance.now() } });
  return new Engine(instance.exports);
}

/** The compiled functions, the names they know, and arrays in their memory. */
export class Engine {
  constructor(calls) {
    this.calls = calls;
    for (const kind of Object.keys(KINDS).filter((kind) => kind !== "hidden")) {
      this[`${kind}Codes`] = this.#codes(calls[`${kind}_names`]());
    }
    this.hiddenCodes = this.#codes(calls.activation_names(), (property) => property !== NO_DERIVATIVE);
    this.statusNames = Object.fromEntries(Object.entries(this.statusCodes).map(([name, code]) => [code, name]));
  }

  #codes(at, takes = () => true) {
    const memory = new DataView(this.calls.memory.buffer), bytes = new Uint8Array(this.calls.memory.buffer);
    const codes = {};
    for (let name; (name = memory.getUint32(at, true)) !== 0; at += NAME_BYTES) {
      if (!takes(memory.getInt32(at + 8, true))) continue;
      codes[String.fromCharCode(...bytes.subarray(name, bytes.indexOf(0, name)))] = memory.getInt32(at + 4, true);
    }
    return codes;
  }

  /** The code of a name; of activations, kind "hidden" knows those of hidden layers alone. */
  code(kind, name) {
    const codes = this[`${kind}Codes`];
    check(Object.hasOwn(codes, name), `${KINDS[kind]} must be one of ${Object.keys(codes).join(", ")}; got ${name}`);
    return codes[name];
  }

  /** Memory of the engine as an array; the next call that takes memory may make it empty. */
  view(at, length, Kind = Float64Array) {
    return new Kind(this.calls.memory.buffer, at, length);
  }

  /** What `use` returns of the address of a copy of an array, which is freed. */
  withCopy(array, use) {
    const at = this.calls.allocate(array.byteLength || BYTES);
    checkMemory(at);
    this.view(at, array.length, array.constructor).set(array);
    try {
      return use(at);
    } finally {
      this.calls.release(at);
    }
  }

  /** A network of these widths; one activation for each layer. Its parameters are 0. */
  model(layerDims, activations, loss, { lossParameter = 0, labelSmoothing = 0 } = {}) {
    return new Model(this, layerDims, activations, loss, lossParameter, labelSmoothing);
  }

  /** The flat parameters that fastmlp draws for an initializer's name and a seed; `scale` replaces its own. */
  draw(initializer, layerDims, seed, scale) {
    check(Object.hasOwn(INITIALIZERS, initializer),
      `the initializer must be one of ${Object.keys(INITIALIZERS).join(", ")}; got ${initializer}`);
    const rule = INITIALIZERS[initializer], size = scale ?? rule.scale, layers = layerDims.slice(1);
    check(Number.isFinite(size), `the scale must be a finite number, got ${size}`);
    const takesAny = rule.draw === "constant" || rule.draw === "identity";
    check(size >= 0 || takesAny, `the scale must be at least 0, got ${size}`);
    const generator = this.generator(seed);
    const parameters = new Float64Array(layers.reduce((sum, fanOut, l) => sum + (layerDims[l] + 1) * fanOut, 0));
    let at = 0;
    layers.forEach((fanOut, l) => {
      parameters.set(weightsOf(generator, rule, size, fanOut, layerDims[l]), at);
      at += (layerDims[l] + 1) * fanOut;
    });
    return parameters;
  }

  /** The draws of numpy.random.RandomState(seed), one after another. */
  generator(seed) {
    checkWhole("the seed", seed, 0, 2 ** 32 - 1);
    this.calls.seed_twister(seed);
    const drawn = (name, n, reach) => this.withCopy(new Float64Array(n), (at) => {
      this.calls[`draw_${name}`](at, n, reach);
      return this.view(at, n).slice();
    });
    return {
      /** normal(scale=deviation, size=n) */
      normal: (n, deviation) => drawn("normal", n, deviation),
      /** uniform(-bound, bound, size=n) */
      uniform: (n, bound) => drawn("uniform", n, bound),
      /** shuffle of whole numbers */
      shuffled: (items) => this.withCopy(Int32Array.from(items), (at) => {
        this.calls.shuffle(at, items.length);
        return this.view(at, items.length, Int32Array).slice();
      }),
    };
  }
}

/** The weights of a layer, flat (fan_out, fan_in). */
function weightsOf(generator, { draw, fan }, size, fanOut, fanIn) {
  const zeros = new Float64Array(fanOut * fanIn);
  if (draw === "constant") return zeros.fill(size);
  if (draw === "identity") return zeros.map((_, i) => (i % fanIn === Math.floor(i / fanIn) ? size : 0));
  // the deviation, or the bound; in the order of fastmlp's operations, so that it has the same bits
  const reach = fan ? Math.sqrt(((draw === "uniform" ? 3 : 1) * size) / fan(fanIn, fanOut)) : size;
  return generator[draw](zeros.length, reach);
}

/** One network with its data and its training. Call `free` when it is no longer needed. */
class Model {
  constructor(engine, layerDims, activations, loss, lossParameter, labelSmoothing) {
    check(layerDims.length >= 2, "there must be at least two widths, of the inputs and of the outputs");
    check(activations.length === layerDims.length - 1, "there must be one activation for each layer");
    layerDims.forEach((width) => checkWhole("a width", width, 1, 2 ** 20));
    // no less than make_layout reserves: 4 copies of each weight; 9 rows of at most 1,056 numbers for each unit
    const widest = layerDims.map((width, i) => 4 * (width + 1) * ((layerDims[i + 1] ?? 0) + 8192));
    checkMemory(BYTES * widest.reduce((a, b) => a + b) < MOST_MEMORY);
    const last = activations.length - 1, code = engine.code("loss", loss);
    const codes = activations.map((name, l) => engine.code(l < last ? "hidden" : "activation", name));
    this.engine = engine;
    this.hasClasses = loss === "multinomial_log_loss";
    this.layerDims = [...layerDims];
    this.nTargets = this.hasClasses ? 1 : layerDims.at(-1);
    this.nExamples = 0;
    this.isLookedAt = false;
    this.at = engine.withCopy(Int32Array.from(layerDims), (dims) =>
      engine.withCopy(Int32Array.from(codes), (names) =>
        engine.calls.create(codes.length, dims, names, code, lossParameter, labelSmoothing)));
    checkMemory(this.at);
    this.setOptimizer({}, 0.01);
  }

  /** A copy of the parameters: W (fan_out, fan_in) by rows, then b, layer after layer. */
  get parameters() {
    return this.#parameters().slice();
  }

  set parameters(values) {
    const own = this.#parameters();
    check(values.length === own.length, `there must be ${own.length} parameters, got ${values.length}`);
    own.set(values);
  }

  #parameters() {
    return this.engine.view(this.engine.calls.parameters(this.at), this.engine.calls.n_parameters(this.at));
  }

  get epochs() {
    return this.engine.calls.epochs(this.at);
  }

  /** Settings by the names of fm_optimizer and the method; those not given are of plain descent. */
  setOptimizer(settings, learningRate) {
    check(Number.isFinite(learningRate), `the learning rate must be a finite number, got ${learningRate}`);
    for (const [name, value] of Object.entries({ ...PLAIN_SGD, ...settings })) {
      if (name === "method") this.engine.calls.set_method(this.at, this.engine.code("method", value));
      else this.engine.calls.set_field(this.at, this.engine.code("field", name), value);
    }
    this.engine.calls.set_rate(this.at, learningRate);
  }

  /** Examples (n, features) and targets (outputs, n); with batches, the seed gives the orders, as in MLP.train. */
  setData(inputs, targets, { batchSize, seed = 0 } = {}) {
    const { calls } = this.engine, n = inputs.length / this.layerDims[0];
    checkWhole("the number of examples", n, 1);
    check(targets.length === n * this.nTargets, `there must be ${n * this.nTargets} targets, got ${targets.length}`);
    check(inputs.every(Number.isFinite) && targets.every(Number.isFinite), "inputs and targets must be finite numbers");
    if (this.hasClasses) targets.forEach((k) => checkWhole("a class", k, 0, this.layerDims.at(-1) - 1));
    const size = Math.min(batchSize ?? n, n);
    checkWhole("the batch", size, 1);
    checkWhole("the seed", seed, 0, 2 ** 32 - 1);
    this.nExamples = 0;
    this.isLookedAt = false;
    const numbers = 4 * n * this.layerDims.reduce((a, b) => a + b); // z, a, da and dz of each unit
    checkMemory(BYTES * numbers < MOST_MEMORY);
    checkMemory(calls.set_data(this.at, n, size, seed));
    this.nExamples = n;
    this.engine.view(calls.inputs(this.at), inputs.length).set(inputs);
    this.engine.view(calls.targets(this.at), targets.length).set(targets);
  }

  #checkData() {
    check(this.nExamples > 0, "the network has no data yet");
  }

  /**
   * Train for a number of epochs, or until the time is up, which is looked at about every half a millisecond but never
   * within an epoch. Returns the epochs made, how the training ended ("done" unless it diverged) and the losses of
   * every `lossEvery`-th epoch, counted from the start of the training.
   */
  train(epochs, { milliseconds = Infinity, lossEvery = 1 } = {}) {
    this.#checkData();
    checkWhole("the number of epochs", epochs, 0);
    checkWhole("lossEvery", lossEvery, 1);
    const { calls } = this.engine, first = this.epochs, end = performance.now() + milliseconds, losses = [];
    let status = 0, left = epochs, before;
    do {
      before = this.epochs;
      status = calls.train(this.at, left, end - performance.now(), lossEvery);
      losses.push(...this.engine.view(calls.losses(this.at), calls.n_losses(this.at)));
      left -= this.epochs - before;
    } while (left > 0 && status === 0 && performance.now() < end);
    return { epochs: this.epochs - first, status: this.engine.statusNames[status], losses };
  }

  /** Forget moments and counts: the next training starts from the parameters as they are. */
  restart() {
    this.engine.calls.restart(this.at);
  }

  /** The mean loss over all examples. */
  loss() {
    this.#checkData();
    return this.engine.calls.loss(this.at);
  }

  /** Outputs (outputs, n) of examples (n, features). */
  predict(inputs) {
    this.#checkData();
    const { calls } = this.engine, n = inputs.length / this.layerDims[0];
    checkWhole("the number of examples", n, 1);
    return this.engine.withCopy(Float64Array.from(inputs), (from) =>
      this.engine.withCopy(new Float64Array(n * this.layerDims.at(-1)), (to) => {
        calls.predict(to, this.at, from, n);
        return this.engine.view(to, n * this.layerDims.at(-1)).slice();
      }));
  }

  /** What lab.diagnose measures of every layer over all examples, by the same names. */
  layerStatistics() {
    this.#checkData();
    const { calls } = this.engine;
    checkMemory(calls.look(this.at));
    this.isLookedAt = true;
    const norms = this.#jacobianNorms();
    return this.engine.withCopy(new Float64Array(STATISTICS.length), (at) =>
      this.layerDims.slice(1).map((units, layer) => {
        calls.measure(at, this.at, layer);
        const found = this.engine.view(at, STATISTICS.length);
        const measured = Object.fromEntries(STATISTICS.map((name, i) => [name, found[i]]));
        return { units, ...measured, jacobian_norm: norms[layer] };
      }));
  }

  #jacobianNorms() {
    const n = this.layerDims.length - 1;
    return this.engine.withCopy(new Float64Array(n), (at) => {
      checkMemory(this.engine.calls.jacobian_norms(at, this.at));
      return this.engine.view(at, n).slice();
    });
  }

  /** A copy of the raw outputs (outputs, n) in the last `layerStatistics`. */
  logits() {
    return this.engine.view(...this.#lookedAt("preactivations", this.layerDims.length - 2)).slice();
  }

  #lookedAt(kind, layer) {
    check(this.isLookedAt, "layerStatistics must come first");
    checkWhole("the layer", layer, 0, this.layerDims.length - 2);
    return [this.engine.calls[kind](this.at, layer), this.layerDims[layer + 1] * this.nExamples];
  }

  /**
   * Counts in bins of equal width of what the last `layerStatistics` computed: "preactivations", "activations" or
   * "gradients", those of the mean loss. The first and the last bin also count what lies beyond.
   */
  histogram(kind, layer, low, high, nBins) {
    const [values, length] = this.#lookedAt(kind, layer);
    return this.engine.withCopy(new Int32Array(nBins), (counts) => {
      this.engine.calls.count_bins(counts, nBins, values, length, low, high);
      return this.engine.view(counts, nBins, Int32Array).slice();
    });
  }

  /** The share of a layer's pre-activations below `low` or above `high` in the last `layerStatistics`. */
  shareOutside(layer, low, high) {
    const [values, length] = this.#lookedAt("preactivations", layer);
    return this.engine.calls.count_outside(values, length, low, high) / length;
  }

  free() {
    this.engine?.calls.free_model(this.at);
    this.engine = null; // the next use fails
  }
}
