/** The API key, if the server requires one: requested once and kept until the tab is closed. */

import { byId } from "./dom.js";

const STORAGE_KEY = "genrelens-key";

/** @type {Promise<boolean>|null} */
let pending = null;

export const storedKey = () => sessionStorage.getItem(STORAGE_KEY);

/**
 * Request a key from the user. Concurrent callers share one dialog.
 *
 * @param {string|null} rejected - key that the server rejected.
 * @returns {Promise<boolean>} whether a key is available now.
 */
export function requestKey(rejected) {
  if (storedKey() !== rejected) return Promise.resolve(true); // replaced in the meantime
  pending ??= showDialog(rejected !== null).finally(() => (pending = null));
  return pending;
}

/**
 * @param {boolean} wasRejected
 * @returns {Promise<boolean>}
 */
function showDialog(wasRejected) {
  const dialog = byId("key-dialog", HTMLDialogElement);
  const field = byId("key-field", HTMLInputElement);
  byId("key-rejected").hidden = !wasRejected;
  field.value = "";
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      const key = dialog.returnValue === "use" ? field.value.trim() : "";
      if (key) sessionStorage.setItem(STORAGE_KEY, key);
      field.value = "";
      resolve(Boolean(key));
    }, { once: true });
    dialog.showModal();
  });
}
