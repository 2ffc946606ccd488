// state.js -- what the controls say, and the fragment of the address that holds it.

export const DATA = ["circles", "moons", "spirals", "xor", "blobs", "painted"];
export const N_SEEDS = 100; // of a start that is trained many times
export const MOST_PAINTED = 500; // points
export const PAINTED = 2; // painted points lie in [-2, 2]^2
export const PAINTED_EXTENT = [[-PAINTED, PAINTED], [-PAINTED, PAINTED]];
const POINT_STEPS = 4095; // the grid that they are put on, of 12 bits: two digits of 6 bits a coordinate
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; // base64url

function wrong(name, expected, got) {
  const shown = got.length > 40 ? `${got.slice(0, 40)}...` : got;
  return new RangeError(`${name} must be ${expected}; the link has ${shown || "nothing"}`);
}

const oneOf = (name, choices) => (text) => {
  if (!choices.includes(text)) throw wrong(name, `one of ${choices.join(", ")}`, text);
  return text;
};

function numberOf(name, text, least, most, isWhole) {
  const value = text.trim() === "" ? NaN : Number(text);
  const isFine = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  if (!isFine) throw wrong(name, `a ${isWhole ? "whole " : ""}number from ${least} to ${most}`, text);
  return value;
}

const number = (name, least, most) => (text) => numberOf(name, text, least, most, false);
const whole = (name, least, most) => (text) => numberOf(name, text, least, most, true);

const layersOf = ({ most }) => (text) => {
  const widths = text.split("-");
  if (widths.length > most.layers) throw wrong("layers", `at most ${most.layers} widths, as in 10-5`, text);
  return widths.map((width) => numberOf("a width of layers", width, 1, most.units, true));
};

/** A start as in he:2:3, an initializer, its scale (empty for its own) and the seed. */
function startOf(text, facts) {
  const [initializer, scale = "", seed = "3", ...rest] = text.split(":");
  if (rest.length) throw wrong("start", "initializer:scale:seed", text);
  oneOf("the initializer of start", [...Object.keys(facts.initializers), "network"])(initializer);
  return {
    initializer,
    scale: scale === "" ? null : numberOf("the scale of start", scale, -1e6, 1e6, false),
    seed: numberOf("the seed of start", seed, 0, 2 ** 32 - 1, true),
  };
}

/** Points as digits: two for x, two for y, one for the class. */
function pointsOf(text, mostClasses) {
  const digits = [...text].map((digit) => DIGITS.indexOf(digit));
  const isFine = digits.length % 5 === 0 && digits.length <= 5 * MOST_PAINTED && !digits.includes(-1);
  if (!isFine) throw wrong("points", `at most ${MOST_PAINTED} times 5 letters`, text);
  const points = [];
  for (let i = 0; i < digits.length; i += 5) {
    const [x, y] = [0, 2].map((j) => ((64 * digits[i + j] + digits[i + j + 1]) / POINT_STEPS) * 2 - 1);
    if (digits[i + 4] >= mostClasses) throw wrong("points", `classes from 0 to ${mostClasses - 1}`, text);
    points.push([x * PAINTED, y * PAINTED, digits[i + 4]]);
  }
  return points;
}

function digitsOf([x, y, kind]) {
  const places = [x, y].map((value) => Math.round(((value / PAINTED + 1) / 2) * POINT_STEPS));
  return places.map((place) => DIGITS[place >> 6] + DIGITS[place & 63]).join("") + DIGITS[kind];
}

/** A place in the plane as the link will hold it, or null beyond its reach. */
export function paintedPoint(x, y, kind) {
  const isWithin = Math.abs(x) <= PAINTED && Math.abs(y) <= PAINTED;
  return isWithin ? pointsOf(digitsOf([x, y, kind]), kind + 1)[0] : null;
}

/** The controls: their default, and how a text becomes a value. */
function fieldsOf(facts) {
  const mostClasses = facts.nClasses.at(-1);
  return {
    data: { value: "circles", read: oneOf("data", DATA) },
    n: { value: 300, read: (text) => Number(oneOf("n", facts.sizes.map(String))(text)) },
    noise: { value: 0.05, read: number("noise", 0, 1) },
    classes: { value: 2, read: whole("classes", 2, mostClasses) },
    data_seed: { value: 1, read: whole("data_seed", 0, 2 ** 32 - 2) },
    points: { value: [], read: (text) => pointsOf(text, mostClasses) },
    layers: { value: [10, 5], read: layersOf(facts) },
    activation: { value: "relu", read: oneOf("activation", facts.activations) },
    optimizer: { value: "sgd", read: oneOf("optimizer", Object.keys(facts.optimizers)) },
    learning_rate: { value: 0.01, read: number("learning_rate", 1e-9, 1e9) },
    batch_size: { value: 0, read: whole("batch_size", 0, 1000) }, // 0 stands for all examples
    epochs: { value: 15000, read: whole("epochs", 1, 1e7) },
    speed: { value: 0, read: whole("speed", 0, 1e6) }, // epochs a frame, 0 for as many as it makes
    shown: { value: 0, read: whole("shown", 0, facts.most.starts - 1) }, // the start that is looked into
  };
}

const DEFAULT_START = "he::3";

/** The state that a fragment holds, and a sentence for each part of it that was not understood. */
export function stateOf(fragment, facts) {
  const fields = fieldsOf(facts), problems = [];
  const state = Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]));
  const attempt = (read) => {
    try {
      return read();
    } catch (error) {
      problems.push(error.message);
      return undefined;
    }
  };
  const given = new URLSearchParams(fragment.replace(/^#/, "")), starts = given.getAll("start");
  for (const [name, text] of given) {
    if (name === "start") continue;
    if (Object.hasOwn(fields, name)) state[name] = attempt(() => fields[name].read(text)) ?? state[name];
    else problems.push(`there is no setting ${name.slice(0, 40) || "without a name"}; the link has one`);
  }
  const most = facts.most.starts;
  if (starts.length > most) problems.push(`there must be at most ${most} starts; the link has ${starts.length}`);
  state.starts = starts.slice(0, most).map((text) => attempt(() => startOf(text, facts))).filter(Boolean);
  if (!state.starts.length) state.starts = [startOf(DEFAULT_START, facts)];
  state.shown = Math.min(state.shown, state.starts.length - 1);
  return { state, problems };
}

/** The fragment of a state: every setting, so that a link means the same once defaults change. */
export function fragmentOf(state) {
  const { starts, points, layers, ...rest } = state, given = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) given.append(name, value);
  given.append("layers", layers.join("-"));
  if (points.length) given.append("points", points.map(digitsOf).join(""));
  for (const { initializer, scale, seed } of starts) given.append("start", `${initializer}:${scale ?? ""}:${seed}`);
  return given.toString().replaceAll("%3A", ":");
}
