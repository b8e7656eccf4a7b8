/** The sheet of one file: waiting, on its way, judged, or what went wrong with it. */

import { predict } from "./api.js";
import { announce, make, newId } from "./dom.js";
import { Problem } from "./problems.js";
import { enqueue } from "./queue.js";
import { makeResult } from "./result.js";
import { Track } from "./track.js";
import { headline, percent, sureness } from "./words.js";

const MOST_TRIES = 6; // where the server is busy
const AMAZED = "The page met an error of its own. Please tell its makers:";

const untraceable = new Set(); // models that are explained by occlusion alone

export class Entry {
  /**
   * @param {File} file
   * @param {string|null} model - that is asked; the default one if null.
   * @param {Object} hooks - `onjudged(entry)`, `oncompare(entry)` and `onremoved(entry)`.
   */
  constructor(file, model, hooks) {
    this.file = file;
    this.track = null;
    this._model = model;
    this._hooks = hooks;
    this._giveUp = new AbortController();
    this._view = null;
    this._body = make("div", { class: "entry-body" });
    this._compare = make("button", { type: "button", class: "quiet", "aria-pressed": "false", hidden: true,
      onclick: () => hooks.oncompare(this) }, "Compare");
    this.element = this._makeElement();
  }

  /** Have it judged when it is its turn. */
  start(explain = untraceable.has(this._model) ? null : "cam") {
    this._showStep("Waiting for its turn", 0);
    enqueue(() => this._judge(explain));
  }

  offerComparison(isOffered) {
    this._compare.hidden = !isOffered;
  }

  markCompared(isCompared) {
    this._compare.setAttribute("aria-pressed", String(isCompared));
  }

  remove() {
    this._giveUp.abort(new DOMException("removed", "AbortError"));
    this._view?.close();
    this.element.remove();
    this._hooks.onremoved(this);
  }

  _makeElement() {
    const title = newId("title");
    const remove = make("button", { type: "button", class: "quiet", "aria-label": `Remove ${this.file.name}`,
      onclick: () => this.remove() }, "Remove");
    return make(
      "article",
      { class: "sheet entry", "aria-labelledby": title, tabindex: "-1" },
      make(
        "header",
        { class: "entry-head" },
        make("h2", { id: title, class: "entry-name" }, this.file.name),
        make("div", { class: "entry-actions" }, this._compare, remove),
      ),
      this._body,
    );
  }

  async _judge(explain) {
    try {
      this._showResult(await this._ask(explain));
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (problem.isOfModel && explain === "cam") {
        untraceable.add(this._model);
        await this._judge(null);
      } else this._showProblem(problem);
    }
  }

  /** Ask, and where the server is busy, ask again when it says. */
  async _ask(explain) {
    const query = { ...(this._model && { model: this._model }), ...(explain && { explain }) };
    for (let tries = 1; ; tries++) {
      try {
        this._giveUp.signal.throwIfAborted();
        return await predict(this.file, query, this._watch(explain));
      } catch (problem) {
        if (!problem.isPassing || tries === MOST_TRIES) throw problem;
        this._showStep(`The server is busy; asking again in ${problem.retryAfter} s`, null);
        await new Promise((resolve) => setTimeout(resolve, 1000 * problem.retryAfter));
      }
    }
  }

  _watch(explain) {
    return {
      signal: this._giveUp.signal,
      sent: (share) => this._showStep(`Sending, ${percent(share)}`, share),
      judging: () => this._showStep(explain === "occlusion" ? "Listening, again and again, with parts left out" : "Listening", null),
    };
  }

  /** @param {number|null} share - done, or null if nobody knows. */
  _showStep(words, share) {
    let progress = this._body.querySelector("progress");
    if (!progress) {
      const id = newId("step");
      progress = make("progress", { max: "1", "aria-labelledby": id });
      this._body.replaceChildren(make("p", { class: "step", id }), progress);
    }
    this._body.querySelector(".step").textContent = words;
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  _showResult(result) {
    this._view?.close();
    this.track = new Track(this.file, result);
    const isUnexplained = !this.track.evidence.size;
    this._view = makeResult(this.track, isUnexplained ? () => this.start("occlusion") : null);
    this._body.replaceChildren(this._view.element);
    announce(`${this.file.name}: ${headline(result)}. ${sureness(result)}`);
    this._hooks.onjudged(this);
  }

  _showProblem(problem) {
    const words = problem instanceof Problem ? problem.message : `${AMAZED} ${problem.message}`;
    if (!(problem instanceof Problem)) console.error(problem);
    this._body.replaceChildren(
      make("p", { class: "problem", role: "alert" }, words),
      make("button", { type: "button", class: "quiet", onclick: () => this.start() }, "Try again"),
    );
  }
}
