/** What is told about the genre that was chosen: moments to listen to, and how to read the light on the spectrum. */

import { make } from "./dom.js";
import { clock, genreName } from "./words.js";

const MOST_MOMENTS = 3;

/**
 * @param {Track} track
 * @param {function()} onlight - called when the light was switched.
 * @returns {{moments: Element, key: Element, update: function()}} moments for below the bars, a key for below the score.
 */
export function makeWhy(track, onlight) {
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const reading = make("span", {});
  const moments = make("p", { class: "why-moments" });
  const light = make("input", { type: "checkbox", checked: true, onchange: () => {
    track.light(light.checked);
    onlight();
  } });
  const key = make(
    "div",
    { class: "why" },
    make("p", { class: "why-key" }, swatch, reading),
    make("label", { class: "why-switch" }, light, "Light on the spectrum"),
  );
  const update = () => {
    const genre = genreName(track.chosen);
    swatch.style.background = track.chosenColour;
    reading.textContent = `Light speaks for ${genre}, shade against it.`;
    moments.replaceChildren(...told(track, genre));
  };
  update();
  return { moments, key, update };
}

function told(track, genre) {
  const found = track.evidence.get(track.chosen).strongest(MOST_MOMENTS);
  if (!found.length) return [`Hardly anything here speaks for ${genre}.`];
  return [make("span", {}, `Listen to what speaks most for ${genre}:`), ...found.map(({ start }) => chip(track, start))];
}

function chip({ player }, start) {
  const onclick = () => {
    player.seek(start);
    player.play();
  };
  return make("button", { type: "button", class: "chip", "aria-label": `Play from ${clock(start)}`, onclick }, clock(start));
}
