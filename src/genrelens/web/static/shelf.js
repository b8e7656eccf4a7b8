/** The tracks of a library, and which of them are meant. */

import { coloursOf } from "./theme.js";

export class Shelf {
  /** @param {Object} columns - as `GET /v1/library/map` answers. */
  constructor(columns) {
    Object.assign(this, columns);
    this.size = columns.id.length;
    this.colours = coloursOf(columns.genres.filter((genre) => genre !== "unknown"));
    this._searched = columns.title.map((title, place) => `${this.folderOf(place)}/${title}`.toLowerCase());
    this._places = new Map(columns.id.map((id, place) => [id, place]));
  }

  /** Where a track is in the columns, by its number. */
  placeOf(id) {
    return this._places.get(id);
  }

  genreOf(place) {
    return this.genres[this.genre[place]];
  }

  folderOf(place) {
    return this.folders[this.folder[place]];
  }

  colourOf(genre) {
    return this.colours.get(genre) ?? "#7c8694";
  }

  /** How many tracks each genre has, the most frequent first. */
  counts() {
    const counts = new Array(this.genres.length).fill(0);
    for (const code of this.genre) counts[code] += 1;
    return this.genres.map((genre, code) => ({ genre, count: counts[code] })).sort((a, b) => b.count - a.count);
  }

  /**
   * Places of the tracks for which all holds.
   *
   * @param {Object} wanted - `text`, a part of folder/title; `genre`, "" for all; `confidence`, the least.
   * @returns {Array<number>}
   */
  find({ text, genre, confidence }) {
    const part = text.trim().toLowerCase(); // as the REST API searches
    const code = this.genres.indexOf(genre);
    const found = [];
    for (let place = 0; place < this.size; place++) {
      if (genre && this.genre[place] !== code) continue;
      if (this.confidence[place] < confidence) continue;
      if (part && !this._searched[place].includes(part)) continue;
      found.push(place);
    }
    return found;
  }
}
