// layers.js -- the column that shows every layer of a network at this moment.

import { logTicks, makeSvg, tickText } from "./axes.js";
import { make } from "./elements.js";
import { percent, significant } from "./formats.js";

const DEPTH = { width: 340, height: 132, left: 68, right: 8, top: 8, bottom: 34 }; // of a chart by depth, in CSS pixels
const DEPTH_TICKS = 4; // at most, of the log axis
const EXPONENTS = [-323, 308]; // of the least and the largest power of ten of a double
const MARKER_RADIUS = 4;
const HISTOGRAM_WIDTH = 160, HISTOGRAM_HEIGHT = 40; // of the view box, which is stretched to the column
const SIGNS = { healthy: "\u2713", fault: "\u26a0\ufe0e" }; // the sign as text, not as a coloured picture
const CHARTS = [
  { kind: "preactivations", title: "Variance of the pre-activations", axis: "variance" },
  { kind: "gradients", title: "Mean square gradient (output layer: 1)", axis: "relative" },
];
const NO_PREDICTION = "No prediction: the weights of this start are not random.";
const NO_REFERENCE = "The mean square of the output layer's gradients is 0 or not finite: there is no ratio to it.";

function makeHtml(name, className, parent, text = "") {
  const element = make(name, className ? { class: className } : {}, ...(text ? [String(text)] : []));
  parent.append(element);
  return element;
}

/** Change what differs only: an unchanged text causes no layout and no announcement. */
function changeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function changeAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

const isDrawable = (value) => value > 0 && Number.isFinite(value);
const layerName = (index, count) => (index === count - 1 ? "the output" : `layer ${index + 1}`);

