/** Entry point of the analysis page. */

import { listModels } from "../lib/api.js";
import { announce, byId, make, prefersReducedMotion } from "../lib/dom.js";
import { acceptDrops, withoutNonAudio } from "../lib/drop_zone.js";
import { count } from "../lib/format.js";
import { messageOf } from "../lib/problems.js";
import { LiveView } from "../live/live_view.js";
import { AnalysisCard } from "./analysis_card.js";
import { Comparison } from "./comparison.js";
import { showModel } from "./model_dialog.js";
import { renderSample } from "./sample.js";

const comparison = new Comparison();
/** @type {Set<AnalysisCard>} */
const cards = new Set();

/** @type {import("./analysis_card.js").CardHooks} */
const hooks = {
  onresult(card) {
    comparison.remove(card); // it shows an outdated result
    updateCompareButtons();
  },
  oncompare: (card) => comparison.toggle(card),
  onremove(card) {
    comparison.remove(card);
    cards.delete(card);
    updateCompareButtons();
    (byId("results").querySelector("article") ?? byId("choose")).focus();
  },
};

/**
 * Analyse files, whose cards are added above the others.
 *
 * @param {File[]} files
 */
function analyse(files) {
  if (!files.length) {
    announce("No audio files found.");
    return;
  }
  const added = files.map((file) => new AnalysisCard(file, selectedModel(), hooks));
  for (const card of added) cards.add(card);
  byId("results").prepend(...added.map((card) => card.element));
  for (const card of added) card.start();
  updateCompareButtons();
  announce(`Analysing ${count(added.length, "file")}`);
  added[0].element.scrollIntoView({ block: "start", behavior: prefersReducedMotion() ? "auto" : "smooth" });
}

/** Offer the comparison once there are two results. */
function updateCompareButtons() {
  const finished = [...cards].filter((card) => card.track);
  for (const card of finished) card.showCompareButton(finished.length > 1);
}

const modelField = byId("model", HTMLSelectElement);

/** Return the selected model; null, for the server's default, until the models are listed. */
const selectedModel = () => modelField.value || null;

async function loadModels() {
  try {
    const models = await listModels();
    modelField.replaceChildren(...models.map(({ name }) => make("option", { value: name }, name)));
    byId("model-choice").hidden = models.length < 2;
    byId("about", HTMLButtonElement).disabled = false;
    byId("problem").hidden = true;
  } catch (error) {
    byId("problem-text").textContent = messageOf(error);
    byId("problem").hidden = false;
  }
}

/**
 * Make a button open a file picker.
 *
 * @param {string} button - id.
 * @param {string} field - id of the file input.
 */
function openPicker(button, field) {
  const input = byId(field, HTMLInputElement);
  input.onchange = () => {
    const files = [...(input.files ?? [])];
    analyse(input.webkitdirectory ? withoutNonAudio(files) : files);
    input.value = "";
  };
  byId(button).onclick = () => input.click();
}

openPicker("choose", "files");
openPicker("choose-folder", "folder");
byId("about").onclick = () => showModel(modelField.value);
byId("about-close").onclick = () => byId("about-dialog", HTMLDialogElement).close();
byId("problem-retry").onclick = loadModels;
const sampleButton = byId("sample", HTMLButtonElement);
sampleButton.onclick = async () => {
  sampleButton.disabled = true;
  analyse([await renderSample()]);
  sampleButton.disabled = false;
};
acceptDrops(byId("drop"), analyse);
const live = new LiveView(selectedModel);
byId("listen").onclick = () => live.open();
loadModels();
