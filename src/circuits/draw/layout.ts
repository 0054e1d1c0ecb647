import { QrkdRangeError } from '../../errors.js';
import type { Circuit } from '../circuit.js';
import { angleLabel, type Shape, shapeOf, shortened } from './shapes.js';

/** A circuit in columns, for text and SVG alike. */
export interface Layout {
  readonly qubits: number;
  /** Shapes of one column do not overlap; every gate stands as far left as its wires allow. */
  readonly columns: readonly (readonly Shape[])[];
  /** What is said below the drawing. */
  readonly notes: readonly string[];
}

/** More wires do not fit on any page. */
const MOST_QUBITS = 64;
/** Later gates are counted instead of drawn. */
const MOST_GATES = 1000;

/** @throws RangeError (ERR_QRKD_UNSUPPORTED) for more than 64 qubits. */
export function layOut(circuit: Circuit): Layout {
  const { qubits, operations } = circuit;
  if (qubits > MOST_QUBITS) {
    throw new QrkdRangeError(
      'ERR_QRKD_UNSUPPORTED',
      `draw: a circuit of ${qubits} qubits is too wide, ${MOST_QUBITS} can be drawn; draw one of the same kind with fewer`,
    );
  }
  const gates = operations.filter(({ gate }) => gate !== 'gphase');
  const phases = operations.filter(({ gate }) => gate === 'gphase').map(({ angles }) => angleLabel(angles[0]));
  const columns: Shape[][] = [];
  const free = new Array<number>(qubits).fill(0);
  for (const operation of gates.slice(0, MOST_GATES)) {
    const shape = shapeOf(operation);
    const wires = free.slice(shape.top, shape.bottom + 1);
    const column = Math.max(...wires);
    free.fill(column + 1, shape.top, shape.bottom + 1);
    columns[column] ??= [];
    columns[column].push(shape);
  }
  const notes: string[] = [];
  if (phases.length > 0) notes.push(`global phase: ${shortened(phases.join(' + ').replaceAll('+ -', '- '))}`);
  if (gates.length > MOST_GATES) notes.push(`… and ${gates.length - MOST_GATES} more gates`);
  return { qubits, columns, notes };
}

/** Breaks columns into lines no wider than `available`; a column that is wider has a line of its own. */
export function fold<T>(columns: readonly T[], widths: readonly number[], available: number): T[][] {
  const lines: T[][] = [];
  let left = 0;
  for (const [k, column] of columns.entries()) {
    if (lines.length === 0 || widths[k] > left) {
      lines.push([]);
      left = available;
    }
    lines.at(-1)!.push(column);
    left -= widths[k];
  }
  return lines.length > 0 ? lines : [[]];
}
