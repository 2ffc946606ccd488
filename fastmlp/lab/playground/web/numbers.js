// numbers.js -- arrays of numbers as the page's facts hold them.

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function numbersOf(base64) {
  return new Float64Array(bytesOf(base64).buffer);
}
