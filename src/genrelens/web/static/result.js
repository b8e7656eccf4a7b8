/** What is shown of a file that was judged. */

import { makeBars } from "./bars.js";
import { announce, make } from "./dom.js";
import { downloadJson, downloadPicture } from "./export.js";
import { lanesOf } from "./lanes.js";
import { Score } from "./score.js";
import { makeTransport } from "./transport.js";
import { makeWhy } from "./why.js";
import { makeWindows } from "./windows.js";
import { genreName, headline, isUnknown, sureness } from "./words.js";

const DRAWN_FROM_LEVELS = "Your browser does not decode this file, so the waveform is drawn from the spectrum.";
const UNPLAYABLE = "Your browser cannot play this format. The cursor still shows what was heard where.";

/**
 * @param {Track} track
 * @param {function()|null} explainSlowly - where the model can only be explained by occlusion.
 * @returns {{element: Element, close: function()}}
 */
export function makeResult(track, explainSlowly) {
  return track.isHeard ? makeHeard(track, explainSlowly) : makeSeen(track);
}

/** A picture has neither time nor sound. */
function makeSeen(track) {
  const element = make(
    "div",
    { class: "result" },
    make("div", { class: "verdict" }, ...verdict(track), makeBars(track.result.scores, track.colours, null)),
    make("div", {}, notesOf(track), makeDownloads(track)),
  );
  return { element, close: () => track.player.close() };
}

function makeHeard(track, explainSlowly) {
  const score = new Score(lanesOf(track), track.player, track.name, (time) => track.readout(time));
  const why = track.chosen ? makeWhy(track, () => score.redraw("spectrum")) : null;
  const notes = notesOf(track);
  const onchoose = (label) => {
    track.choose(label);
    why.update();
    score.redraw("genres", "spectrum", "evidence");
    announce(`Explaining ${genreName(label)}`);
  };
  const choice = track.chosen ? { chosen: track.chosen, canBe: (label) => track.evidence.has(label), onchoose } : null;
  track.player.addEventListener("unplayable", () => notes.append(make("li", {}, UNPLAYABLE)), { once: true });
  track.findPeaks().then(() => {
    if (track.peaks && !track.isDecoded) notes.append(make("li", {}, DRAWN_FROM_LEVELS));
    score.redraw("wave");
  });
  const element = make(
    "div",
    { class: "result" },
    make("div", { class: "verdict" }, ...verdict(track), makeBars(track.result.scores, track.colours, choice), why?.moments),
    make(
      "div",
      { class: "sheet-score" },
      makeTransport(track),
      score.element,
      why?.key,
      explainSlowly && slowExplanation(explainSlowly),
      notes,
      makeWindows(track),
      makeDownloads(track),
    ),
  );
  return {
    element,
    close() {
      score.close();
      track.player.close();
    },
  };
}

const notesOf = (track) =>
  make("ul", { class: "notes" }, ...track.result.warnings.map((warning) => make("li", {}, warning)));

function verdict({ result, colours }) {
  const genre = make("p", { class: `genre${isUnknown(result) ? " is-unknown" : ""}` }, headline(result));
  const rule = make("span", { class: "genre-rule", "aria-hidden": "true" });
  rule.style.background = colours.get(result.genre) ?? "";
  return [genre, rule, make("p", { class: "sureness" }, sureness(result))];
}

function slowExplanation(explainSlowly) {
  const button = make("button", { type: "button", class: "quiet", onclick: explainSlowly }, "Explain it slowly");
  return make("p", { class: "why" }, "This model does not tell at once why. It can be found out by occlusion. ", button);
}

function makeDownloads(track) {
  return make(
    "p",
    { class: "downloads" },
    make("button", { type: "button", class: "quiet", onclick: () => downloadPicture(track) }, "Save as picture"),
    make("button", { type: "button", class: "quiet", onclick: () => downloadJson(track) }, "Save as JSON"),
  );
}
