// losses.js -- the training losses of all starts: a chart on a log axis, and a table.

import { linearTicks, logTicks, makeSvg, tickText } from "./axes.js";
import { significant } from "./formats.js";

const LEAST_WIDTH = 280, HEIGHT = 260, LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 42;
const MOST_DRAWN = 400; // points of a curve
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "4 2", "1 2"]; // so that colour is not all that tells starts apart
const MOST_ROWS = 15; // of the table
const MOST_LOSS = 1e30, LEAST_LOSS = 1e-30; // drawn

const isDrawn = (loss) => loss >= LEAST_LOSS && loss <= MOST_LOSS;

/** The loss that a run had at the last recorded epoch up to this one, undefined if it had none. */
export function lossAt(losses, stride, epoch) {
  return losses[Math.floor(epoch / stride)];
}

/** Rows at round epochs. */
function rowsOf(snapshot) {
  const last = Math.max(...snapshot.runs.map(({ losses }) => losses.length - 1)) * snapshot.stride;
  if (!(last >= 0)) return [];
  let step = 1;
  while (last / step >= MOST_ROWS) step = nextRound(step);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
}

function nextRound(step) {
  const lead = Number(String(step)[0]);
  return lead === 1 ? step * 2 : lead === 2 ? (step / 2) * 5 : step * 2;
}

/** A chart in an element, with a table, a legend and a line that says what the pointer is at. */
export function makeLossesView({ chart, table, legend, pointed }) {
  const svg = makeSvg("svg", { role: "img", class: "chart", "aria-label": "No losses yet" }, chart);
  const axes = makeSvg("g", { class: "axes" }, svg), bands = makeSvg("g", {}, svg), lines = makeSvg("g", {}, svg);
  const cursor = makeSvg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, svg);
  let names = [], shown = null, scale = null, band = null;

  function setNames(given) {
    names = given;
    band = null;
    legend.replaceChildren(...names.map((name, i) => {
      const entry = document.createElement("span");
      const line = makeSvg("svg", { viewBox: "0 0 30 8", class: "dash" }, entry);
      makeSvg("line", { x1: 0, x2: 30, y1: 4, y2: 4, class: "curve", style: `stroke: var(--start-${i})`,
        "stroke-dasharray": DASHES[i] }, line);
      entry.className = "entry";
      entry.append(` ${name}`);
      return entry;
    }));
    legend.hidden = names.length < 2;
  }

  function show(snapshot, epochWord) {
    const width = Math.max(LEAST_WIDTH, chart.clientWidth); // in pixels of the page, so that letters keep their size
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    shown = snapshot;
    scale = scaleOf(snapshot, band, width);
    drawAxes(axes, scale, width, epochWord);
    lines.replaceChildren();
    bands.replaceChildren();
    if (scale && band) drawBand(bands, band, scale);
    snapshot.runs.forEach(({ losses }, i) => {
      const d = scale ? pathOf(losses, snapshot.stride, scale) : "";
      makeSvg("path", { d, class: "curve", style: `stroke: var(--start-${i})`, "stroke-dasharray": DASHES[i] }, lines);
    });
    svg.setAttribute("aria-label", described(snapshot, names, epochWord));
    // the table is closed while most trainings play: it is written when they rest, or are looked at
    if (!snapshot.isPlaying || table.closest("details").open) writeTable(table, snapshot, names, epochWord);
  }

  svg.addEventListener("pointermove", (event) => {
    if (!scale || !shown) return;
    const box = svg.getBoundingClientRect(), x = event.clientX - box.left;
    const epoch = Math.round(scale.epochAt(x) / shown.stride) * shown.stride;
    const found = shown.runs.map(({ losses }, i) => [names[i], lossAt(losses, shown.stride, epoch)]);
    if (epoch < 0 || found.every(([, loss]) => loss === undefined)) return;
    cursor.setAttribute("x1", scale.x(epoch));
    cursor.setAttribute("x2", scale.x(epoch));
    cursor.setAttribute("visibility", "visible");
    const told = found.map(([name, loss]) => `${name}: ${loss === undefined ? "ended" : significant(loss, 4)}`);
    pointed.textContent = `At ${epoch.toLocaleString("en")}: ${told.join(", ")}`;
  });
  svg.addEventListener("pointerleave", () => cursor.setAttribute("visibility", "hidden"));

  return {
    setNames,
    show,
    /** The band of many seeds: { epochs, low, median, high, start }, or null. */
    setBand(given, epochWord) {
      band = given;
      if (shown) show(shown, epochWord);
    },
  };
}

