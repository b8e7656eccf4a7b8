/** A result as a file to keep: its JSON, or a picture of it. */

import { paintSheet } from "./picture.js";

const ADDRESS_LASTS = 60_000; // ms

/** Save the answer of the server as it is. */
export function downloadJson(track) {
  save(new Blob([`${JSON.stringify(track.result, null, 1)}\n`], { type: "application/json" }), track.name, "json");
}

/** Save a picture of what the page shows. */
export async function downloadPicture(track) {
  save(await paintSheet(track).convertToBlob({ type: "image/png" }), track.name, "png");
}

function save(blob, name, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/\.[^.]*$/, "")}.genre.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), ADDRESS_LASTS);
}
