/** Explanation of the selected genre: passages to play, and a legend for the overlay on the spectrogram. */

import { make } from "../lib/dom.js";
import { formatTime } from "../lib/format.js";
import { displayGenre } from "../lib/genres.js";

/** @typedef {import("./track.js").Track} Track */

const MAX_PASSAGES = 3;

/**
 * Return the legend of the overlay.
 *
 * @param {string} label
 */
export const overlayLegend = (label) => `Bright: evidence for ${displayGenre(label)}; dark: against`;

/**
 * @param {Track} track - with a selected genre.
 * @param {() => void} onoverlay - called when the overlay is switched on or off.
 * @returns {{passages: Element, legend: Element, update: () => void}} `passages` goes below the bars and `legend`
 *   below the lanes; `update` shows another selected genre.
 */
export function makeExplanationPanel(track, onoverlay) {
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const text = make("span");
  const passages = make("div", { class: "passages" });
  const toggle = make("input", {
    type: "checkbox",
    checked: true,
    onchange: () => {
      track.showOverlay(toggle.checked);
      onoverlay();
    },
  });
  const legend = make(
    "div",
    { class: "explanation" },
    make("p", { class: "overlay-legend" }, swatch, text),
    make("label", { class: "overlay-toggle" }, toggle, "Evidence on the spectrum"),
  );
  const update = () => {
    swatch.style.background = track.selectedColour;
    text.textContent = overlayLegend(track.selected ?? "");
    passages.replaceChildren(...renderPassages(track));
  };
  update();
  return { passages, legend, update };
}

/** @param {Track} track */
function renderPassages(track) {
  const genre = displayGenre(track.selected ?? "");
  const passages = track.selectedAttribution?.strongestPassages(MAX_PASSAGES) ?? [];
  if (!passages.length) return [make("span", {}, `Hardly any evidence for ${genre}.`)];
  const buttons = passages.map(({ start }) => makePassageButton(track, start));
  return [make("span", {}, `Play the strongest evidence for ${genre}:`), ...buttons];
}

/**
 * @param {Track} track
 * @param {number} start - in seconds.
 */
function makePassageButton({ player }, start) {
  const onclick = () => {
    player.seek(start);
    player.play();
  };
  const time = formatTime(start);
  return make("button", { type: "button", class: "chip", "aria-label": `Play from ${time}`, onclick }, time);
}
