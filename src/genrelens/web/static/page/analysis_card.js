/** Card of one file: queued, uploading, analysed or failed. */

import { predict } from "../lib/api.js";
import { announce, make, newId } from "../lib/dom.js";
import { describeConfidence, headline, percent } from "../lib/format.js";
import { enqueue } from "../lib/job_queue.js";
import { Problem, messageOf } from "../lib/problems.js";
import { makeResultView } from "./result_view.js";
import { Track } from "./track.js";

/** @typedef {import("./result_view.js").ResultView} ResultView */

/**
 * @typedef {Object} CardHooks
 * @property {(card: AnalysisCard) => void} onresult
 * @property {(card: AnalysisCard) => void} oncompare
 * @property {(card: AnalysisCard) => void} onremove
 */

/** @typedef {"cam"|"occlusion"|null} Method - how to explain the prediction, if at all. */

const MAX_ATTEMPTS = 6; // while the server is busy
const UNEXPECTED = "Unexpected error on this page. Please report it:";

/** Models that only occlusion can explain. @type {Set<string|null>} */
const untraceableModels = new Set();

export class AnalysisCard {
  /**
   * @param {File} file
   * @param {string|null} model - null for the server's default.
   * @param {CardHooks} hooks
   */
  constructor(file, model, hooks) {
    this.file = file;
    /** @type {Track|null} */
    this.track = null;
    this._model = model;
    this._hooks = hooks;
    this._removal = new AbortController();
    /** @type {ResultView|null} */
    this._view = null;
    this._body = make("div", { class: "card-body" });
    this._compareButton = make("button", {
      type: "button",
      class: "quiet",
      "aria-pressed": "false",
      hidden: true,
      onclick: () => hooks.oncompare(this),
    }, "Compare");
    this.element = this._makeElement();
  }

  /**
   * Queue the analysis.
   *
   * @param {Method} method
   */
  start(method = untraceableModels.has(this._model) ? null : "cam") {
    this._showProgress("Waiting in the queue", 0);
    enqueue(() => this._analyse(method));
  }

  /** @param {boolean} isShown */
  showCompareButton(isShown) {
    this._compareButton.hidden = !isShown;
  }

  /** @param {boolean} isCompared */
  markCompared(isCompared) {
    this._compareButton.setAttribute("aria-pressed", String(isCompared));
  }

  remove() {
    this._removal.abort(new DOMException("the card was removed", "AbortError"));
    this._view?.close();
    this.element.remove();
    this._hooks.onremove(this);
  }

  _makeElement() {
    const title = newId("title");
    const removeButton = make("button", {
      type: "button",
      class: "quiet",
      "aria-label": `Remove ${this.file.name}`,
      onclick: () => this.remove(),
    }, "Remove");
    return make(
      "article",
      { class: "card analysis-card", "aria-labelledby": title, tabindex: "-1" },
      make(
        "header",
        { class: "card-header" },
        make("h2", { id: title, class: "card-name" }, this.file.name),
        make("div", { class: "card-actions" }, this._compareButton, removeButton),
      ),
      this._body,
    );
  }

  /**
   * @param {Method} method
   * @returns {Promise<void>}
   */
  async _analyse(method) {
    try {
      this._showResult(await this._predict(method));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (error instanceof Problem && error.isUnsupportedByModel && method === "cam") {
        untraceableModels.add(this._model);
        await this._analyse(null);
      } else this._showProblem(error);
    }
  }

  /**
   * Request the prediction, repeatedly while the server is busy.
   *
   * @param {Method} method
   * @returns {Promise<Prediction>}
   */
  async _predict(method) {
    const model = this._model && { model: this._model };
    const query = { windows: "all", ...model, ...(method && { explain: method }) };
    for (let attempt = 1; ; attempt++) {
      try {
        this._removal.signal.throwIfAborted();
        return await predict(this.file, query, this._uploadHooks(method));
      } catch (error) {
        if (!(error instanceof Problem) || !error.isTransient || attempt === MAX_ATTEMPTS) throw error;
        const { retryAfter } = error;
        this._showProgress(`The server is busy; retrying in ${retryAfter} s`, null);
        await new Promise((resolve) => setTimeout(resolve, 1000 * retryAfter));
      }
    }
  }

  /** @param {Method} method */
  _uploadHooks(method) {
    const analysing = method === "occlusion" ? "Analysing repeatedly, each time with a part left out" : "Analysing";
    return {
      signal: this._removal.signal,
      onupload: (/** @type {number} */ share) => this._showProgress(`Uploading, ${percent(share)}`, share),
      onanalysis: () => this._showProgress(analysing, null),
    };
  }

  /**
   * @param {string} text
   * @param {number|null} share - 0 to 1, or null if it cannot be measured.
   */
  _showProgress(text, share) {
    let bar = this._body.querySelector("progress");
    let label = this._body.querySelector(".progress-text");
    if (!bar || !label) {
      const id = newId("progress");
      bar = make("progress", { max: "1", "aria-labelledby": id });
      label = make("p", { class: "progress-text", id });
      this._body.replaceChildren(label, bar);
    }
    label.textContent = text;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }

  /** @param {Prediction} prediction */
  _showResult(prediction) {
    this._view?.close();
    this.track = new Track(this.file, prediction);
    const explain = this.track.attributions.size ? null : () => this.start("occlusion");
    this._view = makeResultView(this.track, explain);
    this._body.replaceChildren(this._view.element);
    announce(`${this.file.name}: ${headline(prediction)}. ${describeConfidence(prediction)}`);
    this._hooks.onresult(this);
  }

  /** @param {unknown} error */
  _showProblem(error) {
    const isExpected = error instanceof Problem;
    if (!isExpected) console.error(error);
    this._body.replaceChildren(
      make("p", { class: "problem", role: "alert" }, isExpected ? error.message : `${UNEXPECTED} ${messageOf(error)}`),
      make("button", { type: "button", class: "quiet", onclick: () => this.start() }, "Try again"),
    );
  }
}
