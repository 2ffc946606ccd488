// controls.js -- the form of settings; every change gives a new state, or a sentence on what is wrong with it.

import { CLASS_NAMES } from "./boundary.js";
import { make } from "./elements.js";
import { DATA, fragmentOf, stateOf } from "./state.js";

const BATCHES = [0, 8, 16, 32, 64, 128];
const TO_COMPARE = ["he", "random", "zeros", "xavier_normal", "lecun", "identity"];

function options(values, chosen, textOf = String) {
  return values.map((value) => make("option", { value, selected: String(value) === String(chosen) }, textOf(value)));
}

/**
 * Make an element like another of its name. What both have stays in the page, so that a press of the pointer or a Tab
 * which begins with a change of one control ends on the next.
 */
function renew(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const name of old.getAttributeNames()) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const name of next.getAttributeNames()) old.setAttribute(name, next.getAttribute(name));
  const { checked, value } = next; // before its options move
  const [olds, nexts] = [old, next].map(({ childNodes }) => [...childNodes]);
  const areAlike = olds.length === nexts.length && olds.every((node, i) => isAlike(node, nexts[i]));
  if (areAlike) olds.forEach((node, i) => renew(node, nexts[i]));
  else old.replaceChildren(...nexts);
  if (old.checked !== checked) old.checked = checked;
  if (["INPUT", "SELECT"].includes(old.nodeName) && old.value !== value) old.value = value;
}

const isAlike = (a, b) => a.nodeName === b.nodeName && a.name === b.name;

/**
 * Fill a form with the controls of a state. `change(state)` is called with every new state, `problem` with a
 * sentence where an input cannot be used, `paintWith` with the class of the next point.
 */
