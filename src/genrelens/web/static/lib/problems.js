/** Errors with a message for the user that ends in a remedy. */

export class Problem extends Error {
  /**
   * @param {string} detail - sentence for the user.
   * @param {Object} [context]
   * @param {string} [context.kind] - class name of a server error.
   * @param {number} [context.status] - HTTP status.
   * @param {number} [context.retryAfter] - in seconds.
   */
  constructor(detail, { kind = "", status = 0, retryAfter = 0 } = {}) {
    super(detail);
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get isTransient() {
    return this.status === 429 || this.status === 503;
  }

  /** Whether the model does not support the request, whatever the file. */
  get isUnsupportedByModel() {
    return ["UntraceableError", "WrongInputError"].includes(this.kind);
  }

  /**
   * Return the problem that an error response describes (RFC 9457), even if its body is something else.
   *
   * @param {number} status
   * @param {string} body
   * @param {string|null} retryAfter - value of the Retry-After header.
   */
  static fromResponse(status, body, retryAfter) {
    const details = parseDetails(body);
    const detail = details?.detail ?? `The server returned status ${status} without an explanation.`;
    const kind = details?.type?.split(":").at(-1) ?? "";
    return new Problem(toSentence(detail), { kind, status, retryAfter: Number(retryAfter) || 1 });
  }

  /**
   * Return the problem of a failed file.
   *
   * @param {Failure} failure
   */
  static fromFailure(failure) {
    return new Problem(toSentence(failure.error.message), { kind: failure.error.type, status: failure.status });
  }
}

/**
 * Return the message of anything that was thrown.
 *
 * @param {unknown} error
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Capitalise a text and end it with a full stop.
 *
 * @param {string} text
 */
export function toSentence(text) {
  const trimmed = text.trim();
  const startsWithFileName = /^\S+\.\w{2,5}\b/.test(trimmed); // whose case must not change
  const capitalised = startsWithFileName ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capitalised) ? capitalised : `${capitalised}.`;
}

/**
 * @param {string} body
 * @returns {Partial<ProblemDetails>|null}
 */
function parseDetails(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
