// boundary.js -- what a network predicts in the plane, with the examples over it.

export const CLASS_COLORS = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [213, 94, 0]]; // Okabe & Ito
export const CLASS_NAMES = ["blue circle", "orange square", "green triangle", "pink diamond", "red cross"];
const INK = "#1a1a1a";
const FAINTEST = 0.08, STRONGEST = 0.75; // how much of a class's colour a plane has, from unsure to sure
const SIZE = 480; // pixels of a canvas
const POINT = 4.5; // their radius

const SHAPES = [
  (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  (c, x, y, r) => c.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  (c, x, y, r) => polygon(c, [[x, y - 1.2 * r], [x + 1.1 * r, y + 0.8 * r], [x - 1.1 * r, y + 0.8 * r]]),
  (c, x, y, r) => polygon(c, [[x, y - 1.3 * r], [x + 1.3 * r, y], [x, y + 1.3 * r], [x - 1.3 * r, y]]),
  (c, x, y, r) => polygon(c, [[0, 0.4], [0.8, 1.2], [1.2, 0.8], [0.4, 0], [1.2, -0.8], [0.8, -1.2], [0, -0.4],
    [-0.8, -1.2], [-1.2, -0.8], [-0.4, 0], [-1.2, 0.8], [-0.8, 1.2]].map(([dx, dy]) => [x + dx * r, y + dy * r])),
];

function polygon(context, corners) {
  corners.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** Paint a plane of bytes, white where the network is unsure, in dark pages too, so that points keep their look. */
export function paintPlane(canvas, { classes, levels }, side) {
  const image = new ImageData(side, side);
  for (let i = 0; i < classes.length; i++) {
    const share = FAINTEST + ((STRONGEST - FAINTEST) * levels[i]) / 255, color = CLASS_COLORS[classes[i]];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 + (color[c] - 255) * share;
    image.data[4 * i + 3] = 255;
  }
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  canvas.width = canvas.height = SIZE;
  canvas.getContext("2d").drawImage(small, 0, 0, SIZE, SIZE);
}

/** Draw examples over a plane: those of the test are smaller and pale. `cursor` is a place that the keyboard moves. */
export function drawPoints(canvas, { X, y, testX = [], testY = [] }, extent, cursor = null) {
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d"), [[left, right], [bottom, top]] = extent;
  const place = (a, b) => [((a - left) / (right - left)) * SIZE, ((top - b) / (top - bottom)) * SIZE];
  context.lineWidth = 1;
  context.strokeStyle = INK;
  const draw = (points, kinds, radius, alpha) => {
    context.globalAlpha = alpha;
    for (let i = 0; i < kinds.length; i++) {
      context.beginPath();
      SHAPES[kinds[i]](context, ...place(points[2 * i], points[2 * i + 1]), radius);
      context.fillStyle = `rgb(${CLASS_COLORS[kinds[i]]})`;
      context.fill();
      context.stroke();
    }
  };
  draw(testX, testY, 0.6 * POINT, 0.6);
  draw(X, y, POINT, 1);
  if (cursor) {
    const [x, y] = place(...cursor);
    context.lineWidth = 2;
    context.beginPath();
    for (const [a, b] of [[12, 0], [0, 12]]) {
      context.moveTo(x - a, y - b);
      context.lineTo(x + a, y + b);
    }
    context.stroke();
  }
}

/** The place in the plane of a pointer's event on a canvas. */
export function placeOf(event, canvas, [[left, right], [bottom, top]]) {
  const box = canvas.getBoundingClientRect();
  const [a, b] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return [left + a * (right - left), top - b * (top - bottom)];
}
