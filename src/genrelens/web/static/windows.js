/** The genre timeline as a table, for those who would rather read it. */

import { make } from "./dom.js";
import { clock, genreName, isNoMusic, percent } from "./words.js";

const TOLD = 3; // genres of each window

/** A table of what was heard in each window; it is made when it is opened. */
export function makeWindows(track) {
  const box = make("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": `Windows of ${track.name}` });
  const details = make("details", { class: "windows", ontoggle: () => {
    if (details.open && !box.hasChildNodes()) box.append(tableOf(track));
  } }, make("summary", {}, "Window by window"), box);
  return details;
}

function tableOf(track) {
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...["Time", "Genres"].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...track.result.segments.map(rowOf)),
  );
}

function rowOf({ start, end, scores, music }) {
  const told = scores.slice(0, TOLD).map(({ label, score }) => `${genreName(label)} ${percent(score)}`);
  if (isNoMusic(music)) told.unshift(`hardly music (${percent(music)})`);
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, `${clock(start)} – ${clock(end)}`),
    make("td", {}, told.join(", ")),
  );
}
