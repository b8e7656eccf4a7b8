/** Two tracks side by side: their genres over time and the score of each genre. */

import { LaneStack } from "../charts/lane_stack.js";
import { makeLanes } from "../charts/lanes.js";
import { scoreMap } from "../charts/moments.js";
import { byId, make } from "../lib/dom.js";
import { describeConfidence, headline, percent } from "../lib/format.js";
import { colourOf, displayGenre, isUnknown } from "../lib/genres.js";
import { makeTransport } from "./player.js";

/**
 * @typedef {import("./analysis_card.js").AnalysisCard} AnalysisCard
 * @typedef {import("./track.js").Track} Track
 */

const MAX_ROWS = 12;
const MIN_DIFFERENCE = 0.05; // below which two scores count as equal
const MAX_BAR = 70; // % of its cell, leaving room for the number

export class Comparison {
  constructor() {
    /** @type {AnalysisCard[]} */
    this._cards = [];
    /** @type {LaneStack[]} */
    this._stacks = [];
    byId("comparison-close").onclick = () => {
      const [first] = this._cards;
      this._set([]);
      first.element.focus();
    };
  }

  /**
   * Add a card or remove it again. A third card replaces the first.
   *
   * @param {AnalysisCard} card
   */
  toggle(card) {
    if (this._cards.includes(card)) this.remove(card);
    else this._set([...this._cards, card].slice(-2));
  }

  /**
   * Remove a card, if it is compared.
   *
   * @param {AnalysisCard} card
   */
  remove(card) {
    if (this._cards.includes(card)) this._set(this._cards.filter((other) => other !== card));
  }

  /** @param {AnalysisCard[]} cards */
  _set(cards) {
    for (const card of this._cards) card.markCompared(false);
    for (const card of cards) card.markCompared(true);
    this._cards = cards;
    this._update();
  }

  _update() {
    const section = byId("comparison");
    const body = byId("comparison-body");
    for (const stack of this._stacks) stack.close();
    this._stacks = [];
    section.hidden = !this._cards.length;
    if (this._cards.length === 1) {
      body.replaceChildren(make("p", {}, `${this._cards[0].file.name} – select “Compare” on a second file.`));
      return;
    }
    const [left, right] = this._cards.map((card) => card.track);
    if (!left || !right) return;
    body.replaceChildren(
      make("div", { class: "pair" }, this._makeColumn(left), this._makeColumn(right)),
      make("p", { class: "pair-summary" }, describeDifference(left, right)),
      makeButterfly(left, right),
    );
    section.scrollIntoView({ block: "nearest" });
  }

  /** @param {Track} track */
  _makeColumn(track) {
    return make(
      "div",
      {},
      make("h3", { class: "card-name" }, track.name),
      make("p", { class: "genre" }, headline(track.prediction)),
      make("p", { class: "confidence" }, describeConfidence(track.prediction)),
      ...(track.isAudio ? [makeTransport(track.player, track.name), this._makeLanes(track)] : []),
    );
  }

  /** @param {Track} track */
  _makeLanes(track) {
    const lanes = makeLanes(track).filter((lane) => ["waveform", "genres", "axis"].includes(lane.kind));
    const stack = new LaneStack(lanes, track.player, track.name, (time) => track.describeTime(time));
    this._stacks.push(stack);
    return stack.element;
  }
}

/**
 * Describe the largest difference between two tracks in a sentence.
 *
 * @param {Track} left
 * @param {Track} right
 */
function describeDifference(left, right) {
  const others = scoreMap(right.prediction.scores);
  const [largest] = left.prediction.scores
    .map(({ label, score }) => ({ label, gap: score - (others.get(label) ?? NaN) }))
    .filter(({ gap }) => !Number.isNaN(gap))
    .sort((a, b) => Math.abs(b.gap) - Math.abs(a.gap));
  const isSameGenre = left.prediction.genre === right.prediction.genre && !isUnknown(left.prediction);
  const start = isSameGenre ? `Both are ${headline(left.prediction)}. ` : "";
  if (!largest) return `${start}The models have no genres in common.`;
  if (Math.abs(largest.gap) < MIN_DIFFERENCE) return `${start}The scores hardly differ.`;
  const points = Math.round(100 * Math.abs(largest.gap));
  const { name } = largest.gap > 0 ? left : right;
  return `${start}Largest difference: ${displayGenre(largest.label)}, ${points} points higher for ${name}.`;
}

/**
 * Make a table with bars to the left for one track and to the right for the other, and the genres between them.
 *
 * @param {Track} left
 * @param {Track} right
 */
function makeButterfly(left, right) {
  const others = scoreMap(right.prediction.scores);
  const rows = left.prediction.scores
    .map(({ label, score }) => ({ label, score, other: others.get(label) ?? 0 }))
    .sort((a, b) => Math.max(b.score, b.other) - Math.max(a.score, a.other))
    .slice(0, MAX_ROWS);
  const names = [left.name, "Genre", right.name];
  return make(
    "table",
    { class: "butterfly" },
    make("caption", { class: "visually-hidden" }, "Probability of each genre"),
    make("colgroup", {}, make("col"), make("col", { class: "butterfly-names" }), make("col")),
    make(
      "thead",
      { class: "visually-hidden" },
      make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))),
    ),
    make("tbody", {}, ...rows.map(({ label, score, other }) => {
      const colour = colourOf(left.colours, label);
      return make(
        "tr",
        {},
        make("td", {}, makeWing("left", score, colour)),
        make("th", { scope: "row" }, displayGenre(label)),
        make("td", {}, makeWing("right", other, colour)),
      );
    })),
  );
}

/**
 * @param {"left"|"right"} side
 * @param {number} score
 * @param {string} colour
 */
function makeWing(side, score, colour) {
  const bar = make("span", { class: "wing-bar", "aria-hidden": "true" });
  bar.style.width = `${MAX_BAR * score}%`;
  bar.style.background = colour;
  return make("div", { class: `wing wing-${side}` }, bar, make("span", {}, percent(score)));
}
