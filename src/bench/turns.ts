/**
 * Fair turns on a machine that is never quite quiet: contenders alternate, a turn is one untimed call and then as many timed
 * ones as fit, a contender's figure is the median over rounds of its turns' medians.
 */
export type Turn = () => number[] | Promise<number[]>;

const TURN_MILLISECONDS = 200;
// A call this long warms its caches by itself; an untimed one before it would double the run.
const LONG_CALL_MILLISECONDS = 500;

/** A figure over the rounds of a contest. */
export interface Spread {
  median: number;
  low: number;
  high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** A turn that times a synchronous function, for so many milliseconds. */
export function turnOf(run: () => unknown, milliseconds = TURN_MILLISECONDS): Turn {
  return () => {
    const first = timed(run);
    if (first > LONG_CALL_MILLISECONDS) return [first];
    const times: number[] = [];
    const end = performance.now() + milliseconds;
    do times.push(timed(run));
    while (performance.now() < end);
    return times;
  };
}

function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}
