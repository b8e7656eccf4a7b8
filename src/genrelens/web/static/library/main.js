/** Entry point of the library page. */

import { audioUrl, readLibrary, readSimilar } from "../lib/api.js";
import { announce, byId, make } from "../lib/dom.js";
import { count, percent } from "../lib/format.js";
import { displayGenre } from "../lib/genres.js";
import { messageOf } from "../lib/problems.js";
import { LibraryStore } from "./library_store.js";
import { LibraryMap } from "./map.js";

const MAX_LISTED = 200;
const MAX_LEGEND = 20; // genres
const SEARCH_DELAY = 120; // ms after the last keystroke
const ZOOM_STEP = 1.5;
const UNPLAYABLE = "The browser cannot play this format, or the file no longer exists.";

const player = byId("player", HTMLAudioElement);
const searchField = byId("search", HTMLInputElement);
const genreField = byId("genre", HTMLSelectElement);
const confidenceField = byId("confidence", HTMLInputElement);

async function load() {
  byId("problem").hidden = true;
  try {
    showLibrary(new LibraryStore(await readLibrary()));
  } catch (error) {
    byId("summary").textContent = "";
    byId("problem-text").textContent = messageOf(error);
    byId("problem").hidden = false;
  }
}

/** @param {LibraryStore} store */
function showLibrary(store) {
  const unmapped = store.columns.x.filter((x) => x === null).length;
  byId("summary").textContent = describeLibrary(store, unmapped);
  byId("library").hidden = !store.size;
  byId("map-section").hidden = unmapped === store.size;
  new LibraryView(store);
}

/**
 * @param {LibraryStore} store
 * @param {number} unmapped - number of tracks that are not on the map.
 */
function describeLibrary(store, unmapped) {
  if (!store.size) return "The library is empty. Run “genrelens library scan” and “genrelens library run” to fill it.";
  const start = `${count(store.size, "track")} in ${count(store.colours.size, "genre")}.`;
  if (!unmapped) return start;
  if (unmapped === store.size) return `${start} Run “genrelens library map” to create the map.`;
  return `${start} ${count(unmapped, "track")} not on the map yet; run “genrelens library map” to update it.`;
}

