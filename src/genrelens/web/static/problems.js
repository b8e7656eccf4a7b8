/** What went wrong with a request, in words that say what to do. */

export class Problem extends Error {
  /**
   * @param {string} detail - a sentence for the reader.
   * @param {Object} more - `kind`, the name of an error of the server; `status`; and `retryAfter`, in seconds; as far
   *   as they are known.
   */
  constructor(detail, { kind = "", status = 0, retryAfter = 0 } = {}) {
    super(detail);
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the server asks to come again later. */
  get isPassing() {
    return this.status === 429 || this.status === 503;
  }

  /** Whether it is the model that cannot do what was asked, whatever the file. */
  get isOfModel() {
    return ["UntraceableError", "WrongInputError"].includes(this.kind);
  }

  /** The problem that a response tells of (RFC 9457), whatever stands in its body. */
  static ofResponse(status, body, retryAfter) {
    const told = parsed(body);
    const detail = told?.detail ?? `The server answered with status ${status}, and said no more.`;
    const kind = told?.type?.split(":").at(-1) ?? "";
    return new Problem(sentence(detail), { kind, status, retryAfter: Number(retryAfter) || 1 });
  }

  /** The problem that stands in the place of a result. */
  static ofFailure(failure) {
    return new Problem(sentence(failure.error.message), { kind: failure.error.type, status: failure.status });
  }
}

/** As a sentence begins and ends. */
export function sentence(text) {
  const whole = text.trim();
  const isName = /^\S+\.\w{2,5}\b/.test(whole); // of a file, which keeps its letters
  const begun = isName ? whole : whole.charAt(0).toUpperCase() + whole.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
