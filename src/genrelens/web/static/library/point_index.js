/** Index of the points on the map, by cells of a grid, to find the nearest one. */

/** @typedef {import("./library_store.js").LibraryStore} LibraryStore */

const GRID_SIZE = 64; // cells along each axis

export class PointIndex {
  /** @param {LibraryStore} store */
  constructor(store) {
    this._store = store;
    /** @type {number[][]} */
    this._grid = Array.from({ length: GRID_SIZE * GRID_SIZE }, () => []);
    for (let index = 0; index < store.size; index++) {
      const position = store.positionAt(index);
      if (position) this._grid[cellOf(position.x) * GRID_SIZE + cellOf(position.y)].push(index);
    }
  }

  /**
   * Return the visible track nearest to a position, or null.
   *
   * @param {{x: number, y: number}} position - map coordinates.
   * @param {number} reach - maximum distance, in map coordinates.
   * @param {Uint8Array} visible - 1 for each track that passes the filter, else 0.
   */
  nearest({ x, y }, reach, visible) {
    /** @type {number|null} */
    let nearest = null;
    let least = reach;
    for (let column = cellOf(x - reach); column <= cellOf(x + reach); column++) {
      for (let row = cellOf(y - reach); row <= cellOf(y + reach); row++) {
        for (const index of this._grid[column * GRID_SIZE + row]) {
          const position = this._store.positionAt(index);
          const distance = position ? Math.hypot(position.x - x, position.y - y) : Infinity;
          if (visible[index] && distance < least) [nearest, least] = [index, distance];
        }
      }
    }
    return nearest;
  }
}

/**
 * Return the grid column or row of a map coordinate.
 *
 * @param {number} coordinate - 0 to 1; others belong to the outermost cells.
 */
const cellOf = (coordinate) => Math.max(0, Math.min(GRID_SIZE - 1, Math.floor(coordinate * GRID_SIZE)));
