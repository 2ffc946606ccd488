// axes.js -- what the charts share: elements of SVG, and round numbers along axes.

const SVG = "http://www.w3.org/2000/svg";

/** A new element of SVG at the end of its parent. */
export function makeSvg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

/** At most so many round numbers from low to high. */
export function linearTicks(low, high, most) {
  const least = (high - low) / most, power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((lead) => lead * power).find((size) => size >= least * (1 - 1e-9));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9) || 0; k * step <= high * (1 + 1e-9); k++) ticks.push(k * step);
  return ticks;
}

/** At most so many numbers from low to high for a log axis: powers of ten, or 1, 2 and 5 times these where few fit. */
export function logTicks(low, high, most) {
  const ticksOf = (leads, every) => {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      if (power % every) continue;
      for (const lead of leads) {
        const tick = Number(`${lead}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks;
  };
  const wide = [ticksOf([1, 2, 3, 4, 5, 6, 7, 8, 9], 1), ticksOf([1, 2, 5], 1), ticksOf([1], 1)];
  const found = wide.find((ticks) => ticks.length <= most && ticks.length >= 2);
  if (found) return found;
  if (wide[2].length > most) {
    let every = 2;
    while (ticksOf([1], every).length > most) every++;
    return ticksOf([1], every);
  }
  return linearTicks(low, high, most).filter((tick) => tick > 0);
}

/** A tick of a log axis as text. */
export function tickText(value) {
  return value >= 1e-4 && value < 1e5 ? String(Number(value.toPrecision(6))) : value.toExponential(0).replace("+", "");
}
