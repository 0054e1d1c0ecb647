import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import type { Circuit } from '../circuit.js';
import { fold, layOut } from './layout.js';
import type { Box, Shape, Source } from './shapes.js';

export interface SvgOptions {
  /** In pixels, at least 200; longer circuits go on below. 1000 by default. */
  width?: number;
  /** The drawing's name, for those who cannot see it and as a tooltip. */
  title?: string;
}

/** Sizes in pixels. Letters of the monospaced fonts are 0.6 of their size wide; `textLength` makes sure of it. */
const LETTER = 7.8;
const ROW = 44;
const BOX = 30;
const GAP = 14;
const MARGIN = 16;
const LINE_GAP = 26;
const NOTE = 22;
const LEAST_WIDTH = 200;

/** One sheet for both themes: the drawing brings its own paper, so that it is readable on any page. */
const STYLE = `
.qrkd-circuit { --paper: #ffffff; --ink: #24292f; --muted: #6e7781; --constant: #f3f4f6; --features: #dbeafe; --parameters: #fdebd3; --both: #e9e2fb; }
@media (prefers-color-scheme: dark) {
  .qrkd-circuit { --paper: #15191f; --ink: #e6e8eb; --muted: #9aa4af; --constant: #2a3038; --features: #17375e; --parameters: #543a17; --both: #3d2f66; }
}
.qrkd-circuit text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; fill: var(--ink); }
.qrkd-circuit .muted { fill: var(--muted); }
.qrkd-circuit .paper { fill: var(--paper); }
.qrkd-circuit path, .qrkd-circuit circle, .qrkd-circuit rect.box { stroke: var(--ink); stroke-width: 1.3; fill: none; }
.qrkd-circuit .wire { stroke: var(--muted); }
.qrkd-circuit .dot { fill: var(--ink); }
.qrkd-circuit .hollow { fill: var(--paper); }
.qrkd-circuit rect.constant { fill: var(--constant); }
.qrkd-circuit rect.features { fill: var(--features); }
.qrkd-circuit rect.parameters { fill: var(--parameters); }
.qrkd-circuit rect.both { fill: var(--both); }
`;

const LEGEND: Readonly<Record<Exclude<Source, 'constant'>, string>> = {
  features: 'depends on features',
  parameters: 'trainable',
  both: 'features and trainable',
};

/**
 * The circuit as a self-contained SVG document that follows the reader's light or dark theme. Boxes are coloured by what their
 * angles depend on; each gate has its description as a title. Conventions and limits are those of the drawing in text.
 */
