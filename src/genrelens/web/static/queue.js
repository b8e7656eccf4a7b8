/** Files wait here for their turn: two are under way at once, one sent while the other is judged. */

const AT_ONCE = 2;

const waiting = [];
let underWay = 0;

/** Call `work` when it is its turn; the next one comes when it has ended. */
export function enqueue(work) {
  waiting.push(work);
  next();
}

function next() {
  while (underWay < AT_ONCE && waiting.length) {
    underWay += 1;
    waiting
      .shift()()
      .finally(() => {
        underWay -= 1;
        next();
      });
  }
}
