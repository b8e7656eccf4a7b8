/** Client of the REST API. */

import { requestKey, storedKey } from "./api_key.js";
import { Problem } from "./problems.js";

/**
 * @typedef {Object} UploadHooks
 * @property {AbortSignal} signal - cancels the request.
 * @property {(share: number) => void} onupload - progress of the upload, 0 to 1.
 * @property {() => void} onanalysis - the file has been uploaded.
 */

const UNREACHABLE =
  "The server is not responding. It may have stopped, or the network may be down. Try again later.";
const INTERRUPTED =
  "The connection was lost during the upload. The server may have stopped, or the file may be too large. Try again, or upload a shorter excerpt.";
const KEY_REQUIRED = "This server requires an API key. Try again and enter one.";

/**
 * List the models of the server, the default first.
 *
 * @returns {Promise<ModelSummary[]>}
 */
export const listModels = async () => (await get("v1/models", readJson)).models;

/**
 * Read a model card.
 *
 * @param {string} name
 * @returns {Promise<Card>}
 */
export const readCard = (name) => get(`v1/models/${encodeURIComponent(name)}`, readJson);

/**
 * Read all tracks of the library.
 *
 * @returns {Promise<LibraryColumns>}
 */
export const readLibrary = () => get("v1/library/map", readJson);

/**
 * List the tracks most similar to another one.
 *
 * @param {number} id
 * @returns {Promise<SimilarTrack[]>}
 */
export const readSimilar = async (id) => (await get(`v1/library/tracks/${id}/similar`, readJson)).tracks;

/**
 * Return a URL from which a track can be played. Audio elements cannot send a key: where one is required, this
 * downloads the whole file into an object URL, which the caller revokes.
 *
 * @param {number} id
 * @param {AbortSignal} signal - cancels the download.
 */
export async function audioUrl(id, signal) {
  const url = `v1/library/tracks/${id}/audio`;
  if (!storedKey()) return url;
  return URL.createObjectURL(await get(url, (response) => response.blob(), signal));
}

/**
 * Analyse a file.
 *
 * @param {File} file
 * @param {Record<string, string>} query - parameters of `POST /v1/predictions`.
 * @param {UploadHooks} hooks
 * @returns {Promise<Prediction>}
 * @throws {Problem} the file is unusable, or the request failed.
 */
export function predict(file, query, hooks) {
  return withKey(async (key) => {
    const { results } = await upload(`v1/predictions?${new URLSearchParams(query)}`, file, key, hooks);
    const [result] = results;
    if ("error" in result) throw Problem.fromFailure(result);
    return result;
  });
}

/**
 * @template Body
 * @param {string} path
 * @param {(response: Response) => Promise<Body>} read
 * @param {AbortSignal|null} signal
 * @returns {Promise<Body>}
 */
function get(path, read, signal = null) {
  return withKey(async (key) => {
    try {
      const response = await fetch(path, { headers: authorization(key), signal });
      if (response.ok) return await read(response);
      throw Problem.fromResponse(response.status, await response.text(), response.headers.get("retry-after"));
    } catch (error) {
      if (error instanceof Problem || signal?.aborted) throw error;
      throw new Problem(UNREACHABLE);
    }
  });
}

/** @param {Response} response */
const readJson = (response) => response.json();

/**
 * Send a request with the stored key, requesting another one as long as the server rejects it.
 *
 * @template Body
 * @param {(key: string|null) => Promise<Body>} request
 * @returns {Promise<Body>}
 */
async function withKey(request) {
  for (;;) {
    const key = storedKey();
    try {
      return await request(key);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      if (!(await requestKey(key))) throw new Problem(KEY_REQUIRED, { status: 401 });
    }
  }
}

/**
 * @param {string|null} key
 * @returns {Record<string, string>}
 */
const authorization = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/**
 * Upload a file with XMLHttpRequest, since `fetch` does not report upload progress.
 *
 * @param {string} path
 * @param {File} file
 * @param {string|null} key
 * @param {UploadHooks} hooks
 * @returns {Promise<{results: (Prediction|Failure)[]}>}
 */
function upload(path, file, key, { onupload, onanalysis, signal }) {
  const form = new FormData();
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(authorization(key))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onupload(event.loaded / event.total);
    let isUploaded = false;
    request.upload.onload = () => {
      isUploaded = true;
      onanalysis();
    };
    request.onerror = () => reject(new Problem(isUploaded ? UNREACHABLE : INTERRUPTED));
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText));
      else reject(Problem.fromResponse(request.status, request.responseText, request.getResponseHeader("retry-after")));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
