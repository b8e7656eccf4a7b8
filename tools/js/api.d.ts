/** JSON records of the REST API and of the live WebSocket. The OpenAPI document and docs/live.md specify them. */

interface Score {
  /** Machine label of a genre, such as "hiphop" or "Rock---Metal". */
  label: string;
  /** Probability, 0 to 1. */
  score: number;
}

/** The part that predictions for files and for live audio share. */
interface Classification {
  /** Predicted label, or "unknown". */
  genre: string;
  /** All predicted labels. */
  genres: string[];
  /** Probability of the predicted genre, 0 to 1. */
  confidence: number;
  /** Probability that the audio is music; null if the model does not estimate it. */
  music?: number | null;
  /** From the most to the least probable. */
  scores: Score[];
}

/** One window of a track; `start` and `end` in seconds. */
interface Segment {
  start: number;
  end: number;
  scores: Score[];
  music?: number | null;
}

interface Prediction extends Classification {
  /** File name sent by the client. */
  path: string;
  /** Empty for a model that classifies pictures. */
  segments: Segment[];
  /** In seconds. */
  duration: number;
  model: string;
  version: string;
  warnings: string[];
  spectrogram?: Spectrogram | null;
  explanations?: Explanation[] | null;
}

/** Takes the place of a prediction for an unusable file. */
interface Failure {
  path: string;
  error: { type: string; message: string };
  /** HTTP status that a request for this file alone would have. */
  status: number;
}

/** Contribution of each place of a track to the score of a genre. */
interface Explanation {
  genre: string;
  method: "cam" | "occlusion";
  /** Column edges in seconds. */
  times: number[];
  /** Row edges in Hz, ascending. */
  bands: number[];
  /** Logits, shape (rows, columns), lowest band first. */
  evidence: number[][];
}

/** Log-mel spectrogram of a track. */
interface Spectrogram {
  /** Column edges in seconds. */
  times: number[];
  /** Row edges in Hz, ascending. */
  bands: number[];
  /** Base64 of uint8, shape (rows, columns), lowest band first; 255 is the maximum. */
  levels: string;
}

interface ModelSummary {
  name: string;
  summary: string;
  default: boolean;
}

/** An evaluation result with its 95 % confidence interval. */
interface Figure {
  metric: string;
  value: number;
  low: number;
  high: number;
  data: string;
  split: string;
  tracks: number;
  protocol: string;
}

/** Model card. */
interface Card {
  name: string;
  version: string;
  summary: string;
  labels: string[];
  /** Window and hop in seconds; absent for pictures. */
  input: { window?: number; hop?: number };
  parameters: number;
  training: { data: string; split: string; tracks: number; date: string };
  figures?: Figure[];
  licence: string;
}

/** All tracks of a library; the arrays from `id` to `y` have one value per track. */
interface LibraryColumns {
  genres: string[];
  folders: string[];
  id: number[];
  title: string[];
  /** Index into `folders`. */
  folder: number[];
  /** Index into `genres`. */
  genre: number[];
  confidence: number[];
  /** Map position, 0 to 1; null for a track that is not on the map. */
  x: (number | null)[];
  /** Map position, 0 to 1, upwards. */
  y: (number | null)[];
}

interface SimilarTrack {
  id: number;
  title: string;
  folder: string;
  genre: string;
  confidence: number;
  /** In seconds. */
  duration: number;
  /** -1 to 1. */
  similarity: number;
}

/** Error response (RFC 9457). */
interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
}

interface LivePrediction extends Classification {
  /** Seconds of audio analysed so far. */
  at: number;
  /** Peak since the previous message, in dBFS. */
  level: number;
  /** Whether less than one window of audio has arrived. */
  filling?: boolean;
  /** Seconds of audio dropped since the previous message. */
  missed: number;
}

/** First message of the server; window and hop in seconds. */
interface LiveReady {
  model: string;
  labels: string[];
  window: number;
  hop: number;
}

type LiveMessage = { ready: LiveReady } | { problem: ProblemDetails } | LivePrediction;
