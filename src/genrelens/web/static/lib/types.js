/**
 * JSON records of the REST API and of the live WebSocket. The OpenAPI document and docs/live.md specify them.
 *
 * @typedef {Object} Score
 * @property {string} label - machine label of a genre, such as "hiphop" or "Rock---Metal".
 * @property {number} score - probability, 0 to 1.
 *
 * @typedef {Object} Classification - the part that predictions for files and for live audio share.
 * @property {string} genre - predicted label, or "unknown".
 * @property {string[]} genres - all predicted labels.
 * @property {number} confidence - probability of the predicted genre, 0 to 1.
 * @property {number|null} [music] - probability that the audio is music; null if the model does not estimate it.
 * @property {Score[]} scores - from the most to the least probable.
 *
 * @typedef {Object} Segment - one window of a track.
 * @property {number} start - in seconds.
 * @property {number} end - in seconds.
 * @property {Score[]} scores
 * @property {number|null} [music]
 *
 * @typedef {Object} PredictionFields
 * @property {string} path - file name sent by the client.
 * @property {Segment[]} segments - empty for a model that classifies pictures.
 * @property {number} duration - in seconds.
 * @property {string} model
 * @property {string} version - version of the model.
 * @property {string[]} warnings
 * @property {Spectrogram|null} [spectrogram]
 * @property {Explanation[]|null} [explanations]
 *
 * @typedef {Classification & PredictionFields} Prediction
 *
 * @typedef {Object} Failure - takes the place of a prediction for an unusable file.
 * @property {string} path
 * @property {{type: string, message: string}} error
 * @property {number} status - HTTP status that a request for this file alone would have.
 *
 * @typedef {Object} Explanation - contribution of each place of a track to the score of a genre.
 * @property {string} genre
 * @property {"cam"|"occlusion"} method
 * @property {number[]} times - column edges in seconds.
 * @property {number[]} bands - row edges in Hz, ascending.
 * @property {number[][]} evidence - logits, shape (rows, columns), lowest band first.
 *
 * @typedef {Object} Spectrogram - log-mel spectrogram of a track.
 * @property {number[]} times - column edges in seconds.
 * @property {number[]} bands - row edges in Hz, ascending.
 * @property {string} levels - base64 of uint8, shape (rows, columns), lowest band first; 255 is the maximum.
 *
 * @typedef {Object} ModelSummary
 * @property {string} name
 * @property {string} summary
 * @property {boolean} default
 *
 * @typedef {Object} Figure - an evaluation result.
 * @property {string} metric
 * @property {number} value
 * @property {number} low - lower bound of the 95 % confidence interval.
 * @property {number} high - upper bound of the 95 % confidence interval.
 * @property {string} data
 * @property {string} split
 * @property {number} tracks
 * @property {string} protocol
 *
 * @typedef {Object} Card - model card.
 * @property {string} name
 * @property {string} version
 * @property {string} summary
 * @property {string[]} labels
 * @property {{window?: number, hop?: number}} input - window and hop in seconds; absent for pictures.
 * @property {number} parameters
 * @property {{data: string, split: string, tracks: number, date: string}} training
 * @property {Figure[]} [figures]
 * @property {string} licence
 *
 * @typedef {Object} LibraryColumns - all tracks of a library; the arrays from `id` to `y` have one value per track.
 * @property {string[]} genres
 * @property {string[]} folders
 * @property {number[]} id
 * @property {string[]} title
 * @property {number[]} folder - index into `folders`.
 * @property {number[]} genre - index into `genres`.
 * @property {number[]} confidence
 * @property {(number|null)[]} x - map position, 0 to 1; null for a track that is not on the map.
 * @property {(number|null)[]} y - map position, 0 to 1, upwards.
 *
 * @typedef {Object} SimilarTrack
 * @property {number} id
 * @property {string} title
 * @property {string} folder
 * @property {string} genre
 * @property {number} confidence
 * @property {number} duration - in seconds.
 * @property {number} similarity - -1 to 1.
 *
 * @typedef {Object} ProblemDetails - error response (RFC 9457).
 * @property {string} type
 * @property {string} title
 * @property {number} status
 * @property {string} detail
 *
 * @typedef {Object} LivePredictionFields
 * @property {number} at - seconds of audio analysed so far.
 * @property {number} level - peak since the previous message, in dBFS.
 * @property {boolean} [filling] - whether less than one window of audio has arrived.
 * @property {number} missed - seconds of audio dropped since the previous message.
 *
 * @typedef {Classification & LivePredictionFields} LivePrediction
 *
 * @typedef {Object} LiveReady - first message of the server.
 * @property {string} model
 * @property {string[]} labels
 * @property {number} window - in seconds.
 * @property {number} hop - in seconds.
 *
 * @typedef {{ready: LiveReady}|{problem: ProblemDetails}|LivePrediction} LiveMessage
 */

export {};
