/**
 * Fair turns on a machine that is never quite quiet: contenders alternate, a turn is one untimed call and then as many timed
 * ones as fit, a contender's figure is the median over rounds of its turns' medians.
 */
export type Turn = () => number[] | Promise<number[]>;

const TURN_MILLISECONDS = 200;
// A call this long warms its caches by itself; an untimed one before it would double the run.
const LONG_CALL_MILLISECONDS = 500;
// The last contender's threads may still be spinning for work.
const PAUSE_MILLISECONDS = 50;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A turn that times a synchronous function. */
export function turnOf(run: () => unknown): Turn {
  return () => {
    const first = timed(run);
    if (first > LONG_CALL_MILLISECONDS) return [first];
    const times: number[] = [];
    const end = performance.now() + TURN_MILLISECONDS;
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

/** Median milliseconds of each contender's turn in every round. */
export async function takeTurns(contenders: Record<string, Turn>, rounds: number): Promise<Record<string, number[]>> {
  const turns: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, turn] of Object.entries(contenders)) {
      turns[name] ??= [];
      turns[name].push(median(await turn()));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
    }
  }
  return turns;
}

/** Median milliseconds of each contender. */
export async function alternate(contenders: Record<string, Turn>, rounds: number): Promise<Record<string, number>> {
  const turns = await takeTurns(contenders, rounds);
  return Object.fromEntries(Object.entries(turns).map(([name, medians]) => [name, median(medians)]));
}

/** Aligned columns; the first is text, the others are set right. */
export function printTable(title: string, header: string[], rows: string[][]): void {
  const widths = header.map((cell, c) => Math.max(cell.length, ...rows.map((row) => row[c]!.length)));
  const line = (row: string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ');
  console.error(`\n${title}\n${[header, ...rows].map(line).join('\n')}`);
}