/** A value in words where a log axis has no place for it. */
function valueInWords(value) {
  if (value === null || Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return "infinite";
  return value < 0 ? "below 0" : significant(value, 3);
}

/** The layers whose values have no place on a log axis, as in "layers 2 to 4 (0), the output (infinite)". */
function gapsIn(values) {
  const runs = [];
  values.forEach((value, i) => {
    if (isDrawable(value)) return;
    const words = valueInWords(value), run = runs.at(-1);
    if (run && run.words === words && run.last === i - 1) run.last = i;
    else runs.push({ words, first: i, last: i });
  });
  return runs.map(({ words, first, last }) => {
    const end = layerName(last, values.length).replace("layer ", "");
    const between = last - first === 1 ? "and" : "to";
    return `${first === last ? layerName(first, values.length) : `layers ${first + 1} ${between} ${end}`} (${words})`;
  }).join(", ");
}

/** The mean squares of the gradients over that of the output layer's, as the theory predicts them. */
function relativeGradients(layers) {
  const squares = layers.map((layer) => layer.gradient_mean ** 2 + layer.gradient_variance);
  const reference = squares.at(-1);
  return squares.map((square) => (isDrawable(reference) ? square / reference : NaN));
}

/** Whole powers of ten around values, so that the axis does not tremble while a network trains. */
function exponentsAround(values) {
  const logs = values.filter(isDrawable).map(Math.log10);
  if (!logs.length) return [-1, 1];
  let low = Math.floor(Math.min(...logs)), high = Math.ceil(Math.max(...logs));
  if (low === high) [low, high] = [low - 1, high + 1];
  return [Math.max(low, EXPONENTS[0]), Math.min(high, EXPONENTS[1])];
}

/** A path through points; where one is null the line has a gap. */
function pathThrough(points) {
  const commands = points.map((point, i) => point && `${i && points[i - 1] ? "L" : "M"}${point[0]} ${point[1]}`);
  return commands.filter(Boolean).join("");
}

function addLegend(parent, kind) {
  const legend = makeHtml("p", "depth-legend", parent);
  const entries = ["measured", "predicted"].map((name) => {
    const entry = makeHtml("span", "depth-entry", legend);
    const swatch = makeSvg("svg", { width: 28, height: 12, viewBox: "0 0 28 12", "aria-hidden": "true" }, entry);
    makeSvg("path", { class: `${name} ${kind}`, d: "M1 6H27" }, swatch);
    if (name === "measured") addMarker(swatch, kind, `translate(14 6)`);
    makeHtml("span", "", entry, name === "measured" ? "measured now" : "predicted at the start");
    return entry;
  });
  return entries[1];
}

/** A circle for pre-activations and a square for gradients. */
function addMarker(parent, kind, transform) {
  const size = 2 * MARKER_RADIUS - 1;
  const marker = kind === "gradients"
    ? makeSvg("rect", { x: -size / 2, y: -size / 2, width: size, height: size }, parent)
    : makeSvg("circle", { r: MARKER_RADIUS }, parent);
  marker.setAttribute("class", `marker ${kind}`);
  if (transform) marker.setAttribute("transform", transform);
  return marker;
}

function addText(parent, text, attributes) {
  makeSvg("text", { "text-anchor": "middle", ...attributes }, parent).textContent = text;
}

/** The axes of a chart by depth and their names; x is the place of each layer, floor that of the lower axis. */
function addDepthAxes(svg, axis, x, floor) {
  const { width, height, left, right, top } = DEPTH;
  makeSvg("path", { class: "axis", d: `M${left} ${top}V${floor}H${width - right}` }, svg);
  x.forEach((at, i) => addText(svg, i === x.length - 1 ? "out" : i + 1, { x: at, y: floor + 14 }));
  addText(svg, "layer", { x: (left + width - right) / 2, y: height - 4 });
  addText(svg, axis, { transform: `translate(11 ${(top + floor) / 2}) rotate(-90)` });
}

/** A chart of a figure of every layer on a log axis: markers and a line as measured, dashes as predicted. */
function depthChart(parent, { kind, title, axis }, count) {
  const { width, height, left, right, top, bottom } = DEPTH, floor = height - bottom;
  const figure = makeHtml("figure", "depth-chart", parent);
  makeHtml("figcaption", "", figure, title);
  const predictedEntry = addLegend(figure, kind);
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, figure);
  const note = makeHtml("p", "depth-note", figure);
  const step = (width - left - right) / count;
  const x = Array.from({ length: count }, (_, i) => Math.round(10 * (left + (i + 0.5) * step)) / 10);
  addDepthAxes(svg, axis, x, floor);
  const ticks = makeSvg("g", { class: "ticks" }, svg);
  const dashes = makeSvg("path", { class: `predicted ${kind}` }, svg);
  const line = makeSvg("path", { class: `measured ${kind}` }, svg);
  const markers = x.map(() => addMarker(svg, kind));
  let drawnRange = "";

  function drawTicks(range, y) {
    if (drawnRange === range.join()) return;
    drawnRange = range.join();
    ticks.replaceChildren();
    for (const value of logTicks(...range.map((power) => Number(`1e${power}`)), DEPTH_TICKS)) {
      const at = y(value);
      makeSvg("path", { class: "grid", d: `M${left} ${at}H${width - right}` }, ticks);
      addText(ticks, tickText(value), { x: left - 5, y: at + 4, "text-anchor": "end" });
    }
  }

  function noteOf(measured, predicted) {
    const isReferenced = kind !== "gradients" || isDrawable(measured.at(-1));
    const gaps = gapsIn(measured), missing = predicted ? gapsIn(predicted) : "";
    return [
      isReferenced ? gaps && `Not drawn: ${gaps}.` : NO_REFERENCE,
      predicted ? missing && `Predicted, not drawn: ${missing}.` : kind === "preactivations" && NO_PREDICTION,
    ].filter(Boolean).join(" ");
  }

  return (measured, predicted) => {
    const [low, high] = exponentsAround([...measured, ...(predicted || [])]);
    const y = (value) => Math.round(10 * (floor - ((Math.log10(value) - low) / (high - low)) * (floor - top))) / 10;
    const pointsOfValues = (values) => values.map((value, i) => (isDrawable(value) ? [x[i], y(value)] : null));
    const points = pointsOfValues(measured);
    drawTicks([low, high], y);
    changeAttribute(line, "d", pathThrough(points));
    changeAttribute(dashes, "d", predicted ? pathThrough(pointsOfValues(predicted)) : "");
    markers.forEach((marker, i) => {
      changeAttribute(marker, "visibility", points[i] ? "visible" : "hidden");
      if (points[i]) changeAttribute(marker, "transform", `translate(${points[i].join(" ")})`);
    });
    predictedEntry.hidden = !predicted;
    changeText(note, noteOf(measured, predicted));
    const said = (values) => values.map(valueInWords).join(", ");
    const prediction = predicted ? `; predicted at the start: ${said(predicted)}` : "";
    changeAttribute(svg, "aria-label", `${title}, by layer, measured: ${said(measured)}${prediction}.`);
  };
}

/** Bars from counts in a view box, as one path. */
function barsOf(counts) {
  let most = 1;
  for (const count of counts) most = Math.max(most, count);
  const step = HISTOGRAM_WIDTH / counts.length, bars = [];
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    const top = HISTOGRAM_HEIGHT * (1 - counts[i] / most);
    const [x, y, width] = [i * step, top, step].map((place) => place.toFixed(2));
    bars.push(`M${x} ${HISTOGRAM_HEIGHT}V${y}h${width}V${HISTOGRAM_HEIGHT}Z`);
  }
  return bars.join("");
}

/** A small histogram of one layer; the ends of its axis stand below it as text. */
function smallHistogram(parent, kind, name) {
  const box = makeHtml("div", "small-histogram", parent);
  const viewBox = `0 0 ${HISTOGRAM_WIDTH} ${HISTOGRAM_HEIGHT}`;
  const svg = makeSvg("svg", { viewBox, preserveAspectRatio: "none", role: "img" }, box);
  const bars = makeSvg("path", { class: `bars ${kind}` }, svg);
  const zero = makeSvg("path", { class: "zero" }, svg);
  const ends = makeHtml("p", "ends", box), lowEnd = makeHtml("span", "", ends), highEnd = makeHtml("span", "", ends);
  return ({ low, high, counts }) => {
    const isEmpty = !counts.some((count) => count > 0) || !Number.isFinite(low) || !Number.isFinite(high);
    const place = ((0 - low) / (high - low)) * HISTOGRAM_WIDTH;
    changeAttribute(bars, "d", isEmpty ? "" : barsOf(counts));
    changeAttribute(zero, "d", !isEmpty && low < 0 && high > 0 ? `M${place.toFixed(2)} 0V${HISTOGRAM_HEIGHT}` : "");
    changeText(lowEnd, isEmpty ? "no finite values" : significant(low, 3));
    changeText(highEnd, isEmpty ? "" : significant(high, 3));
    const range = isEmpty ? "no finite values" : `from ${significant(low, 3)} to ${significant(high, 3)}`;
    changeAttribute(svg, "aria-label", `${name}: ${range}.`);
  };
}

