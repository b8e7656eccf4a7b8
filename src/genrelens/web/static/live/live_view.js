/** Card of the live classification. */

import { clipRounded, paint } from "../charts/canvas.js";
import { scoreMap, stackedLabels } from "../charts/moments.js";
import { makeScoreBars, updateScoreBars } from "../charts/score_bars.js";
import { drawTimeAxis } from "../charts/time_axis.js";
import { drawTimeline } from "../charts/timeline.js";
import { announce, byId } from "../lib/dom.js";
import { formatTime, headline, percent } from "../lib/format.js";
import { genreColours, isNotMusic, isUnknown } from "../lib/genres.js";
import { currentTheme, onThemeChange } from "../lib/theme.js";
import { canCapture } from "./audio_capture.js";
import { LiveSession } from "./live_session.js";

/** @typedef {import("./audio_capture.js").Source} Source */

const MIN_DURATION = 30; // s that the timeline spans at first; then it grows
const QUIET_LEVEL = -55; // dBFS below which there is hardly any signal
const QUIET_COUNT = 6; // quiet predictions that suggest a muted input: 3 s, as songs begin and end softly
const LEVEL_RANGE = 60; // dB below full scale that the meter shows
const AXIS_HEIGHT = 28; // px
const NO_TAB_AUDIO = "This browser cannot share the audio of a tab; Chrome and Edge can.";

export class LiveView {
  /** @param {() => string|null} selectedModel - returns null for the server's default. */
  constructor(selectedModel) {
    this._selectedModel = selectedModel;
    /** @type {LiveSession|null} */
    this._session = null;
    /** @type {string|null} */
    this._announced = null; // genres announced last
    this._canvas = byId("live-canvas", HTMLCanvasElement);
    this._pauseButton = byId("live-pause", HTMLButtonElement);
    const tabButton = byId("live-tab", HTMLButtonElement);
    byId("live-microphone").onclick = () => this._start("microphone");
    tabButton.onclick = () => this._start("tab");
    this._pauseButton.onclick = () => this._session?.pause(this._session.state === "listening");
    byId("live-stop").onclick = () => this._session?.end();
    byId("live-close").onclick = () => this.close();
    tabButton.disabled = !canCapture("tab") && Boolean(navigator.mediaDevices);
    byId("live-tab-hint").textContent = tabButton.disabled ? NO_TAB_AUDIO : "";
    new ResizeObserver(() => this._draw()).observe(this._canvas);
    onThemeChange(() => this._draw());
  }

  open() {
    byId("live").hidden = false;
    byId("live-microphone").focus();
    byId("live").scrollIntoView({ block: "nearest" });
    this._update();
  }

  close() {
    this._session?.end();
    this._session = null;
    byId("live").hidden = true;
    byId("listen").focus();
  }

  /** @param {Source} source */
  _start(source) {
    this._session?.end();
    this._announced = null;
    const session = new LiveSession(source, this._selectedModel());
    this._session = session;
    session.addEventListener("change", () => session === this._session && this._update());
    this._update();
    session.start();
  }

  _update() {
    const session = this._session;
    const state = session?.state ?? "ready";
    const isRunning = ["starting", "listening", "paused"].includes(state);
    byId("live").dataset.state = state;
    byId("live-sources").hidden = isRunning;
    byId("live-controls").hidden = !isRunning;
    this._pauseButton.disabled = state === "starting";
    this._pauseButton.textContent = state === "paused" ? "Resume" : "Pause";
    this._showResult(session?.predictions ?? []);
    if (state !== "listening") byId("live-level", HTMLMeterElement).value = 0;
    byId("live-status").textContent = describeState(session);
    byId("live-problem").textContent = session?.problem?.message ?? "";
    this._draw();
  }

  /** @param {LivePrediction[]} predictions */
  _showResult(predictions) {
    const wasHidden = byId("live-result").hidden;
    const latest = predictions.at(-1);
    byId("live-result").hidden = !latest;
    if (!latest) return;
    this._showPrediction(latest, predictions.length === 1);
    if (wasHidden) byId("live").scrollIntoView({ block: "nearest" }); // the card has grown
  }

