// layers.js -- every layer at this moment: the verdict, variances by depth, histograms and shares.

import { logTicks, makeSvg, tickText } from "./axes.js";
import { make } from "./controls.js";
import { percent, significant } from "./formats.js";

const WIDTH = 340, HEIGHT = 170, LEFT = 58, RIGHT = 10, TOP = 12, BOTTOM = 38; // of a chart by depth
const BINS = { width: 150, height: 46 }; // of a histogram
const MOST_DRAWN = 1e30, LEAST_DRAWN = 1e-30;
const SIGNS = { healthy: "✓" }; // of verdicts; all others are warned of

const isDrawn = (value) => value >= LEAST_DRAWN && value <= MOST_DRAWN;

/** The panel in an element. `show` takes what look.js found, with the name of the start. */
export function makeLayersView(element) {
  const verdict = make("p", { class: "verdict", role: "status", id: "verdict" }), title = make("h2", {}, "Layers");
  const charts = make("div", { class: "by-depth" }), note = make("p", { class: "faint", id: "by-depth-note" }), rows = make("div");
  const forward = depthChart(charts, "variance of pre-activations"), backward = depthChart(charts, "gradients, squared");
  element.append(title, verdict, charts, depthLegend(), note, rows);
  let shape = "", places = [];

  return {
    show(look) {
      const shapeNow = look.layers.map(({ units }) => units).join("-");
      title.textContent = `Layers of ${look.name}`;
      write(verdict, verdictOf(look.finding));
      verdict.dataset.verdict = look.finding.verdict;
      if (shape !== shapeNow) places = makeRows(rows, look.layers);
      shape = shapeNow;
      const variances = look.layers.map((layer) => layer.preactivation_variance), squares = gradientsOf(look.layers);
      forward.show(variances, look.predicted?.forward ?? null);
      backward.show(squares, look.predicted?.backward ?? null);
      write(note, noteOf(variances, squares, look.predicted));
      look.layers.forEach((layer, l) => showRow(places[l], layer, look.histograms[l]));
    },
    clear(sentence) {
      write(verdict, sentence);
      delete verdict.dataset.verdict;
      rows.replaceChildren();
      shape = "";
      for (const chart of [forward, backward]) chart.show([], null);
      note.textContent = "";
    },
  };
}

/** Write a text only where it changes, so that screen readers do not repeat it. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function verdictOf({ verdict, layer, text }) {
  const place = layer === null ? "" : ` from layer ${layer}`;
  return `${SIGNS[verdict] ?? "⚠"} ${verdict[0].toUpperCase()}${verdict.slice(1)}${place}: ${text}.`;
}

/** Mean squares of gradients over those of the output layer. */
function gradientsOf(layers) {
  const squares = layers.map((layer) => layer.gradient_variance + layer.gradient_mean ** 2);
  return squares.map((square) => square / squares.at(-1));
}

function noteOf(variances, squares, predicted) {
  const missing = variances.flatMap((value, l) => (isDrawn(value) && isDrawn(squares[l]) ? [] : [l + 1]));
  const theory = predicted ? "The prediction is that of mean-field theory for the start." :
    "There is no prediction: the weights of the start are not random.";
  if (!missing.length) return theory;
  return `${theory} Not drawn, since a value is 0 or beyond the axis: layer${missing.length > 1 ? "s" : ""} ${missing.join(", ")}.`;
}

// ---- charts by depth

function depthLegend() {
  const legend = make("p", { class: "legend faint" });
  for (const [kind, text] of [["measured", "measured now"], ["predicted", "predicted for the start"]]) {
    const entry = make("span", { class: "entry" }), line = makeSvg("svg", { viewBox: "0 0 30 8", class: "dash" }, entry);
    makeSvg("line", { x1: 0, x2: 30, y1: 4, y2: 4, class: kind }, line);
    if (kind === "measured") makeSvg("circle", { cx: 15, cy: 4, r: 3, class: "dot" }, line);
    entry.append(` ${text}`);
    legend.append(entry);
  }
  return legend;
}

/** A chart of values by layer on a log axis, with what theory predicts. */
function depthChart(parent, name) {
  const figure = make("figure", {}, make("figcaption", {}, name[0].toUpperCase() + name.slice(1)));
  const svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" }, figure);
  const group = makeSvg("g", {}, svg);
  parent.append(figure);

  function show(values, predicted) {
    group.replaceChildren();
    const drawn = [...values, ...(predicted ?? [])].filter(isDrawn);
    const told = values.map((value, l) => `layer ${l + 1} ${significant(value, 3)}${predicted ? `, predicted ${significant(predicted[l], 3)}` : ""}`);
    svg.setAttribute("aria-label", `${name} by layer, on a log axis: ${told.join("; ")}`);
    if (!drawn.length) return;
    const scale = depthScale(Math.min(...drawn), Math.max(...drawn), values.length);
    drawDepthAxes(group, scale, values.length);
    if (predicted) makeSvg("path", { d: pathThrough(predicted, scale), class: "predicted" }, group);
    makeSvg("path", { d: pathThrough(values, scale), class: "measured" }, group);
    values.forEach((value, l) => {
      if (isDrawn(value)) makeSvg("circle", { cx: scale.x(l), cy: scale.y(value), r: 3.5, class: "dot" }, group);
    });
  }
  return { show };
}