function scaleOf({ runs, stride, goal }, band, width) {
  let low = Infinity, high = 0, last = 0;
  const take = (loss) => {
    if (isDrawn(loss)) (low = Math.min(low, loss)), (high = Math.max(high, loss));
  };
  for (const { losses } of runs) {
    losses.forEach(take);
    last = Math.max(last, (losses.length - 1) * stride);
  }
  if (band) [...band.low, ...band.high].forEach(take);
  if (!high) return null;
  const margin = Math.max(0.15, 0.05 * Math.log10(high / low));
  const bottom = Math.log10(low) - margin, top = Math.log10(high) + margin;
  const right = Math.max(1, last > goal / 20 ? Math.max(last, band?.epochs.at(-1) ?? 0) : last);
  return {
    low: 10 ** bottom, high: 10 ** top, right,
    x: (epoch) => LEFT + (epoch / right) * (width - LEFT - RIGHT),
    y: (loss) => TOP + ((top - Math.log10(loss)) / (top - bottom)) * (HEIGHT - TOP - BOTTOM),
    epochAt: (x) => ((x - LEFT) / (width - LEFT - RIGHT)) * right,
  };
}

function drawAxes(group, scale, width, epochWord) {
  group.replaceChildren();
  const bottom = HEIGHT - BOTTOM, right = width - RIGHT;
  const text = (content, x, y, anchor, more = {}) => {
    makeSvg("text", { x, y, "text-anchor": anchor, ...more }, group).textContent = content;
  };
  makeSvg("path", { d: `M${LEFT} ${TOP}V${bottom}H${right}`, class: "axis" }, group);
  text(epochWord.toLowerCase(), (LEFT + right) / 2, HEIGHT - 6, "middle");
  text("training loss", 14, (TOP + bottom) / 2, "middle", { transform: `rotate(-90 14 ${(TOP + bottom) / 2})` });
  if (!scale) return;
  for (const epoch of linearTicks(0, scale.right, width / 90)) {
    makeSvg("path", { d: `M${scale.x(epoch)} ${bottom}v5`, class: "axis" }, group);
    text(epoch.toLocaleString("en"), scale.x(epoch), bottom + 19, epoch === scale.right ? "end" : "middle");
  }
  for (const loss of logTicks(scale.low, scale.high, 6)) {
    makeSvg("path", { d: `M${LEFT} ${scale.y(loss)}H${right}`, class: "grid" }, group);
    text(tickText(loss), LEFT - 6, scale.y(loss) + 4, "end");
  }
}

function pathOf(losses, stride, scale) {
  const step = Math.max(1, Math.ceil(losses.length / MOST_DRAWN)), parts = [];
  let isOn = false;
  for (let i = 0; i < losses.length; i += step) {
    const isFine = isDrawn(losses[i]);
    if (isFine) parts.push(`${isOn ? "L" : "M"}${scale.x(i * stride).toFixed(1)} ${scale.y(losses[i]).toFixed(1)}`);
    isOn = isFine;
  }
  return parts.join("");
}

function drawBand(group, { epochs, low, median, high, start }, scale) {
  const clipped = (loss) => Math.min(Math.max(loss, scale.low), scale.high);
  const point = (loss, i) => `${scale.x(epochs[i]).toFixed(1)} ${scale.y(clipped(loss)).toFixed(1)}`;
  const edge = (losses) => losses.map(point);
  const outline = [...edge(low), ...edge(high).reverse()].join("L");
  const style = `fill: var(--start-${start}); stroke: var(--start-${start})`;
  makeSvg("path", { d: `M${outline}Z`, class: "band", style }, group);
  makeSvg("path", { d: `M${edge(median).join("L")}`, class: "median", style }, group);
}

function described({ runs, epoch }, names, epochWord) {
  const told = runs.map(({ losses }, i) =>
    `${names[i]} from ${significant(losses[0] ?? NaN, 3)} to ${significant(losses.at(-1) ?? NaN, 3)}`);
  return `Training loss on a log axis up to ${epochWord.toLowerCase()} ${epoch}: ${told.join("; ")}`;
}

function writeTable(table, snapshot, names, epochWord) {
  const epochs = rowsOf(snapshot);
  const cell = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
  const head = document.createElement("tr");
  head.append(...[epochWord, ...names].map((text) => Object.assign(cell("th", text), { scope: "col" })));
  const rows = epochs.map((epoch) => {
    const row = document.createElement("tr");
    row.append(Object.assign(cell("th", epoch.toLocaleString("en")), { scope: "row" }));
    for (const { losses } of snapshot.runs) {
      const loss = lossAt(losses, snapshot.stride, epoch), place = document.createElement("td");
      if (loss === undefined) place.textContent = "–";
      else place.append(Object.assign(cell("data", significant(loss, 4)), { value: String(loss) }));
      row.append(place);
    }
    return row;
  });
  table.replaceChildren(head, ...rows);
}
