/** The page of the library: brings map, lists and player together. */

import { audioAddress, readLibrary, readSimilar } from "./api.js";
import { Atlas } from "./atlas.js";
import { announce, byId, make } from "./dom.js";
import { Shelf } from "./shelf.js";
import { count, genreName, percent } from "./words.js";

const MOST_LISTED = 200;
const MOST_COLOURS = 20;
const PAUSE = 120; // ms without a letter, before a search

let shelf = null;
let atlas = null;
let chosen = null;
let choice = new AbortController(); // which ends what the last choice still waits for

async function open() {
  byId("problem").hidden = true;
  try {
    shelf = new Shelf(await readLibrary());
  } catch (problem) {
    byId("summary").textContent = "";
    byId("problem-words").textContent = problem.message;
    byId("problem").hidden = false;
    return;
  }
  const unmapped = shelf.x.filter((x) => x === null).length;
  byId("summary").textContent = summary(unmapped);
  byId("library").hidden = !shelf.size;
  offerGenres();
  byId("map").closest("section").hidden = unmapped === shelf.size;
  atlas = new Atlas(byId("map"), shelf);
  atlas.addEventListener("choose", ({ detail: place }) => choose(place));
  atlas.addEventListener("hover", ({ detail: place }) => showTip(place));
  filter();
}

function summary(unmapped) {
  if (!shelf.size) return "It is empty. “genrelens library scan” and “genrelens library run” fill it.";
  const begin = `${count(shelf.size, "track")} in ${count(shelf.colours.size, "genre")}.`;
  if (!unmapped) return begin;
  const which = unmapped === shelf.size ? "There is no map yet" : `${count(unmapped, "track")} not on the map yet`;
  return `${begin} ${which}: “genrelens library map” draws it.`;
}

function offerGenres() {
  const options = shelf.counts().map(({ genre, count: tracks }) => make("option", { value: genre }, `${genreName(genre)} (${tracks})`));
  byId("legend").replaceChildren(...shelf.counts().slice(0, MOST_COLOURS).map(({ genre }) => make("li", {}, spotOf(genre), genreName(genre))));
  byId("genre").replaceChildren(make("option", { value: "" }, "all"), ...options);
}

function filter() {
  const confidence = Number(byId("confidence").value);
  byId("confidence-words").textContent = percent(confidence);
  const found = shelf.find({ text: byId("text").value, genre: byId("genre").value, confidence });
  atlas.show(found);
  byId("found-title").textContent = count(found.length, "track");
  byId("tracks").replaceChildren(...found.slice(0, MOST_LISTED).map((place) => item(place)));
  byId("more").textContent = advice(found.length);
  markChosen();
}

function advice(found) {
  if (!found) return "No track is all of that: clear the search, take all genres, or let it be less sure.";
  return found > MOST_LISTED ? `The first ${MOST_LISTED} are listed; search for others.` : "";
}

function item(place, told = percent(shelf.confidence[place])) {
  const genre = shelf.genreOf(place);
  const button = make(
    "button",
    { type: "button", class: "track", "data-place": String(place), title: [shelf.folderOf(place), shelf.title[place]].filter(Boolean).join("/"), onclick: () => choose(place) },
    spotOf(genre),
    make("span", { class: "track-title" }, shelf.title[place]),
    make("span", { class: "track-told" }, `${genreName(genre)} ${told}`),
    shelf.folderOf(place) ? make("span", { class: "track-folder" }, shelf.folderOf(place)) : null,
  );
  return make("li", {}, button);
}

function spotOf(genre) {
  const spot = make("span", { class: "track-spot", "aria-hidden": "true" });
  spot.style.background = shelf.colourOf(genre);
  return spot;
}

async function choose(place) {
  choice.abort();
  choice = new AbortController();
  chosen = place;
  const id = shelf.id[place];
  atlas.choose(place);
  markChosen();
  byId("chosen").hidden = false;
  byId("likes").hidden = false;
  byId("likes-title").textContent = `Sounds most like ${shelf.title[place]}`;
  byId("chosen-title").textContent = shelf.title[place];
  byId("chosen-genre").textContent = described(place);
  byId("chosen-folder").textContent = shelf.folderOf(place) && `– ${shelf.folderOf(place)}`;
  announce(`Playing ${shelf.title[place]}`);
  await Promise.all([play(id, choice.signal), tellSimilar(id)]);
}

const described = (place) => `${genreName(shelf.genreOf(place))}, ${percent(shelf.confidence[place])} sure`;
const isCurrent = (id) => chosen !== null && shelf.id[chosen] === id;

async function play(id, signal) {
  const player = byId("player");
  byId("chosen-problem").textContent = "";
  try {
    const address = await audioAddress(id, signal);
    const stale = signal.aborted ? address : player.src;
    if (stale.startsWith("blob:")) URL.revokeObjectURL(stale);
    if (signal.aborted) return;
    player.src = address;
    await player.play();
  } catch (problem) {
    if (signal.aborted || ["AbortError", "NotAllowedError"].includes(problem.name)) return; // paused, or a browser that asks for another click
    byId("chosen-problem").textContent =
      problem.name === "NotSupportedError" ? "The browser cannot play it, or its file is no longer there." : problem.message;
  }
}

async function tellSimilar(id) {
  byId("similar").replaceChildren();
  byId("similar-words").textContent = "Looking";
  try {
    const similar = (await readSimilar(id)).filter((track) => shelf.placeOf(track.id) !== undefined);
    if (!isCurrent(id)) return;
    byId("similar").replaceChildren(...similar.map((track) => item(shelf.placeOf(track.id))));
    byId("similar-words").textContent = similar.length ? "" : "There is no other track to compare with.";
  } catch (problem) {
    if (isCurrent(id)) byId("similar-words").textContent = problem.message;
  }
}

function markChosen() {
  for (const button of document.querySelectorAll(".tracks .track")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.place) === chosen));
  }
}

function showTip(place) {
  const tip = byId("map-tip");
  tip.hidden = place === null;
  if (place === null) return;
  const { x, y } = atlas.at(place);
  const width = byId("map").clientWidth;
  tip.textContent = `${shelf.title[place]} – ${described(place)}`;
  tip.style.left = `${Math.max(tip.offsetWidth / 2, Math.min(width - tip.offsetWidth / 2, x))}px`;
  tip.style.top = `${y}px`;
  tip.classList.toggle("is-below", y < 70);
}

let waiting = null;
byId("filters").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, PAUSE);
});
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("nearer").onclick = () => atlas.zoom(1.5);
byId("farther").onclick = () => atlas.zoom(1 / 1.5);
byId("whole").onclick = () => atlas.reset();
byId("problem-again").onclick = open;
open();
