/** Files and folders that are dropped anywhere on the page. */

/**
 * @param {Element} zone - that shows that files may be dropped, by its class "is-over".
 * @param {function(File[])} take
 */
export function acceptDrops(zone, take) {
  let inside = 0; // elements that the pointer has entered and not left
  const show = () => zone.classList.toggle("is-over", inside > 0);
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    inside += 1;
    show();
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    inside = Math.max(0, inside - 1);
    show();
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    inside = 0;
    show();
    take(await filesOf(event.dataTransfer));
  });
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** Entries must be taken at once: they are gone when the event is over. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesBelow))).flat();
}

async function filesBelow(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // 100 at most
    if (!some.length) break;
    entries.push(...some);
  }
  return audible((await Promise.all(entries.map(filesBelow))).flat());
}

/** Of a folder's files those that may have sound: covers, texts and hidden files are not worth an error each. */
export const audible = (files) =>
  files.filter((file) => !file.name.startsWith(".") && !/^(image|text|application\/(pdf|json|xml))/.test(file.type));