/** Lists, map and player, kept in step with the filters and the selected track. */
class LibraryView {
  /** @param {LibraryStore} store */
  constructor(store) {
    this._store = store;
    /** @type {number|null} */
    this._selected = null;
    this._selection = new AbortController(); // cancels requests for the previous selection
    this._map = new LibraryMap(byId("map", HTMLCanvasElement), store);
    this._map.addEventListener("select", (event) => this._select(/** @type {CustomEvent} */ (event).detail));
    this._map.addEventListener("hover", (event) => this._showTooltip(/** @type {CustomEvent} */ (event).detail));
    byId("zoom-in").onclick = () => this._map.zoom(ZOOM_STEP);
    byId("zoom-out").onclick = () => this._map.zoom(1 / ZOOM_STEP);
    byId("zoom-reset").onclick = () => this._map.reset();
    let timer = 0;
    byId("filters").oninput = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this._filter(), SEARCH_DELAY);
    };
    this._fillGenres();
    this._filter();
  }

  _fillGenres() {
    const counts = this._store.genreCounts();
    const options = counts.map(({ genre, count: tracks }) =>
      make("option", { value: genre }, `${displayGenre(genre)} (${tracks})`),
    );
    genreField.replaceChildren(make("option", { value: "" }, "All"), ...options);
    const legend = counts
      .slice(0, MAX_LEGEND)
      .map(({ genre }) => make("li", {}, this._makeDot(genre), displayGenre(genre)));
    byId("legend").replaceChildren(...legend);
  }

  _filter() {
    const confidence = Number(confidenceField.value);
    byId("confidence-value").textContent = percent(confidence);
    const found = this._store.find({ text: searchField.value, genre: genreField.value, confidence });
    this._map.show(found);
    byId("track-list-title").textContent = count(found.length, "track");
    byId("tracks").replaceChildren(...found.slice(0, MAX_LISTED).map((index) => this._makeItem(index)));
    byId("track-list-hint").textContent = describeList(found.length);
    this._markSelected();
  }

  /** @param {number} index */
  _makeItem(index) {
    const [genre, title, folder] = [this._store.genreAt(index), this._store.titleAt(index), this._store.folderAt(index)];
    const prediction = `${displayGenre(genre)} ${percent(this._store.confidenceAt(index))}`;
    const button = make(
      "button",
      {
        type: "button",
        class: "track",
        "data-index": index,
        title: [folder, title].filter(Boolean).join("/"),
        onclick: () => this._select(index),
      },
      this._makeDot(genre),
      make("span", { class: "track-title" }, title),
      make("span", { class: "track-prediction" }, prediction),
      folder ? make("span", { class: "track-folder" }, folder) : null,
    );
    return make("li", {}, button);
  }

  /** @param {string} genre */
  _makeDot(genre) {
    const dot = make("span", { class: "genre-dot", "aria-hidden": "true" });
    dot.style.background = this._store.colourOf(genre);
    return dot;
  }

  /** @param {number} index */
  async _select(index) {
    this._selection.abort();
    this._selection = new AbortController();
    this._selected = index;
    const [id, title, folder] = [this._store.idAt(index), this._store.titleAt(index), this._store.folderAt(index)];
    this._map.select(index);
    this._markSelected();
    byId("now-playing").hidden = false;
    byId("similar").hidden = false;
    byId("similar-title").textContent = `Similar to ${title}`;
    byId("now-playing-title").textContent = title;
    byId("now-playing-genre").textContent = this._describePrediction(index);
    byId("now-playing-folder").textContent = folder && `– ${folder}`;
    announce(`Playing ${title}`);
    const { signal } = this._selection;
    await Promise.all([play(id, signal), this._showSimilar(id, signal)]);
  }

  /** @param {number} index */
  _describePrediction(index) {
    return `${displayGenre(this._store.genreAt(index))}, confidence ${percent(this._store.confidenceAt(index))}`;
  }

  /**
   * @param {number} id
   * @param {AbortSignal} signal - aborted when another track is selected.
   */
  async _showSimilar(id, signal) {
    byId("similar-tracks").replaceChildren();
    byId("similar-status").textContent = "Searching…";
    try {
      const similar = await readSimilar(id);
      if (signal.aborted) return;
      const indices = similar.map((track) => this._store.indexOf(track.id)).filter((index) => index !== undefined);
      byId("similar-tracks").replaceChildren(...indices.map((index) => this._makeItem(index)));
      byId("similar-status").textContent = indices.length ? "" : "The library has no other tracks to compare with.";
    } catch (error) {
      if (!signal.aborted) byId("similar-status").textContent = messageOf(error);
    }
  }

  _markSelected() {
    for (const button of document.querySelectorAll(".tracks .track")) {
      const isSelected = button.getAttribute("data-index") === String(this._selected);
      button.setAttribute("aria-pressed", String(isSelected));
    }
  }

  /** @param {number|null} index */
  _showTooltip(index) {
    const tooltip = byId("map-tooltip");
    const position = index === null ? null : this._map.locate(index);
    tooltip.hidden = !position;
    if (index === null || !position) return;
    const width = byId("map").clientWidth;
    tooltip.textContent = `${this._store.titleAt(index)} – ${this._describePrediction(index)}`;
    const half = tooltip.offsetWidth / 2;
    tooltip.style.left = `${Math.max(half, Math.min(width - half, position.x))}px`;
    tooltip.style.top = `${position.y}px`;
    tooltip.classList.toggle("is-below", position.y < 70);
  }
}

/**
 * Describe what a list of tracks leaves out, or why it is empty.
 *
 * @param {number} found - number of tracks.
 */
function describeList(found) {
  if (!found) return "No matching tracks. Clear the search, select all genres, or lower the minimum confidence.";
  return found > MAX_LISTED ? `Only the first ${MAX_LISTED} are listed. Search to narrow the list.` : "";
}

/**
 * @param {number} id
 * @param {AbortSignal} signal - aborted when another track is selected.
 */
async function play(id, signal) {
  byId("player-problem").textContent = "";
  try {
    const url = await audioUrl(id, signal);
    const stale = signal.aborted ? url : player.src;
    if (stale.startsWith("blob:")) URL.revokeObjectURL(stale);
    if (signal.aborted) return;
    player.src = url;
    await player.play();
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (signal.aborted || ["AbortError", "NotAllowedError"].includes(name)) return; // paused, or autoplay is blocked
    byId("player-problem").textContent = name === "NotSupportedError" ? UNPLAYABLE : messageOf(error);
  }
}

byId("filters").onsubmit = (event) => event.preventDefault();
byId("problem-retry").onclick = load;
load();
