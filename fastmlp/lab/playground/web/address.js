// address.js -- the state in the page's address, written no more often than browsers allow.

import { fragmentOf } from "./state.js";

const EVERY = 200; // milliseconds at least between two changes: browsers refuse more than about 7 a second
let latest = null, written = null, next = null; // states, and a timer until another may be written

/** Write a state now, or the latest of several that come faster once its time has come. */
export function writeAddress(state) {
  latest = state;
  if (next || written === latest) return;
  written = latest;
  history.replaceState(null, "", `#${fragmentOf(written)}`);
  next = setTimeout(() => {
    next = null;
    writeAddress(latest);
  }, EVERY);
}
