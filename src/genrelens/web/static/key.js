/** The API key, where the server wants one: asked for once, kept until the tab is closed. */

import { byId } from "./dom.js";

const PLACE = "genrelens-key";

let asking = null;

export const storedKey = () => sessionStorage.getItem(PLACE);

/**
 * Ask for a key. Who asks meanwhile waits for the same answer.
 *
 * @param {string|null} refused - a key that the server did not take.
 * @returns {Promise<boolean>} whether there is one now.
 */
export function askForKey(refused) {
  if (storedKey() !== refused) return Promise.resolve(true); // another was given meanwhile
  asking ??= shown(refused !== null).finally(() => (asking = null));
  return asking;
}

function shown(wasRefused) {
  const dialog = byId("key-dialog");
  const field = byId("key-field");
  byId("key-refused").hidden = !wasRefused;
  field.value = "";
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use" && field.value.trim();
      if (given) sessionStorage.setItem(PLACE, given);
      field.value = "";
      resolve(Boolean(given));
    }, { once: true });
    dialog.showModal();
  });
}