export function makeControls(form, facts, { change, problem, paintWith }) {
  let state, kind = 0; // the class of the next painted point

  /** Take new values, as the link would: what a link refuses is refused here in the same words. */
  function set(values) {
    const { state: found, problems } = stateOf(fragmentOf({ ...state, ...values }), facts);
    if (problems.length) {
      problem(problems[0].replace(/; the link has .*$/, (text) => text.replace("the link has", "got")));
      return;
    }
    change(found);
  }

  function field(label, control, help) {
    const helps = help ? [make("small", {}, help)] : [];
    return make("label", { class: "field" }, make("span", {}, label), control, ...helps);
  }

  function numberInput(name, value, attributes, take = (text) => set({ [name]: text })) {
    const input = make("input", { type: "number", name, value: value ?? "", step: "any", ...attributes });
    input.addEventListener("change", () => take(input.value));
    return input;
  }

  function select(name, values, chosen, textOf, take = (text) => set({ [name]: text })) {
    const element = make("select", { name }, ...options(values, chosen, textOf));
    element.addEventListener("change", () => take(element.value));
    return element;
  }

  function button(text, act, attributes = {}) {
    const element = make("button", { type: "button", ...attributes }, text);
    element.addEventListener("click", act);
    return element;
  }

  function dataFields() {
    const isPainted = state.data === "painted", hasClasses = isPainted || state.data === "blobs";
    const nameOf = (name) => (name === "painted" ? "painted by you" : name);
    const fields = [field("Data", select("data", DATA, state.data, nameOf))];
    if (hasClasses) fields.push(field("Classes", select("classes", facts.nClasses, state.classes)));
    if (isPainted) return [...fields, paintFields()];
    return [
      ...fields,
      field("Examples", select("n", facts.sizes, state.n)),
      field("Noise", numberInput("noise", state.noise, { min: 0, max: 1, step: 0.01 })),
      field("Seed of the data", numberInput("data_seed", state.data_seed, { min: 0, step: 1 })),
    ];
  }

  function paintFields() {
    if (kind >= state.classes) kind = 0;
    const kinds = CLASS_NAMES.slice(0, state.classes).map((name, i) => {
      const radio = make("input", { type: "radio", name: "kind", value: i, checked: i === kind });
      radio.addEventListener("change", () => paintWith((kind = i)));
      return make("label", { class: "choice" }, radio, ` class ${i}: ${name}`);
    });
    paintWith(kind);
    return make("div", { role: "group", "aria-label": "Class of the next point" }, ...kinds,
      make("p", { class: "faint" }, `${state.points.length} points. Click or draw in the plane; with the keyboard, ` +
        "move by the arrow keys there and put a point by Enter."),
      button("Remove all points", () => set({ points: [] }), { name: "clear" }));
  }

  function layerFields() {
    const { layers } = state, resized = (values) => set({ layers: values });
    const widths = layers.map((width, l) => numberInput(`layer-${l + 1}`, width,
      { min: 1, max: facts.most.units, step: 1, "aria-label": `Units of layer ${l + 1}` },
      (text) => resized(state.layers.map((own, i) => (i === l ? text : own)))));
    return make("div", { role: "group", "aria-label": "Hidden layers", class: "field" },
      make("span", {}, "Hidden layers"),
      make("div", { class: "widths" }, ...widths),
      make("div", { class: "buttons" },
        button("Add layer", () => resized([...state.layers, state.layers.at(-1)]),
          { name: "add-layer", disabled: layers.length >= facts.most.layers }),
        button("Remove layer", () => resized(state.layers.slice(0, -1)),
          { name: "remove-layer", disabled: layers.length <= 1 })));
  }

  function trainingFields() {
    const sizeOf = (size) => (Number(size) ? `${size} examples` : "all examples");
    return [
      field("Activation", select("activation", facts.activations, state.activation)),
      field("Optimizer", select("optimizer", Object.keys(facts.optimizers), state.optimizer)),
      field("Learning rate", numberInput("learning_rate", state.learning_rate, { min: 0, list: "rates" })),
      make("datalist", { id: "rates" }, ...options([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3])),
      field("Batch", select("batch_size", batches(), state.batch_size, sizeOf)),
      field("Epochs", numberInput("epochs", state.epochs, { min: 1, step: 1 })),
    ];
  }

  function batches() {
    return BATCHES.includes(state.batch_size) ? BATCHES : [...BATCHES, state.batch_size];
  }

  function startFields(start, i) {
    const { starts } = state, number = starts.length > 1 ? ` ${i + 1}` : "";
    const known = facts.initializers[start.initializer];
    const replaced = (values) => set({ starts: state.starts.map((own, j) => (j === i ? { ...own, ...values } : own)) });
    const names = [...Object.keys(facts.initializers), ...(facts.network ? ["network"] : [])];
    const fields = [field(`Initializer${number}`, select(`initializer-${i + 1}`, names, start.initializer,
      (name) => (name === "network" ? "the network of the file" : name),
      (name) => replaced({ initializer: name, scale: null })),
    known ? `${known.formula}. Use: ${known.when}` : "")];
    if (known && known.scale !== null) {
      fields.push(field(`Scale${number}`, numberInput(`scale-${i + 1}`, start.scale, { placeholder: known.scale },
        (text) => replaced({ scale: text === "" ? null : text }))));
    }
    if (known) {
      fields.push(field(`Seed${number}`, numberInput(`seed-${i + 1}`, start.seed, { min: 0, step: 1 },
        (text) => replaced({ seed: text }))));
    }
    if (starts.length > 1) {
      fields.push(button("Remove this start", () => removeStart(i), { name: `remove-start-${i + 1}` }));
    }
    return make("div", { class: "start", style: `border-color: var(--start-${i})` }, ...fields);
  }

  /** Remove a start; the one that is looked into stays the same if it is another. */
  function removeStart(i) {
    set({ starts: state.starts.filter((_, j) => j !== i), shown: state.shown - Number(i < state.shown) });
  }

  /** Add the first initializer that no start has, or else the last start with the next seed. */
  function addStart() {
    const { starts } = state, last = starts.at(-1), used = starts.map(({ initializer }) => initializer);
    const unused = TO_COMPARE.find((name) => !used.includes(name));
    const added = unused ? { initializer: unused, scale: null, seed: last.seed } : { ...last, seed: last.seed + 1 };
    set({ starts: [...starts, added] });
  }

  function group(title, ...children) {
    return make("fieldset", {}, make("legend", {}, title), ...children);
  }

  form.addEventListener("submit", (event) => event.preventDefault()); // by Enter; the change is taken all the same

  return {
    /** Show a state; the focus stays, or goes from a control that is gone to the one that adds a start. */
    show(given) {
      state = given;
      const focused = form.contains(document.activeElement) ? document.activeElement.name : null;
      const next = form.cloneNode(false);
      next.append(
        group("Data", ...dataFields()),
        group("Starts", ...state.starts.map(startFields),
          button("Compare with another start", addStart,
            { name: "add-start", disabled: state.starts.length >= facts.most.starts })),
        group("Network", layerFields()),
        group("Training", ...trainingFields()));
      renew(form, next);
      const isLost = focused && !form.contains(document.activeElement);
      if (isLost) (form.elements[focused] ?? form.elements["add-start"]).focus?.();
    },
  };
}
