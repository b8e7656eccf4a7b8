/** The whole distribution as bars, each of which can be chosen to be explained. */

import { make, newId } from "./dom.js";
import { genreName, percent } from "./words.js";

/**
 * @param {Object[]} scores - of a result.
 * @param {Map<string, string>} colours
 * @param {Object|null} choice - `chosen`, the label to begin with; `canBe(label)`; `onchoose(label)`. Null if nothing
 *   can be chosen.
 */
export function makeBars(scores, colours, choice) {
  const group = newId("genres");
  const longest = Math.max(...scores.map(({ label }) => genreName(label).length));
  const rows = scores.map(({ label, score }) => {
    const bar = make("span", { class: "bar-fill" });
    bar.style.width = `${100 * score}%`;
    bar.style.background = colours.get(label);
    const parts = [
      make("span", { class: "bar-name" }, genreName(label)),
      make("span", { class: "bar-track", "aria-hidden": "true" }, bar),
      make("span", { class: "bar-share" }, percent(score)),
    ];
    if (!choice) return make("div", { class: "bar" }, ...parts);
    const radio = make("input", {
      type: "radio",
      name: group,
      value: label,
      checked: label === choice.chosen,
      disabled: !choice.canBe(label),
      onchange: () => choice.onchoose(label),
    });
    return make("label", { class: "bar" }, radio, ...parts);
  });
  const bars = choice
    ? make("fieldset", { class: "bars" }, make("legend", {}, "Why, or why not?"), ...rows)
    : make("div", { class: "bars" }, ...rows);
  bars.style.setProperty("--name-room", `${longest}ch`);
  return bars;
}

/** Show other scores, of the same labels in the same order, in bars that nothing can be chosen of. */
export function updateBars(bars, scores) {
  scores.forEach(({ score }, place) => {
    bars.children[place].querySelector(".bar-fill").style.width = `${100 * score}%`;
    bars.children[place].querySelector(".bar-share").textContent = percent(score);
  });
}
