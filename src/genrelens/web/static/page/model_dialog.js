/** Dialog about a model, made from its card. */

import { readCard } from "../lib/api.js";
import { byId, make } from "../lib/dom.js";
import { formatSeconds, joinList, percent } from "../lib/format.js";
import { displayGenre } from "../lib/genres.js";
import { messageOf } from "../lib/problems.js";

const PERCENTAGES = /accuracy|F1|precision|recall|area|auc/i; // metrics that are shown as percentages

/**
 * Show the card of a model.
 *
 * @param {string} name
 */
export async function showModel(name) {
  const body = byId("about-body");
  byId("about-title").textContent = name;
  body.replaceChildren(make("p", {}, "Loading…"));
  byId("about-dialog", HTMLDialogElement).showModal();
  try {
    body.replaceChildren(...renderCard(await readCard(name)));
  } catch (error) {
    body.replaceChildren(make("p", { class: "problem", role: "alert" }, messageOf(error)));
  }
}

/** @param {Card} card */
function renderCard(card) {
  const { training } = card;
  const facts = {
    Genres: joinList(card.labels.map(displayGenre)),
    Input: describeInput(card.input),
    "Training data": `${training.data}, ${training.split}, ${training.tracks} tracks (${training.date})`,
    Size: `${(card.parameters / 1e6).toLocaleString("en", { maximumSignificantDigits: 2 })} million parameters`,
    Licence: card.licence,
    Version: card.version,
  };
  const items = Object.entries(facts).flatMap(([term, fact]) => [make("dt", {}, term), make("dd", {}, fact)]);
  const parts = [make("p", { class: "model-summary" }, card.summary), make("dl", {}, ...items)];
  return card.figures?.length ? [...parts, renderFigures(card.figures)] : parts;
}

/** @param {Card["input"]} input */
function describeInput({ window, hop }) {
  if (!window || !hop) return "Pictures of spectrograms";
  return `Audio in windows of ${formatSeconds(window)}, one every ${formatSeconds(hop)}`;
}

/** @param {Figure[]} figures */
function renderFigures(figures) {
  const rows = figures.map((figure) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, figure.metric),
      make("td", { class: "value" }, formatFigure(figure)),
      make("td", {}, `${figure.data}, ${figure.split}, ${figure.tracks} tracks, ${figure.protocol}`),
    ),
  );
  const names = ["Metric", "Value", "Evaluated on"];
  return make(
    "div",
    { class: "table-box", tabindex: "0", role: "region", "aria-label": "Evaluation results" },
    make(
      "table",
      {},
      make("caption", {}, "Evaluation results with 95 % confidence intervals"),
      make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows),
    ),
  );
}

/** @param {Figure} figure */
function formatFigure({ metric, value, low, high }) {
  const [middle, from, to] = [value, low, high].map((one) =>
    PERCENTAGES.test(metric) ? percent(one) : one.toFixed(3),
  );
  return `${middle} (${from} to ${to})`;
}
