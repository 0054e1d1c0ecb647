import { median, type Turn } from '#dist/bench/turns.js';

export { median, type Spread, spreadOf, type Turn, turnOf } from '#dist/bench/turns.js';

// The last contender's threads may still be spinning for work.
const PAUSE_MILLISECONDS = 50;

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

/** Three significant digits, thousands set apart. */
export function digits(value: number): string {
  return value >= 100 ? Number(value.toPrecision(3)).toLocaleString('en-US') : value.toPrecision(3);
}

/** Aligned columns; the first is text, the others are set right. */
export function printTable(title: string, header: string[], rows: string[][]): void {
  const widths = header.map((cell, c) => Math.max(cell.length, ...rows.map((row) => row[c]!.length)));
  const line = (row: string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join('  ');
  console.error(`\n${title}\n${[header, ...rows].map(line).join('\n')}`);
}
