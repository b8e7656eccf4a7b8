/** Canvases that are sharp on any screen. */

/**
 * Draw on all of a canvas, in CSS pixels.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {function(CanvasRenderingContext2D, Box)} draw
 */
export function paint(canvas, draw) {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !height) return;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  draw(context, { x: 0, y: 0, width, height });
}

/**
 * @typedef {Object} Box - where a drawing goes on a canvas.
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

/** Draw within a box with round corners. */
export function within(context, box, radius, draw) {
  context.save();
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, radius);
  context.clip();
  draw();
  context.restore();
}