function distinctInWords({ units, distinct_units: distinct }) {
  if (units === 1) return "";
  return distinct === 1 ? `all ${units} units are identical` : `${distinct} of ${units} distinct`;
}

/** The figures of a layer that stand below its histograms. */
function figuresOf(layer) {
  const share = (value, name) => (Number.isFinite(value) ? `${percent(value)} ${name}` : "");
  const figures = [`variance ${valueInWords(layer.preactivation_variance)}`, share(layer.dead, "dead")];
  figures.push(share(layer.saturated, "saturated"), distinctInWords(layer));
  // Lines break between figures only.
  const unbroken = figures.filter(Boolean).map((figure) => figure.replaceAll(" ", "\u00a0"));
  return unbroken.join(" \u00b7 ");
}

function layerRow(parent, { units, activation }, index, count) {
  const row = makeHtml("li", "layer-row", parent), isOutput = index === count - 1;
  const name = isOutput ? "output" : `layer ${index + 1}`;
  makeHtml("h3", "", row, `${name}: ${units} ${activation} unit${units === 1 ? "" : "s"}`);
  const pair = makeHtml("div", "layer-histograms", row);
  const preactivation = smallHistogram(pair, "preactivations", `Pre-activations of ${layerName(index, count)}`);
  const gradient = smallHistogram(pair, "gradients", `Gradients of ${layerName(index, count)}`);
  const figures = makeHtml("p", "layer-figures", row);
  return (layer, histograms) => {
    preactivation(histograms.preactivation);
    gradient(histograms.gradient);
    changeText(figures, figuresOf(layer));
    row.classList.toggle("identical", layer.units > 1 && layer.distinct_units === 1);
  };
}

/** The verdict; only its name and layer are announced, for the figures in its text change with every look. */
function verdictLine(parent) {
  const line = makeHtml("p", "layers-verdict", parent);
  const sign = makeHtml("span", "verdict-sign", line);
  sign.setAttribute("aria-hidden", "true");
  const name = makeHtml("strong", "", line), text = makeHtml("span", "", line);
  name.setAttribute("role", "status");
  return ({ verdict, layer, text: said }) => {
    const isHealthy = verdict === "healthy";
    line.classList.toggle("fault", !isHealthy);
    line.dataset.verdict = verdict;
    changeText(sign, isHealthy ? SIGNS.healthy : SIGNS.fault);
    changeText(name, isHealthy ? verdict : `${verdict} from layer ${layer}`);
    changeText(text, `: ${said}${/[.!?]$/.test(said) ? "" : "."}`);
  };
}

/** The charts and rows of a network of one shape. */
function networkView(parent, layers) {
  parent.replaceChildren();
  const charts = CHARTS.map((chart) => depthChart(parent, chart, layers.length));
  const heads = makeHtml("p", "histogram-heads", parent);
  for (const head of ["pre-activations", "gradients"]) makeHtml("span", "", heads, head);
  const list = makeHtml("ol", "layer-rows", parent);
  const rows = layers.map((layer, i) => layerRow(list, layer, i, layers.length));
  return (look) => {
    charts[0](look.layers.map((layer) => layer.preactivation_variance), look.predicted && look.predicted.forward);
    charts[1](relativeGradients(look.layers), look.predicted && look.predicted.backward);
    rows.forEach((row, i) => row(look.layers[i], look.histograms[i]));
  };
}

/** The view of all layers in an element: show(look) many times a second, clear(sentence) where there is none. */
export function makeLayersView(element) {
  element.classList.add("layers-view");
  element.replaceChildren();
  const empty = makeHtml("p", "layers-empty", element);
  const content = makeHtml("div", "", element);
  const moment = makeHtml("p", "layers-moment", content);
  const showVerdict = verdictLine(content);
  const network = makeHtml("div", "", content);
  let shape = "", showNetwork = null;
  content.hidden = true;
  return {
    show(look) {
      const needed = look.layers.map(({ units, activation }) => `${units} ${activation}`).join();
      if (shape !== needed) showNetwork = networkView(network, look.layers);
      shape = needed;
      changeText(moment, `${look.name}, ${look.epochWord} ${look.epoch.toLocaleString("en")}`);
      showVerdict(look.finding);
      showNetwork(look);
      empty.hidden = true;
      content.hidden = false;
    },
    clear(sentence) {
      changeText(empty, sentence);
      empty.hidden = false;
      content.hidden = true;
    },
  };
}
