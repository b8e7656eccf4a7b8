/** Table with the scores of each window, as an alternative to the timeline. */

import { make } from "../lib/dom.js";
import { formatSeconds, formatTime, percent } from "../lib/format.js";
import { displayGenre, isNotMusic } from "../lib/genres.js";

/** @typedef {import("./track.js").Track} Track */

const MAX_GENRES = 3; // per window

/**
 * Make a collapsed table, which is filled when it is first opened.
 *
 * @param {Track} track - with at least one segment.
 */
export function makeSegmentTable(track) {
  const { segments } = track.prediction;
  const window = segments[0].end - segments[0].start;
  const box = make("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": `Windows of ${track.name}` });
  const details = make(
    "details",
    {
      class: "segment-details",
      ontoggle: () => {
        if (details.open && !box.hasChildNodes()) box.append(makeTable(segments));
      },
    },
    make("summary", {}, `Details per ${formatSeconds(window)}`),
    box,
  );
  return details;
}

/** @param {Segment[]} segments */
function makeTable(segments) {
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...["Time", "Genres"].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...segments.map(makeRow)),
  );
}

/** @param {Segment} segment */
function makeRow({ start, end, scores, music }) {
  const texts = scores.slice(0, MAX_GENRES).map(({ label, score }) => `${displayGenre(label)} ${percent(score)}`);
  if (isNotMusic(music)) texts.unshift(`probably not music (music: ${percent(music ?? 0)})`);
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, `${formatTime(start)} – ${formatTime(end)}`),
    make("td", {}, texts.join(", ")),
  );
}