  /**
   * @param {LivePrediction} prediction
   * @param {boolean} isFirst - of the session.
   */
  _showPrediction(prediction, isFirst) {
    const scores = [...prediction.scores].sort((a, b) => (a.label < b.label ? -1 : 1)); // bars that swap places are hard to read
    const colours = genreColours(scores.map((score) => score.label));
    const name = headline(prediction);
    byId("live-genre").textContent = name;
    byId("live-genre").classList.toggle("is-unknown", isUnknown(prediction));
    byId("live-rule").style.background = colours.get(prediction.genre) ?? "";
    byId("live-confidence").textContent = describeConfidence(prediction);
    byId("live-level", HTMLMeterElement).value = Math.max(0, Math.min(1, 1 + prediction.level / LEVEL_RANGE));
    const bars = byId("live-bars");
    if (isFirst || !bars.firstElementChild) bars.replaceChildren(makeScoreBars(scores, colours, null));
    else updateScoreBars(bars.firstElementChild, scores);
    if (prediction.filling) return;
    if (name !== this._announced) announce(`Now ${name}`);
    this._announced = name;
  }

  _draw() {
    const predictions = this._session?.predictions ?? [];
    const latest = predictions.at(-1);
    if (!latest) return;
    const theme = currentTheme();
    const until = latest.at;
    const timeline = {
      moments: predictions.map(({ at, scores, music }) => ({
        time: at,
        scores: scoreMap(scores),
        isMusic: !isNotMusic(music),
      })),
      labels: stackedLabels(sumScores(predictions)),
      duration: Math.max(MIN_DURATION, until),
      until,
      colours: genreColours(latest.scores.map(({ label }) => label)),
    };
    const label = `Genres over ${formatTime(until)} so far; now ${headline(latest)}`;
    this._canvas.setAttribute("aria-label", label);
    paint(this._canvas, (context, { width, height }) => {
      const areas = { x: 0, y: 0, width, height: height - AXIS_HEIGHT };
      context.fillStyle = theme.tint;
      context.fillRect(areas.x, areas.y, areas.width, areas.height);
      clipRounded(context, areas, 3, () => drawTimeline(context, areas, timeline, theme));
      drawTimeAxis(context, { ...areas, y: areas.height + 4 }, timeline.duration, theme);
    });
  }
}

/**
 * Describe the state of a session, if there is one.
 *
 * @param {LiveSession|null} session
 */
function describeState(session) {
  if (!session) return "Play music near this computer, or share the audio of another tab.";
  const { predictions, source, state } = session;
  const latest = predictions.at(-1);
  const time = formatTime(latest?.at ?? 0);
  if (state === "starting") return source === "tab" ? "Choose a tab to share." : "Waiting for the microphone.";
  if (state === "paused") return `Paused at ${time}.`;
  if (state === "ended") return latest ? `Stopped at ${time}.` : "";
  if (!latest) return "Listening.";
  if (latest.missed > 0) return `${time} – the server is overloaded and skips some audio.`;
  const recent = predictions.slice(-QUIET_COUNT);
  if (recent.length === QUIET_COUNT && recent.every(({ level }) => level < QUIET_LEVEL))
    return `${time} – hardly any signal. Is the input muted?`;
  return latest.filling ? `${time} – first results are approximate.` : time;
}

/**
 * Describe the confidence of the latest windows; unlike a track's confidence, it changes too often for a level in words.
 *
 * @param {LivePrediction} prediction
 */
function describeConfidence(prediction) {
  if (!isUnknown(prediction)) return `Confidence ${percent(prediction.confidence)}`;
  return isNotMusic(prediction.music) ? "Probably not music." : "Confidence too low to name a genre.";
}

/**
 * Sum the scores of all predictions by label, from the highest to the lowest.
 *
 * @param {LivePrediction[]} predictions
 * @returns {Score[]}
 */
function sumScores(predictions) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { scores } of predictions)
    for (const { label, score } of scores) sums.set(label, (sums.get(label) ?? 0) + score);
  return [...sums].map(([label, score]) => ({ label, score })).sort((a, b) => b.score - a.score);
}
