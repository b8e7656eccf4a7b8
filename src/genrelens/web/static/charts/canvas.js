/** Canvases that are sharp at any pixel ratio. */

/**
 * @typedef {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} Context
 */

/**
 * @typedef {Object} Box - area of a canvas, in CSS pixels.
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/**
 * Resize a canvas to its place on the page and draw on it in CSS pixels.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {(context: CanvasRenderingContext2D, box: Box) => void} draw
 */
export function paint(canvas, draw) {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !height) return;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  draw(context, { x: 0, y: 0, width, height });
}

/**
 * Create a canvas that is not on the page.
 *
 * @param {number} width - in pixels.
 * @param {number} height - in pixels.
 */
export function makeOffscreen(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser has no memory for a canvas");
  return { canvas, context };
}

/**
 * Draw clipped to a box with round corners.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {number} radius - in CSS pixels.
 * @param {() => void} draw
 */
export function clipRounded(context, box, radius, draw) {
  context.save();
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, radius);
  context.clip();
  draw();
  context.restore();
}

/**
 * Draw clipped to a box.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {() => void} draw
 */
export const clipBox = (context, box, draw) => clipRounded(context, box, 0, draw);
