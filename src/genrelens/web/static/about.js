/** What a model is, from its card. */

import { readCard } from "./api.js";
import { byId, make } from "./dom.js";
import { genreName, listed, percent } from "./words.js";

const SHARES = /accuracy|F1|precision|recall|area|auc/i; // metrics that are told as percentages

/** Show the card of a model. */
export async function showCard(name) {
  const body = byId("about-body");
  byId("about-title").textContent = name;
  body.replaceChildren(make("p", {}, "Asking the server"));
  byId("about-dialog").showModal();
  try {
    body.replaceChildren(...told(await readCard(name)));
  } catch (problem) {
    body.replaceChildren(make("p", { class: "problem", role: "alert" }, problem.message));
  }
}

function told(card) {
  const sound = card.input.window ? `Windows of ${seconds(card.input.window)}, one each ${seconds(card.input.hop)}` : "Pictures";
  const { training } = card;
  const facts = {
    "It tells": listed(card.labels.map(genreName)),
    "It hears": sound,
    "It learnt from": `${training.data}, ${training.split}, ${training.tracks} tracks (${training.date})`,
    Size: `${(card.parameters / 1e6).toLocaleString("en", { maximumSignificantDigits: 2 })} million weights`,
    Licence: card.licence,
    Version: card.version,
  };
  const terms = Object.entries(facts).flatMap(([term, fact]) => [make("dt", {}, term), make("dd", {}, fact)]);
  return [
    make("p", { class: "about-summary" }, card.summary),
    make("dl", {}, ...terms),
    card.figures?.length ? figures(card.figures) : null,
  ].filter(Boolean);
}

function figures(all) {
  const rows = all.map((figure) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, figure.metric),
      make("td", { class: "value" }, `${shown(figure, figure.value)} (${shown(figure, figure.low)} to ${shown(figure, figure.high)})`),
      make("td", {}, `${figure.data}, ${figure.split}, ${figure.tracks} tracks, ${figure.protocol}`),
    ),
  );
  return make(
    "div",
    { class: "table-box", tabindex: "0", role: "region", "aria-label": "How good it is" },
    make(
      "table",
      {},
      make("caption", {}, "How good it is, with the range that holds the truth in 95 of 100 cases"),
      make("thead", {}, make("tr", {}, ...["Measure", "Value", "Measured on"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows),
    ),
  );
}

const shown = ({ metric }, value) => (SHARES.test(metric) ? percent(value) : value.toFixed(3));
const seconds = (value) => `${Number(value.toFixed(1))} s`;
