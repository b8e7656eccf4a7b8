/** Tracks of a library, in columns, and searches among them. */

import { UNKNOWN, genreColours } from "../lib/genres.js";

const OTHER_COLOUR = "#7c8694"; // for tracks of unknown genre

/** Tracks are referred to by their index in the columns. */
export class LibraryStore {
  /** @param {LibraryColumns} columns */
  constructor(columns) {
    this.columns = columns;
    this.size = columns.id.length;
    this.colours = genreColours(columns.genres.filter((genre) => genre !== UNKNOWN));
    this._searchTexts = columns.title.map((title, index) => `${this.folderAt(index)}/${title}`.toLowerCase());
    this._indices = new Map(columns.id.map((id, index) => [id, index]));
  }

  /**
   * Return the index of a track.
   *
   * @param {number} id
   * @returns {number|undefined}
   */
  indexOf(id) {
    return this._indices.get(id);
  }

  /** @param {number} index */
  idAt(index) {
    return this.columns.id[index];
  }

  /** @param {number} index */
  titleAt(index) {
    return this.columns.title[index];
  }

  /** @param {number} index */
  genreAt(index) {
    return this.columns.genres[this.columns.genre[index]];
  }

  /** @param {number} index */
  folderAt(index) {
    return this.columns.folders[this.columns.folder[index]];
  }

  /** @param {number} index */
  confidenceAt(index) {
    return this.columns.confidence[index];
  }

  /**
   * Return the map position of a track, or null if it is not on the map.
   *
   * @param {number} index
   */
  positionAt(index) {
    const [x, y] = [this.columns.x[index], this.columns.y[index]];
    return x === null || y === null ? null : { x, y };
  }

  /** @param {string} genre */
  colourOf(genre) {
    return this.colours.get(genre) ?? OTHER_COLOUR;
  }

  /** Return the number of tracks of each genre, the most frequent first. */
  genreCounts() {
    const { genre: codes, genres } = this.columns;
    const counts = new Array(genres.length).fill(0);
    for (const code of codes) counts[code] += 1;
    return genres.map((genre, code) => ({ genre, count: Number(counts[code]) })).sort((a, b) => b.count - a.count);
  }

  /**
   * Return the indices of the tracks that meet all criteria.
   *
   * @param {{text: string, genre: string, confidence: number}} criteria - part of folder/title; genre, "" for all;
   *   minimum confidence.
   * @returns {number[]}
   */
  find({ text, genre, confidence }) {
    const part = text.trim().toLowerCase(); // the REST API searches in the same way
    const code = this.columns.genres.indexOf(genre);
    const found = [];
    for (let index = 0; index < this.size; index++) {
      if (genre && this.columns.genre[index] !== code) continue;
      if (this.columns.confidence[index] < confidence) continue;
      if (part && !this._searchTexts[index].includes(part)) continue;
      found.push(index);
    }
    return found;
  }
}
