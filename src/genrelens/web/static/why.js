/** What is told below a score about the genre that was chosen: how to read the light, and moments to listen to. */

import { make } from "./dom.js";
import { clock, genreName } from "./words.js";

const MOST_MOMENTS = 3;

/**
 * @param {Track} track
 * @param {function()} onlight - called when the light was switched.
 * @returns {{element: Element, update: function()}}
 */
export function makeWhy(track, onlight) {
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const reading = make("span", {});
  const moments = make("p", { class: "why-moments" });
  const light = make("input", { type: "checkbox", checked: true, onchange: () => {
    track.light(light.checked);
    onlight();
  } });
  const key = make("p", { class: "why-key" }, swatch, reading);
  const element = make("div", { class: "why" }, moments, key, make("label", { class: "why-switch" }, light, "Light on the spectrum"));
  const update = () => {
    const genre = genreName(track.chosen);
    swatch.style.background = track.chosenColour;
    reading.textContent = `Light speaks for ${genre}, shade against it.`;
    moments.replaceChildren(...told(track, genre));
  };
  update();
  return { element, update };
}

function told(track, genre) {
  const found = track.evidence.get(track.chosen).strongest(MOST_MOMENTS);
  if (!found.length) return [`Hardly anything here speaks for ${genre}.`];
  return [
    `Listen to what speaks most for ${genre}: `,
    ...found.map(({ start, end }) =>
      make("button", { type: "button", class: "chip", onclick: () => {
        track.player.seek(start);
        track.player.play();
      } }, `${clock(start)} – ${clock(end)}`),
    ),
  ];
}