function depthScale(least, most, nLayers) {
  const margin = Math.max(0.25, 0.08 * Math.log10(most / least));
  const bottom = Math.log10(least) - margin, top = Math.log10(most) + margin;
  const inner = WIDTH - LEFT - RIGHT;
  return {
    low: 10 ** bottom, high: 10 ** top,
    x: (l) => LEFT + (nLayers === 1 ? inner / 2 : 12 + (l / (nLayers - 1)) * (inner - 24)),
    y: (value) => TOP + ((top - Math.log10(value)) / (top - bottom)) * (HEIGHT - TOP - BOTTOM),
  };
}

function drawDepthAxes(group, scale, nLayers) {
  const bottom = HEIGHT - BOTTOM;
  const text = (content, x, y, anchor) => (makeSvg("text", { x, y, "text-anchor": anchor }, group).textContent = content);
  makeSvg("path", { d: `M${LEFT} ${TOP}V${bottom}H${WIDTH - RIGHT}`, class: "axis" }, group);
  for (let l = 0; l < nLayers; l++) text(l + 1, scale.x(l), bottom + 16, "middle");
  text("layer", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle");
  for (const value of logTicks(scale.low, scale.high, 5)) {
    makeSvg("path", { d: `M${LEFT} ${scale.y(value)}H${WIDTH - RIGHT}`, class: "grid" }, group);
    text(tickText(value), LEFT - 6, scale.y(value) + 4, "end");
  }
}

function pathThrough(values, scale) {
  return values.map((value, l) => (isDrawn(value) ?
    `${l > 0 && isDrawn(values[l - 1]) ? "L" : "M"}${scale.x(l).toFixed(1)} ${scale.y(value).toFixed(1)}` : "")).join("");
}

// ---- a row for every layer

function makeRows(parent, layers) {
  const places = layers.map(({ units, activation }, l) => {
    const unit = `${units} ${activation} unit${units > 1 ? "s" : ""}`;
    const name = l + 1 === layers.length ? `Output: ${unit}` : `Layer ${l + 1}: ${unit}`;
    const bars = make("div", { class: "histograms" }), figures = make("p", { class: "figures" });
    const place = { name, preactivation: histogram(bars, "pre-activations"), gradient: histogram(bars, "gradients"), figures };
    place.element = make("section", { class: "layer", "data-layer": l + 1 }, make("h3", {}, name), bars, figures);
    return place;
  });
  parent.replaceChildren(...places.map(({ element }) => element));
  return places;
}

function showRow(place, layer, { preactivation, gradient }) {
  const { units, distinct_units: nDistinct } = layer;
  const identical = nDistinct === units ? "" : nDistinct === 1 ? ` · all ${units} units identical` : ` · ${nDistinct} different units of ${units}`;
  write(place.figures, `variance ${significant(layer.preactivation_variance, 3)} · dead ${percent(layer.dead)} · ` +
    `saturated ${percent(layer.saturated)}${identical}`);
  place.preactivation(preactivation, place.name);
  place.gradient(gradient, place.name);
}

/** A histogram; the function that comes back shows counts from low to high. */
function histogram(parent, name) {
  const figure = make("figure", {}), { width, height } = BINS, caption = make("figcaption");
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", preserveAspectRatio: "none" }, figure);
  const bars = makeSvg("path", { class: "bars" }, svg), zero = makeSvg("line", { class: "zero", y1: 0, y2: height }, svg);
  figure.append(caption);
  parent.append(figure);
  return ({ low, high, counts }, layerName) => {
    const most = Math.max(1, ...counts), step = width / counts.length, isFine = Number.isFinite(low);
    const bar = (count, i) => `M${(i * step).toFixed(1)} ${height}V${(height * (1 - count / most)).toFixed(1)}h${(step - 0.6).toFixed(1)}V${height}Z`;
    bars.setAttribute("d", isFine ? Array.from(counts, bar).join("") : "");
    const at = isFine ? ((0 - low) / (high - low)) * width : -1;
    zero.setAttribute("x1", at);
    zero.setAttribute("x2", at);
    zero.setAttribute("visibility", at >= 0 && at <= width ? "visible" : "hidden");
    write(caption, isFine ? `${name} ${significant(low, 2)} to ${significant(high, 2)}` : `${name}: not finite`);
    svg.setAttribute("aria-label", `${layerName}: ${caption.textContent}`);
  };
}
