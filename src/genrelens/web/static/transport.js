/** Play and pause, and where the cursor is. */

import { make } from "./dom.js";
import { clock } from "./words.js";

export function makeTransport(track) {
  const { player } = track;
  const button = make("button", { type: "button", class: "play", onclick: () => player.toggle() });
  const now = make("span", {}, clock(player.time));
  const showState = () => {
    button.classList.toggle("is-playing", player.isPlaying);
    button.setAttribute("aria-label", `${player.isPlaying ? "Pause" : "Play"} ${track.name}`);
    button.disabled = !player.isPlayable;
  };
  player.addEventListener("state", showState);
  player.addEventListener("unplayable", showState);
  player.addEventListener("time", () => (now.textContent = clock(player.time)));
  showState();
  return make("div", { class: "transport" }, button, make("span", { class: "clock" }, now, ` / ${clock(track.duration)}`));
}
