/** Queue of uploads: two jobs run at once, so that one file uploads while the other is analysed. */

const CONCURRENCY = 2;

/** @type {(() => Promise<void>)[]} */
const waiting = [];
let running = 0;

/**
 * Run a job as soon as fewer than two others are running.
 *
 * @param {() => Promise<void>} job
 */
export function enqueue(job) {
  waiting.push(job);
  startJobs();
}

function startJobs() {
  while (running < CONCURRENCY) {
    const job = waiting.shift();
    if (!job) return;
    running += 1;
    job().finally(() => {
      running -= 1;
      startJobs();
    });
  }
}
