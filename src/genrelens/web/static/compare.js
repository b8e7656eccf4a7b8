/** Two tracks side by side: their genres over time, and how probable each genre is of either. */

import { byId, make } from "./dom.js";
import { lanesOf } from "./lanes.js";
import { Score } from "./score.js";
import { makeTransport } from "./transport.js";
import { genreName, headline, isUnknown, percent, sureness } from "./words.js";

const MOST_ROWS = 12;
const SAME = 0.05; // a difference that is not worth a word

export class Comparison {
  constructor() {
    this._entries = [];
    this._scores = [];
    byId("comparison-close").onclick = () => {
      const [first] = this._entries;
      this._set([]);
      first.element.focus();
    };
  }

  /** Add an entry, or take it out again; of three, the first one goes. */
  toggle(entry) {
    if (this._entries.includes(entry)) this.drop(entry);
    else this._set([...this._entries, entry].slice(-2));
  }

  /** Take an entry out, if it is in. */
  drop(entry) {
    if (this._entries.includes(entry)) this._set(this._entries.filter((other) => other !== entry));
  }

  _set(entries) {
    for (const entry of this._entries) entry.markCompared(false);
    for (const entry of entries) entry.markCompared(true);
    this._entries = entries;
    this._show();
  }

  _show() {
    const section = byId("comparison");
    const body = byId("comparison-body");
    for (const score of this._scores) score.close();
    this._scores = [];
    section.hidden = !this._entries.length;
    if (this._entries.length === 1) {
      body.replaceChildren(make("p", {}, `${this._entries[0].file.name} – choose “Compare” at another file, too.`));
    } else if (this._entries.length === 2) {
      const tracks = this._entries.map((entry) => entry.track);
      body.replaceChildren(
        make("div", { class: "pair" }, ...tracks.map((track) => this._side(track))),
        make("p", { class: "pair-words" }, difference(...tracks)),
        butterfly(...tracks),
      );
      section.scrollIntoView({ block: "nearest" });
    }
  }

  _side(track) {
    return make(
      "div",
      { class: "side" },
      make("h3", { class: "entry-name" }, track.name),
      make("p", { class: "genre" }, headline(track.result)),
      make("p", { class: "sureness" }, sureness(track.result)),
      ...(track.isHeard ? [makeTransport(track), this._score(track)] : []),
    );
  }

  _score(track) {
    const lanes = lanesOf(track).filter((lane) => ["wave", "genres", "axis"].includes(lane.kind));
    const score = new Score(lanes, track.player, track.name, (time) => track.readout(time));
    this._scores.push(score);
    return score.element;
  }
}

/** What tells two tracks apart, in a sentence. */
function difference(one, other) {
  const shares = sharesOf(other);
  const gaps = one.result.scores
    .filter(({ label }) => shares.has(label))
    .map(({ label, score }) => ({ label, gap: score - shares.get(label) }))
    .sort((a, b) => Math.abs(b.gap) - Math.abs(a.gap));
  const same = one.result.genre === other.result.genre && !isUnknown(one.result);
  const begin = same ? `Both are ${headline(one.result)}. ` : "";
  if (!gaps.length) return `${begin}They were judged by models that know different genres.`;
  if (Math.abs(gaps[0].gap) < SAME) return `${begin}The model hears hardly any difference.`;
  const { label, gap } = gaps[0];
  const points = Math.round(100 * Math.abs(gap));
  return `${begin}They differ most in ${genreName(label)}: ${points} points more in ${(gap > 0 ? one : other).name}.`;
}

/** Bars to the left for the one, to the right for the other, and the genres between them. */
function butterfly(one, other) {
  const shares = sharesOf(other);
  const most = ({ label, score }) => Math.max(score, shares.get(label) ?? 0);
  const rows = [...one.result.scores].sort((a, b) => most(b) - most(a)).slice(0, MOST_ROWS);
  return make(
    "table",
    { class: "butterfly" },
    make("caption", { class: "unseen" }, "How probable each genre is"),
    make("colgroup", {}, make("col"), make("col", { class: "butterfly-names" }), make("col")),
    make("thead", { class: "unseen" }, make("tr", {}, ...[one.name, "Genre", other.name].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map(({ label, score }) =>
      make(
        "tr",
        {},
        make("td", {}, wing("left", score, one.colours.get(label))),
        make("th", { scope: "row" }, genreName(label)),
        make("td", {}, wing("right", shares.get(label) ?? 0, one.colours.get(label))),
      ),
    )),
  );
}

function wing(side, score, colour) {
  const bar = make("span", { class: "wing-bar", "aria-hidden": "true" });
  bar.style.width = `${70 * score}%`;
  bar.style.background = colour;
  return make("div", { class: `wing wing-${side}` }, bar, make("span", {}, percent(score)));
}

const sharesOf = (track) => new Map(track.result.scores.map(({ label, score }) => [label, score]));
