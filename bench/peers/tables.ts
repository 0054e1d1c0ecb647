import { digits, printTable, type Spread } from '../turns.js';
import { type ContestResult, holds } from './contest.js';

const range = ({ median, low, high }: Spread) => [digits(median), `${digits(low)}..${digits(high)}`];

/** A contest on standard error: its contenders, then what it says about the goals. */
export function printContest({ title, entries, claims, notes }: ContestResult): void {
  printTable(
    title,
    ['', 'precision', 'ms', 'over rounds', 'x qrkd', 'over rounds'],
    entries.map(({ name, precision, milliseconds, ratio }) => [
      name,
      precision,
      ...range(milliseconds),
      ...(ratio ? range(ratio) : ['', '']),
    ]),
  );
  for (const note of notes) console.error(`  ${note}`);
  for (const claim of claims) {
    const { work, against, measured, unit, atLeast, atMost } = claim;
    const goal = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    const [median, over] = range(measured);
    console.error(
      `  ${holds(claim) ? 'held ' : 'MISSED'} ${work}, against ${against}: ${median} ${unit} (${over}), goal ${goal}`,
    );
  }
}
