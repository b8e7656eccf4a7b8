/** The REST API of the server that the page came from. */

import { askForKey, storedKey } from "./key.js";
import { Problem } from "./problems.js";

const GONE = "The server does not answer. It may have ended, or the network is down; try again when it is back.";
const BROKEN =
  "The connection broke while the file was sent. The server may have ended, or takes only smaller files; try again, or send a part of it.";
const WANTS_KEY = "This server wants an API key. Try again and give one.";

/** The models that can be asked, the default first. */
export const listModels = async () => (await get("v1/models")).models;

/** All that is known of a model. */
export const readCard = (name) => get(`v1/models/${encodeURIComponent(name)}`);

/** All tracks of the library, in columns. */
export const readLibrary = () => get("v1/library/map");

/** The tracks that are most like another one. */
export const readSimilar = async (id) => (await get(`v1/library/tracks/${id}/similar`)).tracks;

/**
 * An address from which a track can be heard; where a key is needed, which players cannot send, all of it is here, and
 * whoever asked revokes it. `signal` gives up.
 */
export async function audioAddress(id, signal) {
  const address = `v1/library/tracks/${id}/audio`;
  if (!storedKey()) return address;
  return URL.createObjectURL(await get(address, (response) => response.blob(), signal));
}

/**
 * Have a file judged.
 *
 * @param {File} file
 * @param {Object} query - of `POST /v1/predictions`.
 * @param {Object} watch - `sent(share)` while the file is sent, then `judging()`; `signal` to give up.
 * @returns {Promise<Object>} its result.
 * @throws {Problem} the file cannot be used, or the server cannot be asked.
 */
export function predict(file, query, watch) {
  return withKey(async (key) => {
    const { results } = await send(`v1/predictions?${new URLSearchParams(query)}`, formOf(file), key, watch);
    if (results[0].error) throw Problem.ofFailure(results[0]);
    return results[0];
  });
}

function get(path, read = (response) => response.json(), signal = null) {
  return withKey(async (key) => {
    try {
      const response = await fetch(path, { headers: headersFor(key), signal });
      if (response.ok) return await read(response);
      throw Problem.ofResponse(response.status, await response.text(), response.headers.get("retry-after"));
    } catch (problem) {
      if (problem instanceof Problem || signal?.aborted) throw problem;
      throw new Problem(GONE);
    }
  });
}

async function withKey(request) {
  for (;;) {
    const key = storedKey();
    try {
      return await request(key);
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      if (!(await askForKey(key))) throw new Problem(WANTS_KEY, { status: 401 });
    }
  }
}

const headersFor = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

function formOf(file) {
  const form = new FormData();
  form.append("file", file, file.name);
  return form;
}

/** By XMLHttpRequest, as `fetch` does not tell how much has been sent. */
function send(path, form, key, { sent, judging, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headersFor(key))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    let arrived = false;
    request.upload.onload = () => {
      arrived = true;
      judging();
    };
    request.onerror = () => reject(new Problem(arrived ? GONE : BROKEN));
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText));
      else reject(Problem.ofResponse(request.status, request.responseText, request.getResponseHeader("retry-after")));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
