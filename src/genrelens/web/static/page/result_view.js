/** Result of an analysed file. */

import { LaneStack } from "../charts/lane_stack.js";
import { makeLanes } from "../charts/lanes.js";
import { makeScoreBars } from "../charts/score_bars.js";
import { announce, make } from "../lib/dom.js";
import { describeConfidence, headline } from "../lib/format.js";
import { displayGenre, isUnknown } from "../lib/genres.js";
import { makeExplanationPanel } from "./explanation_panel.js";
import { downloadImage, downloadJson } from "./export.js";
import { makeTransport } from "./player.js";
import { makeSegmentTable } from "./segment_table.js";

/** @typedef {import("./track.js").Track} Track */

/**
 * @typedef {Object} ResultView
 * @property {Element} element
 * @property {() => void} close - releases the file and stops drawing.
 */

const APPROXIMATE_WAVEFORM = "Your browser cannot decode this file, so the waveform is estimated from the spectrogram.";
const UNPLAYABLE = "Your browser cannot play this format. The cursor still shows the genre at each time.";

/**
 * @param {Track} track
 * @param {(() => void)|null} explain - requests an explanation by occlusion; null if there is one already.
 * @returns {ResultView}
 */
export function makeResultView(track, explain) {
  return track.isAudio ? makeAudioView(track, explain) : makePictureView(track);
}

/**
 * @param {Track} track - a picture, without time axis or audio.
 * @returns {ResultView}
 */
function makePictureView(track) {
  const bars = makeScoreBars(track.prediction.scores, track.colours, null);
  const element = make(
    "div",
    { class: "result" },
    make("div", { class: "summary" }, ...makeSummary(track), bars),
    make("div", {}, makeWarnings(track), makeDownloads(track)),
  );
  return { element, close: () => track.player.close() };
}

/**
 * @param {Track} track
 * @param {(() => void)|null} explain
 * @returns {ResultView}
 */
function makeAudioView(track, explain) {
  const stack = new LaneStack(makeLanes(track), track.player, track.name, (time) => track.describeTime(time));
  const panel = track.selected ? makeExplanationPanel(track, () => stack.redraw("spectrogram")) : null;
  const warnings = makeWarnings(track);
  const onselect = (/** @type {string} */ label) => {
    track.select(label);
    panel?.update();
    stack.redraw("genres", "spectrogram", "attribution");
    announce(`Showing evidence for ${displayGenre(label)}`);
  };
  const isAvailable = (/** @type {string} */ label) => track.attributions.has(label);
  const selection = track.selected ? { selected: track.selected, isAvailable, onselect } : null;
  const bars = makeScoreBars(track.prediction.scores, track.colours, selection);
  track.player.addEventListener("unplayable", () => warnings.append(make("li", {}, UNPLAYABLE)), { once: true });
  track.loadPeaks().then(() => {
    if (track.peaks && !track.isDecoded) warnings.append(make("li", {}, APPROXIMATE_WAVEFORM));
    stack.redraw("waveform");
  });
  const element = make(
    "div",
    { class: "result" },
    make("div", { class: "summary" }, ...makeSummary(track), bars, panel?.passages),
    make(
      "div",
      { class: "result-lanes" },
      makeTransport(track.player, track.name),
      stack.element,
      panel?.legend,
      explain && makeOcclusionOffer(explain),
      warnings,
      makeSegmentTable(track),
      makeDownloads(track),
    ),
  );
  return {
    element,
    close() {
      stack.close();
      track.player.close();
    },
  };
}

/** @param {Track} track */
const makeWarnings = (track) =>
  make("ul", { class: "warnings" }, ...track.prediction.warnings.map((warning) => make("li", {}, warning)));

/** @param {Track} track */
function makeSummary({ prediction, colours }) {
  const genre = make("p", { class: `genre${isUnknown(prediction) ? " is-unknown" : ""}` }, headline(prediction));
  const rule = make("span", { class: "genre-rule", "aria-hidden": "true" });
  rule.style.background = colours.get(prediction.genre) ?? "";
  return [genre, rule, make("p", { class: "confidence" }, describeConfidence(prediction))];
}

/** @param {() => void} explain */
function makeOcclusionOffer(explain) {
  const button = make("button", { type: "button", class: "quiet", onclick: explain }, "Explain by occlusion (slow)");
  return make("p", { class: "explanation" }, "This model has no fast explanation.", button);
}

/** @param {Track} track */
function makeDownloads(track) {
  return make(
    "p",
    { class: "downloads" },
    make("button", { type: "button", class: "quiet", onclick: () => downloadImage(track) }, "Save as image"),
    make("button", { type: "button", class: "quiet", onclick: () => downloadJson(track) }, "Save as JSON"),
  );
}
