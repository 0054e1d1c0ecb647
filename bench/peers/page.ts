import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { escapeHtml, figure, page, table } from '#dist/report/html.js';
import { standalone } from '#dist/report/svg.js';
import { digits, type Spread } from '../turns.js';
import { growthChart, ratioChart } from './charts.js';
import { type Claim, type Entry, holds } from './contest.js';
import type { Held, ResultDocument } from './document.js';

const range = ({ median, low, high }: Spread) =>
  low === high ? digits(median) : `${digits(median)} (${digits(low)}–${digits(high)})`;

const CLAIM_HEAD = ['Work', 'Against', 'Measured', 'Goal', 'Held'];

function claimCells(claim: Claim): string[] {
  const { work, against, measured, unit, atLeast, atMost } = claim;
  const suffix = unit === 'x' ? '×' : ` ${unit}`;
  const goal = atLeast === undefined ? `at most ${atMost}${suffix}` : `at least ${atLeast}${suffix}`;
  return [work, against, `${range(measured)}${suffix}`, goal, holds(claim) ? 'yes' : 'no'];
}

/** Grouped by work, which has a line of its own: beside the other columns it would make the table wider than a screen. */
function goals(claims: readonly Claim[]): string {
  const [, ...head] = CLAIM_HEAD;
  const works = [...new Set(claims.map(({ work }) => work))];
  const row = (claim: Claim) => {
    const [, against, ...figures] = claimCells(claim).map(escapeHtml);
    return `<tr><th scope="row" style="font-weight: normal">${against}</th>${figures.map((figure) => `<td>${figure}</td>`).join('')}</tr>`;
  };
  const group = (
    work: string,
  ) => `<tbody><tr><th scope="rowgroup" colspan="${head.length}">${escapeHtml(work)}</th></tr>
${claims
  .filter((claim) => claim.work === work)
  .map(row)
  .join('\n')}</tbody>`;
  return `<div class="scroll"><table>
<caption>The goals of the project; × against a peer is how many times as long it takes, in brackets the range over rounds</caption>
<thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>
${works.map(group).join('\n')}</table></div>`;
}

const ENTRY_HEAD = ['', 'Precision', 'ms (range over rounds)', 'Times as long as qrkd'];

/** Head and rows; without the ratios where there are none. */
function entryTable({ entries }: Held): [head: string[], rows: string[][]] {
  const columns = entries.some(({ ratio }) => ratio) ? 4 : 3;
  const cells = ({ name, precision, milliseconds, ratio }: Entry) => [
    name,
    precision,
    range(milliseconds),
    ratio ? `${range(ratio)}×` : '',
  ];
  return [ENTRY_HEAD.slice(0, columns), entries.map((entry) => cells(entry).slice(0, columns))];
}

function circumstances({ at, rounds, loadBefore, quick }: Held): string {
  const time = `${at.replace('T', ' ')} UTC`;
  return `${time}, ${rounds} rounds${quick ? ' (a quick run)' : ''}, load average before it ${loadBefore.toFixed(1)}.`;
}

const INTRODUCTION = [
  'Every contender of a section does the whole job, from features to the result; all were first checked to give the same numbers.',
  'In every round each gets one turn, after the other, so that whatever disturbs the machine disturbs all; a figure is the median over rounds of turns’ medians, with the lowest and highest round behind it. Ratios are taken round by round, against our own of the same precision. All use the same number of threads.',
];

interface Drawn {
  contest: Held;
  file: string;
  svg: string;
  caption: string;
}

async function draw(contest: Held): Promise<Drawn | undefined> {
  const file = `${contest.job}.svg`;
  if (contest.curve) {
    return { contest, file, svg: await growthChart(contest), caption: 'Our rate; the band is the range over rounds.' };
  }
  if (!contest.entries.some(({ ratio }) => ratio)) return undefined;
  const caption =
    'How many times as long as qrkd each takes (logarithmic); dots are medians, bars the range over rounds.';
  return { contest, file, svg: await ratioChart(contest), caption };
}

function facts({ machine, versions }: ResultDocument): string[][] {
  const { cpu, processors, memoryGiB, system, simd } = machine;
  return [
    ['Processor', `${cpu}, ${processors} used`],
    ['Memory', `${memoryGiB} GiB`],
    ['System', system],
    ['Engine', `${simd.active}, ${simd.threads} threads`],
    ...Object.entries(versions),
  ];
}

/** Writes results.json, index.html, README.md and the charts into a folder. */
export async function writePage(folder: string, document: ResultDocument): Promise<void> {
  const { contests } = document;
  const days = [...new Set(contests.map(({ at }) => at.slice(0, 10)))].sort();
  const title = `qrkd beside its peers, ${days.join(', ')}`;
  const drawn = (await Promise.all(contests.map(draw))).filter((chart) => chart !== undefined);
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string) => writeFileSync(path.join(folder, file), text);
  write('results.json', `${JSON.stringify(document, undefined, 1)}\n`);
  for (const { file, svg } of drawn) write(file, `${standalone(svg)}\n`);
  write('index.html', html(title, document, drawn));
  write('README.md', markdown(title, document, drawn));
}

function html(title: string, document: ResultDocument, drawn: readonly Drawn[]): string {
  const { contests, machine } = document;
  const sections = contests.map((contest) => {
    const chart = drawn.find((one) => one.contest === contest);
    return {
      title: contest.title,
      html: `${chart ? figure([{ title: '', html: chart.svg }], chart.caption) : ''}
${table(circumstances(contest), ...entryTable(contest))}
${contest.notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}`,
    };
  });
  return page(title, `${escapeHtml(machine.cpu)}, ${machine.simd.threads} threads`, [
    {
      title: 'Goals',
      html: `${INTRODUCTION.map((line) => `<p>${line}</p>`).join('\n')}
${goals(contests.flatMap(({ claims }) => claims))}`,
    },
    ...sections,
    { title: 'Machine and versions', html: table('', ['What', 'Version'], facts(document)) },
  ]);
}

function markdown(title: string, document: ResultDocument, drawn: readonly Drawn[]): string {
  const { contests } = document;
  const rows = (head: readonly string[], cells: readonly (readonly string[])[]) =>
    [head, head.map((_, k) => (k === 0 ? '---' : '---:')), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
  const sections = contests.map((contest) => {
    const chart = drawn.find((one) => one.contest === contest);
    return [
      `## ${contest.title}`,
      circumstances(contest),
      rows(...entryTable(contest)),
      ...contest.notes,
      ...(chart ? [`![${chart.caption}](${chart.file})`] : []),
    ].join('\n\n');
  });
  return `${[
    `# ${title}`,
    ...INTRODUCTION,
    rows(CLAIM_HEAD, contests.flatMap(({ claims }) => claims).map(claimCells)),
    ...sections,
    '## Machine and versions',
    rows(['What', 'Version'], facts(document)),
  ].join('\n\n')}\n`;
}
