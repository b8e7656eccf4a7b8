/** Scores of all genres as bars, each with a radio button to explain it. */

import { make, newId } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { colourOf, displayGenre } from "../lib/genres.js";

/**
 * @typedef {Object} Selection
 * @property {string} selected - label selected at first.
 * @property {(label: string) => boolean} isAvailable
 * @property {(label: string) => void} onselect
 */

/**
 * @param {Score[]} scores
 * @param {Map<string, string>} colours
 * @param {Selection|null} selection - null for bars without radio buttons.
 */
export function makeScoreBars(scores, colours, selection) {
  const group = newId("genres");
  const longest = Math.max(...scores.map(({ label }) => displayGenre(label).length));
  const rows = scores.map(({ label, score }) => {
    const fill = make("span", { class: "bar-fill" });
    fill.style.width = `${100 * score}%`;
    fill.style.background = colourOf(colours, label);
    const parts = [
      make("span", { class: "bar-name" }, displayGenre(label)),
      make("span", { class: "bar-track", "aria-hidden": "true" }, fill),
      make("span", { class: "bar-score" }, percent(score)),
    ];
    if (!selection) return make("div", { class: "bar" }, ...parts);
    const radio = make("input", {
      type: "radio",
      name: group,
      value: label,
      checked: label === selection.selected,
      disabled: !selection.isAvailable(label),
      onchange: () => selection.onselect(label),
    });
    return make("label", { class: "bar" }, radio, ...parts);
  });
  const bars = selection
    ? make("fieldset", { class: "bars" }, make("legend", {}, "Genre to explain"), ...rows)
    : make("div", { class: "bars" }, ...rows);
  bars.style.setProperty("--label-width", `${longest}ch`);
  return bars;
}

/**
 * Update the bars with new scores for the same labels, in the same order, in bars without radio buttons.
 *
 * @param {Element} bars
 * @param {Score[]} scores
 */
export function updateScoreBars(bars, scores) {
  scores.forEach(({ score }, index) => {
    const fill = /** @type {HTMLElement} */ (bars.children[index].querySelector(".bar-fill"));
    const scoreElement = /** @type {HTMLElement} */ (bars.children[index].querySelector(".bar-score"));
    fill.style.width = `${100 * score}%`;
    scoreElement.textContent = percent(score);
  });
}
