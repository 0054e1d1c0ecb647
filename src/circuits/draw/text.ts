import { QrkdRangeError, rejectUnknownKeys } from '../../errors.js';
import type { Circuit } from '../circuit.js';
import { Canvas } from './canvas.js';
import { fold, layOut } from './layout.js';
import type { Box, Shape } from './shapes.js';

export interface DrawOptions {
  /** Characters in a line, at least 20; longer circuits go on below. 100 by default. */
  width?: number;
}

const LEAST_WIDTH = 20;

/**
 * The circuit in box-drawing characters: a wire a qubit, q0 on top, controls as ■, controlled X as ⊕, swaps as ╳, features as
 * x0, x1, ... and parameters as θ0, θ1, .... Boxes over several wires have what belongs to a wire beside it: Pauli letters, the place of a
 * qubit in a unitary's matrix; wires that do not take part pass through.
 *
 * @throws RangeError (ERR_QRKD_UNSUPPORTED) for more than 64 qubits. After 1,000 gates the rest is counted.
 */
export function drawCircuit(circuit: Circuit, options: DrawOptions = {}): string {
  rejectUnknownKeys(options, ['width'], 'draw');
  const { width = 100 } = options;
  if (!(width >= LEAST_WIDTH)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `draw: width must be at least ${LEAST_WIDTH}, got ${String(width)}`);
  }
  const { qubits, columns, notes } = layOut(circuit);
  const names = wireNames(qubits);
  // A line has its names, the columns each with a dash after it, and a mark where it goes on.
  const lines = fold(
    columns,
    columns.map((column) => columnWidth(column) + 1),
    width - names[0].length - 2,
  );
  const blocks = lines.map((line, k) => drawLine(line, names, { before: k > 0, after: k < lines.length - 1 }));
  return `${[...blocks, ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n')}\n`;
}

function wireNames(qubits: number): string[] {
  const size = String(qubits - 1).length;
  return Array.from({ length: qubits }, (_, q) => `q${q}: `.padEnd(size + 3));
}

/** Rows 2q + 1 are wires, those in between hold the upper and lower edges of boxes, which neighbours share. */
const wireRow = (qubit: number) => 2 * qubit + 1;

/** One line of columns; `more` says whether the wires come from a line before and go on in one after. */
function drawLine(
  columns: readonly (readonly Shape[])[],
  names: readonly string[],
  more: { before: boolean; after: boolean },
): string {
  const start = names[0].length;
  const widths = columns.map(columnWidth);
  const end = start + widths.reduce((sum, width) => sum + width + 1, 0);
  const canvas = new Canvas(end + 2, 2 * names.length + 1);
  for (const [q, name] of names.entries()) {
    canvas.horizontal(wireRow(q), start, end);
    canvas.text(wireRow(q), 0, name);
    canvas.text(wireRow(q), start, more.before ? '«' : '─');
    canvas.text(wireRow(q), end, more.after ? '─»' : '─');
  }
  let left = start + 1;
  for (const [k, column] of columns.entries()) {
    for (const shape of column) drawShape(canvas, shape, left + Math.floor((widths[k] - 1) / 2));
    left += widths[k] + 1;
  }
  // The outermost rows are empty where no box has its edge there.
  return canvas
    .toRows()
    .join('\n')
    .replace(/^\n|\n$/g, '');
}

function columnWidth(column: readonly Shape[]): number {
  return Math.max(...column.map(({ box }) => (box ? boxWidth(box) : 1)));
}

function boxWidth(box: Box): number {
  return marksWidth(box) + box.label.length + 4;
}

function marksWidth({ marks }: Box): number {
  return Math.max(...[...marks.values()].map((mark) => (mark ? mark.length + 1 : 0)));
}

function drawShape(canvas: Canvas, { top, bottom, controls, crosses, target, box }: Shape, center: number): void {
  if (box) {
    if (top < box.top) canvas.vertical(center, wireRow(top), wireRow(box.top) - 1);
    if (bottom > box.bottom) canvas.vertical(center, wireRow(box.bottom) + 1, wireRow(bottom));
    drawBox(canvas, box, center);
  } else {
    canvas.vertical(center, wireRow(top), wireRow(bottom));
  }
  for (const q of controls) canvas.text(wireRow(q), center, '■');
  for (const q of crosses) canvas.text(wireRow(q), center, '╳');
  if (target !== undefined) canvas.text(wireRow(target), center, '⊕');
}

function drawBox(canvas: Canvas, box: Box, center: number): void {
  const width = boxWidth(box);
  const left = center - Math.floor((width - 1) / 2);
  const right = left + width - 1;
  for (const q of box.marks.keys()) canvas.cut(wireRow(q), left, right);
  canvas.rectangle(wireRow(box.top) - 1, left, wireRow(box.bottom) + 1, right);
  for (const [q, mark] of box.marks) canvas.text(wireRow(q), left + 2, mark);
  canvas.text(labelRow(box), left + 2 + marksWidth(box), box.label);
}

/** The row nearest to the middle of the box that no passing wire crosses. */
function labelRow({ top, bottom, marks }: Box): number {
  const middle = (wireRow(top) + wireRow(bottom)) / 2;
  const isFree = (row: number) => row % 2 === 0 || marks.has((row - 1) / 2);
  const rows = Array.from({ length: 2 * (bottom - top) + 1 }, (_, k) => wireRow(top) + k).filter(isFree);
  return rows.reduce((best, row) => (Math.abs(row - middle) < Math.abs(best - middle) ? row : best));
}
