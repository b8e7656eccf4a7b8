/** Files and folders dropped anywhere on the page. */

/**
 * Accept drops on the whole page.
 *
 * @param {Element} zone - gets the class "is-dragging" while files are dragged over the page.
 * @param {(files: File[]) => void} onfiles
 */
export function acceptDrops(zone, onfiles) {
  let depth = 0; // elements that the pointer has entered and not left
  const update = () => zone.classList.toggle("is-dragging", depth > 0);
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    update();
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    update();
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", async (event) => {
    const transfer = event.dataTransfer;
    if (!transfer || !hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    update();
    onfiles(await readDrop(transfer));
  });
}

/** @param {DragEvent} event */
const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;

/**
 * Return all dropped files, including those in folders. The entries must be taken before the event ends.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
async function readDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(readEntry))).flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function readEntry(entry) {
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((resolve, reject) => file.file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const entries = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100
    if (!batch.length) break;
    entries.push(...batch);
  }
  return withoutNonAudio((await Promise.all(entries.map(readEntry))).flat());
}

/**
 * Filter out cover images, documents and hidden files from the files of a folder, which would only produce errors.
 *
 * @param {File[]} files
 */
export const withoutNonAudio = (files) =>
  files.filter((file) => !file.name.startsWith(".") && !/^(image|text|application\/(pdf|json|xml))/.test(file.type));
