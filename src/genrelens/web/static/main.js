/** The page: brings its parts together. */

import { showCard } from "./about.js";
import { listModels } from "./api.js";
import { Comparison } from "./compare.js";
import { announce, byId, make, wantsCalm } from "./dom.js";
import { acceptDrops, audible } from "./drop.js";
import { Entry } from "./entry.js";
import { Live } from "./live.js";
import { playSample } from "./sample.js";
import { count } from "./words.js";

const comparison = new Comparison();
const entries = new Set();

/** Have files judged; the newest stand first. */
function take(files) {
  if (!files.length) {
    announce("There is no audio in that.");
    return;
  }
  const fresh = files.map((file) => new Entry(file, chosenModel(), hooks));
  for (const entry of fresh) entries.add(entry);
  byId("results").prepend(...fresh.map((entry) => entry.element));
  for (const entry of fresh) entry.start();
  showCompares();
  announce(`${count(fresh.length, "file")} to listen to`);
  fresh[0].element.scrollIntoView({ block: "start", behavior: wantsCalm() ? "auto" : "smooth" });
}

const hooks = {
  onjudged(entry) {
    comparison.drop(entry); // what it showed is no longer so
    showCompares();
  },
  oncompare: (entry) => comparison.toggle(entry),
  onremoved(entry) {
    comparison.drop(entry);
    entries.delete(entry);
    showCompares();
    (byId("results").querySelector("article") ?? byId("choose")).focus();
  },
};

/** There must be two before any can be compared. */
function showCompares() {
  const judged = [...entries].filter((entry) => entry.track);
  for (const entry of judged) entry.offerComparison(judged.length > 1);
}

/** None while the models are not known yet: then the server asks its default one. */
const chosenModel = () => byId("model").value || null;

async function offerModels() {
  const field = byId("model");
  try {
    const models = await listModels();
    field.replaceChildren(...models.map(({ name }) => make("option", { value: name }, name)));
    field.closest("label").hidden = models.length < 2;
    byId("about").disabled = false;
    byId("problem").hidden = true;
  } catch (problem) {
    byId("problem-words").textContent = problem.message;
    byId("problem").hidden = false;
  }
}

function chooseFiles(field) {
  field.onchange = () => {
    const files = [...field.files];
    take(field.webkitdirectory ? audible(files) : files);
    field.value = "";
  };
  return () => field.click();
}

byId("choose").onclick = chooseFiles(byId("files"));
byId("choose-folder").onclick = chooseFiles(byId("folder"));
byId("about").onclick = () => showCard(chosenModel());
byId("about-close").onclick = () => byId("about-dialog").close();
byId("problem-again").onclick = offerModels;
byId("sample").onclick = async ({ currentTarget: button }) => {
  button.disabled = true;
  take([await playSample()]);
  button.disabled = false;
};
acceptDrops(byId("drop"), take);
const live = new Live(chosenModel);
byId("listen").onclick = () => live.open();
offerModels();
