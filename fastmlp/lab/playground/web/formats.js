// formats.js -- numbers as Python writes them, and sentences from the templates of words.py.

const MOST_DIGITS = 100; // behind the point, of toExponential

/** A number with significant digits, as Python's f"{value:.3g}". */
export function significant(value, digits) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [mantissa, exponent] = rounded(value, digits);
  if (exponent >= -4 && exponent < digits) {
    return withoutZeros(Number(`${mantissa}e${exponent}`).toFixed(digits - 1 - exponent));
  }
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${withoutZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** Mantissa and exponent; a number half way between two goes to the even one, where toExponential takes the larger. */
function rounded(value, digits) {
  const [exact, power] = value.toExponential(MOST_DIGITS).split("e"), end = exact.indexOf(".") + digits;
  const isHalfWay = /^50*$/.test(exact.slice(end)) && Number(exact.slice(0, end).at(-1)) % 2 === 0;
  if (isHalfWay) return [exact.slice(0, end), Number(power)];
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return [mantissa, Number(exponent)];
}

function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A share in whole percent, with more digits where that would be 0 or 100 and the share is neither. */
export function percent(share) {
  const text = `${roundedToEven(100 * share)}%`;
  return (text === "0%" || text === "100%") && share > 0 && share < 1 ? `${significant(100 * share, 3)}%` : text;
}

/** An accuracy. */
export function inPercent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/** The nearest whole number, of two the even one, as Python rounds. */
function roundedToEven(value) {
  const low = Math.floor(value), part = value - low;
  return part > 0.5 || (part === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** A template with its values: {name} as text, {name:.3g} with significant digits. */
export function filled(template, values) {
  return template.replace(/\{(\w+)(?::\.(\d)g)?\}/g, (_, name, digits) =>
    digits ? significant(values[name], Number(digits)) : String(values[name]));
}
