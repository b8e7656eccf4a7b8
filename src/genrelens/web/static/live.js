/** The sheet of live listening. */

import { drawAxis } from "./axis.js";
import { makeBars, updateBars } from "./bars.js";
import { paint, within } from "./canvas.js";
import { canListen } from "./capture.js";
import { announce, byId } from "./dom.js";
import { areaLabels } from "./moments.js";
import { Session } from "./session.js";
import { coloursOf, currentTheme, onThemeChange } from "./theme.js";
import { drawTimeline } from "./timeline.js";
import { clock, headline, isNoMusic, isUnknown, percent } from "./words.js";

const LEAST_WIDTH = 30; // s that the timeline shows from the start; it grows from there
const QUIET = -55; // dBFS below which there is hardly a sound
const MUTED = 6; // quiet answers after which something is probably muted: 3 s, as songs begin and end softly
const NO_TAB = "This browser does not share the sound of tabs; Chrome and Edge do.";

export class Live {
  /** @param {function(): string|null} model - the name of the one to ask; the default one if null. */
  constructor(model) {
    this._model = model;
    this._session = null;
    this._told = null; // the genre that was announced last
    this._canvas = byId("live-canvas");
    for (const source of ["microphone", "tab"]) byId(`live-${source}`).onclick = () => this._start(source);
    byId("live-pause").onclick = () => this._session.pause(this._session.state === "listening");
    byId("live-stop").onclick = () => this._session.end();
    byId("live-close").onclick = () => this.close();
    byId("live-tab").disabled = !canListen("tab") && Boolean(navigator.mediaDevices);
    byId("live-tab-note").textContent = byId("live-tab").disabled ? NO_TAB : "";
    new ResizeObserver(() => this._draw()).observe(this._canvas);
    onThemeChange(() => this._draw());
  }

  /** Show the sheet. */
  open() {
    byId("live").hidden = false;
    byId("live-microphone").focus();
    byId("live").scrollIntoView({ block: "nearest" });
    this._show();
  }

  close() {
    this._session?.end();
    this._session = null;
    byId("live").hidden = true;
    byId("listen").focus();
  }

  _start(source) {
    this._session?.end();
    this._told = null;
    const session = new Session(source, this._model());
    this._session = session;
    session.addEventListener("change", () => session === this._session && this._show());
    this._show();
    session.start();
  }

  _show() {
    const session = this._session;
    const state = session?.state ?? "ready";
    const isRunning = ["starting", "listening", "paused"].includes(state);
    byId("live").dataset.state = state;
    byId("live-start").hidden = isRunning;
    byId("live-run").hidden = !isRunning;
    byId("live-pause").disabled = state === "starting";
    byId("live-pause").textContent = state === "paused" ? "Go on" : "Pause";
    this._showHeard(session?.answers ?? []);
    if (state !== "listening") byId("live-level").value = 0;
    byId("live-words").textContent = this._words(state);
    byId("live-problem").textContent = session?.problem?.message ?? "";
    this._draw();
  }

  _showHeard(answers) {
    const wasHidden = byId("live-heard").hidden;
    byId("live-heard").hidden = !answers.length;
    if (!answers.length) return;
    this._showAnswer(answers.at(-1));
    if (wasHidden) byId("live").scrollIntoView({ block: "nearest" }); // it has grown
  }

  _showAnswer(answer) {
    const scores = byLabel(answer.scores); // in an order that stays, as bars that jump are hard to read
    const colours = coloursOf(scores.map((score) => score.label));
    const name = headline(answer);
    byId("live-genre").textContent = name;
    byId("live-genre").classList.toggle("is-unknown", isUnknown(answer));
    byId("live-rule").style.background = colours.get(answer.genre) ?? "";
    byId("live-sureness").textContent = sureness(answer);
    byId("live-level").value = Math.max(0, Math.min(1, 1 + answer.level / 60));
    if (this._session.answers.length === 1) byId("live-bars").replaceChildren(makeBars(scores, colours, null));
    else updateBars(byId("live-bars").firstChild, scores);
    if (name !== this._told && !answer.filling) announce(`Now ${name}`);
    if (!answer.filling) this._told = name;
  }

  _words(state) {
    const { answers = [], source } = this._session ?? {};
    const last = answers.at(-1);
    const heard = last ? clock(last.at) : "0:00";
    if (state === "starting") return source === "tab" ? "Choose a tab to listen to." : "Waiting for the microphone.";
    if (state === "paused") return `Paused at ${heard}.`;
    if (state === "ended") return last ? `Heard ${heard}.` : "";
    if (state !== "listening") return "Play something near this computer, or share the sound of another tab.";
    if (!last) return "Listening.";
    if (last.missed > 0) return `${heard} – the server is too busy to hear all of it.`;
    if (answers.length >= MUTED && answers.slice(-MUTED).every(({ level }) => level < QUIET)) return `${heard} – hardly a sound. Is it muted?`;
    return last.filling ? `${heard} – the first answers are rough.` : heard;
  }

  _draw() {
    const answers = this._session?.answers ?? [];
    if (!answers.length) return;
    const theme = currentTheme();
    const labels = areaLabels(meanScores(answers));
    const until = answers.at(-1).at;
    const timeline = {
      moments: answers.map(({ at, scores, music }) => ({
        time: at,
        scores: new Map(scores.map(({ label, score }) => [label, score])),
        isMusic: !isNoMusic(music),
      })),
      labels,
      duration: Math.max(LEAST_WIDTH, until),
      until,
      colours: coloursOf(answers[0].scores.map(({ label }) => label)),
    };
    this._canvas.setAttribute("aria-label", `Genres over ${clock(until)} so far; now ${byId("live-genre").textContent}`);
    paint(this._canvas, (context, { width, height }) => {
      const areas = { x: 0, y: 0, width, height: height - 28 };
      context.fillStyle = theme.tint;
      context.fillRect(areas.x, areas.y, areas.width, areas.height);
      within(context, areas, 3, () => drawTimeline(context, areas, timeline, theme));
      drawAxis(context, { ...areas, y: height - 24 }, timeline.duration, theme);
    });
  }
}

/** As of a file, but that the last moments count, not all of a track. */
function sureness(answer) {
  if (isUnknown(answer)) return isNoMusic(answer.music) ? "This hardly sounds like music." : "Not sure enough to name a genre.";
  return `${percent(answer.confidence)} sure`;
}

const byLabel = (scores) => [...scores].sort((one, other) => (one.label < other.label ? -1 : 1));

function meanScores(answers) {
  const sums = new Map();
  for (const { scores } of answers)
    for (const { label, score } of scores) sums.set(label, (sums.get(label) ?? 0) + score);
  return [...sums].map(([label, sum]) => ({ label, score: sum })).sort((one, other) => other.score - one.score);
}