export function svgOfCircuit(circuit: Circuit, options: SvgOptions = {}): string {
  rejectUnknownKeys(options, ['width', 'title'], 'svg');
  const { width = 1000, title } = options;
  if (!(width >= LEAST_WIDTH)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `svg: width must be at least ${LEAST_WIDTH}, got ${String(width)}`);
  }
  if (title !== undefined && typeof title !== 'string') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `svg: title must be a string, got ${String(title)}`);
  }
  const { qubits, columns, notes } = layOut(circuit);
  const start = MARGIN + LETTER * `q${qubits - 1}`.length + 8;
  const widths = new Map(columns.map((column) => [column, columnWidth(column) + GAP]));
  const lines = fold(columns, [...widths.values()], width - start - MARGIN);
  const lengths = lines.map((line) => GAP + line.reduce((sum, column) => sum + widths.get(column)!, 0));
  const drawn = new Set(columns.flat().map(({ source }) => source));
  const legend = (Object.keys(LEGEND) as (keyof typeof LEGEND)[]).filter((source) => drawn.has(source));
  const legendWidth = legend.reduce((sum, source) => sum + LETTER * LEGEND[source].length + 40, 0);
  const noteWidth = Math.max(legendWidth, ...notes.map((note) => LETTER * note.length));
  const total = Math.max(start + Math.max(...lengths), noteWidth + MARGIN) + MARGIN;

  const parts: string[] = [];
  let y = MARGIN;
  for (const [k, line] of lines.entries()) {
    parts.push(...drawWires(qubits, y, start, lengths[k], { before: k > 0, after: k < lines.length - 1 }));
    let x = start + GAP;
    for (const column of line) {
      const inner = widths.get(column)! - GAP;
      parts.push(...column.map((shape) => drawShape(shape, x + inner / 2, y)));
      x += inner + GAP;
    }
    y += ROW * qubits + LINE_GAP;
  }
  y -= LINE_GAP - 6;
  for (const note of notes) {
    parts.push(textAt(MARGIN, y + 12, note, 'muted'));
    y += NOTE;
  }
  if (legend.length > 0) {
    parts.push(drawLegend(legend, y));
    y += NOTE;
  }
  const height = y + MARGIN - 6;
  const name = escaped(title ?? summary(circuit));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="qrkd-circuit" role="img" aria-label="${name}" viewBox="0 0 ${px(total)} ${px(height)}" width="${px(total)}" height="${px(height)}">`,
    `<title>${name}</title>`,
    `<desc>${escaped(gateCounts(circuit))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="100%" height="100%" rx="8"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function summary({ qubits, operations, features, parameters }: Circuit): string {
  const count = (n: number, what: string) => (n > 0 ? [`${n} ${what}${n === 1 ? '' : 's'}`] : []);
  const numbers = [
    ...count(qubits, 'qubit'),
    ...count(operations.length, 'gate'),
    ...count(features, 'feature'),
    ...count(parameters, 'parameter'),
  ];
  return `Quantum circuit: ${numbers.join(', ')}`;
}

function gateCounts({ operations }: Circuit): string {
  const counts = new Map<string, number>();
  for (const { gate } of operations) counts.set(gate, (counts.get(gate) ?? 0) + 1);
  return [...counts].map(([gate, count]) => `${gate} ${count}`).join(', ') || 'no gates';
}

function columnWidth(column: readonly Shape[]): number {
  return Math.max(...column.map(({ box }) => (box ? boxWidth(box) : 20)));
}

function boxWidth(box: Box): number {
  return Math.max(BOX, marksWidth(box) + LETTER * box.label.length + 16);
}

function marksWidth({ marks }: Box): number {
  return Math.max(...[...marks.values()].map((mark) => (mark ? LETTER * mark.length + 8 : 0)));
}

/** The middle of a wire in the line of columns that begins at `y`. */
const wireY = (y: number, qubit: number) => y + ROW * (qubit + 0.5);

function drawWires(
  qubits: number,
  y: number,
  start: number,
  length: number,
  more: { before: boolean; after: boolean },
): string[] {
  return Array.from({ length: qubits }, (_, q) => {
    const middle = wireY(y, q);
    const dots = [more.before && -3, more.after && length + 3].filter((x) => x !== false);
    const marks = dots.map((x) => textAt(start + x, middle + 4, '⋯', 'muted', 'middle'));
    const [from, to] = [start + (more.before ? 5 : 0), start + length - (more.after ? 5 : 0)];
    const name = textAt(start - 10, middle + 4, `q${q}`, undefined, 'end');
    return `${name}<path class="wire" d="M${px(from)} ${px(middle)}H${px(to)}"/>${marks.join('')}`;
  });
}

function drawShape(
  { top, bottom, controls, crosses, target, box, source, description }: Shape,
  x: number,
  y: number,
): string {
  const at = (qubit: number) => wireY(y, qubit);
  const parts = [`<title>${escaped(description)}</title>`];
  if (bottom > top) parts.push(`<path d="M${px(x)} ${px(at(top))}V${px(at(bottom))}"/>`);
  if (box) parts.push(...drawBox(box, source, x, at));
  for (const q of controls) parts.push(`<circle class="dot" cx="${px(x)}" cy="${px(at(q))}" r="4"/>`);
  for (const q of crosses) {
    parts.push(`<path d="M${px(x - 6)} ${px(at(q) - 6)}l12 12m0 -12l-12 12"/>`);
  }
  if (target !== undefined) {
    const [cx, cy] = [px(x), px(at(target))];
    parts.push(`<circle class="hollow" cx="${cx}" cy="${cy}" r="10"/><path d="M${px(x - 10)} ${cy}h20m-10 -10v20"/>`);
  }
  return `<g>${parts.join('')}</g>`;
}

function drawBox(box: Box, source: Source, x: number, at: (qubit: number) => number): string[] {
  const width = boxWidth(box);
  const left = x - width / 2;
  const [top, bottom] = [at(box.top) - BOX / 2, at(box.bottom) + BOX / 2];
  const parts = [
    `<rect class="box ${source}" x="${px(left)}" y="${px(top)}" width="${px(width)}" height="${px(bottom - top)}" rx="4"/>`,
  ];
  for (let q = box.top; q <= box.bottom; q++) {
    const mark = box.marks.get(q);
    // Wires that take no part are seen through the box.
    if (mark === undefined) parts.push(`<path class="wire" d="M${px(left)} ${px(at(q))}h${px(width)}"/>`);
    else if (mark) parts.push(textAt(left + 7, at(q) + 4, mark, 'muted'));
  }
  const middle = left + (width + marksWidth(box)) / 2;
  parts.push(textAt(middle, labelY(box, at) + 4, box.label, undefined, 'middle'));
  return parts;
}

/** The middle of the box, or just above it where a wire passes through there. */
function labelY({ top, bottom, marks }: Box, at: (qubit: number) => number): number {
  const middle = (top + bottom) / 2;
  const crossed = Number.isInteger(middle) && !marks.has(middle);
  return at(middle) - (crossed ? ROW / 2 : 0);
}

function drawLegend(legend: readonly (keyof typeof LEGEND)[], y: number): string {
  let x = MARGIN;
  return legend
    .map((source) => {
      const text = LEGEND[source];
      const part = `<rect class="box ${source}" x="${px(x)}" y="${px(y + 1)}" width="14" height="14" rx="3"/>${textAt(x + 20, y + 12, text, 'muted')}`;
      x += LETTER * text.length + 40;
      return part;
    })
    .join('');
}

function textAt(x: number, y: number, text: string, style?: string, anchor?: 'middle' | 'end'): string {
  const looks = `${style ? ` class="${style}"` : ''}${anchor ? ` text-anchor="${anchor}"` : ''}`;
  const fit = text.length > 2 ? ` textLength="${px(LETTER * text.length)}"` : '';
  return `<text x="${px(x)}" y="${px(y)}"${looks}${fit}>${escaped(text)}</text>`;
}

/** A number of pixels, shortly. */
function px(value: number): string {
  return String(Math.round(10 * value) / 10);
}

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters cannot stand in XML at all.
  return text.replace(/\p{Cc}/gu, ' ').replace(/[&<>"]/g, (character) => entities[character]);
}
