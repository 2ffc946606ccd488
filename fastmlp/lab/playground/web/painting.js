// painting.js -- points put into a plane by pointer and keyboard.

import { placeOf } from "./boundary.js";
import { PAINTED } from "./state.js";

const STEP = 0.1; // of the cursor
const DISTANCE = 0.12; // between two points of one stroke
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
let stroke = null; // the last place of the pointer's stroke, also while the canvas is made anew

/** Let a canvas be painted in. The painter has `extent()`, `cursor()`, `add(place)` and `move(cursor)`. */
export function listenForPainting(canvas, painter) {
  canvas.addEventListener("pointerdown", (event) => {
    stroke = placeOf(event, canvas, painter.extent());
    painter.add(stroke);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || !event.buttons) return;
    const place = placeOf(event, canvas, painter.extent());
    if (Math.hypot(place[0] - stroke[0], place[1] - stroke[1]) < DISTANCE) return;
    stroke = place;
    painter.add(place);
  });
  canvas.addEventListener("keydown", (event) => {
    const direction = STEPS[event.key];
    if (direction) {
      const moved = painter.cursor().map((at, axis) => at + direction[axis] * STEP);
      painter.move(moved.map((at) => Math.max(-PAINTED, Math.min(PAINTED, at))));
    } else if (event.key === "Enter" || event.key === " ") painter.add(painter.cursor());
    else return;
    event.preventDefault();
  });
}

addEventListener("pointerup", () => (stroke = null));
