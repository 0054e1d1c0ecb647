import { readMatrix } from '../engine/input.js';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';

/** Checks of arguments that several tools share; all throw errors that name the function and the argument. */

/** Reads a square matrix. */
export function readSquare(value: MatrixLike, name: string, where: string): Matrix {
  const matrix = readMatrix(value, `${where}: ${name}`);
  const [rows, columns] = matrix.shape;
  if (rows !== columns) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${where}: ${name} has shape [${rows},${columns}], expected a square matrix`,
    );
  }
  return matrix;
}

/** Reads a symmetric matrix; mirrored entries may differ by rounding (1e-5 of the largest entry in float32, 1e-10 in float64). */
export function readSymmetric(value: MatrixLike, name: string, where: string): Matrix {
  const matrix = readSquare(value, name, where);
  const { data } = matrix;
  const n = matrix.shape[0];
  let largest = 0;
  for (let k = 0; k < data.length; k++) largest = Math.max(largest, Math.abs(data[k]));
  const tolerance = largest * (data instanceof Float32Array ? 1e-5 : 1e-10);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      if (Math.abs(data[i * n + j] - data[j * n + i]) > tolerance) {
        throw new QrkdRangeError(
          'ERR_QRKD_VALUE',
          `${where}: ${name} must be symmetric, but row ${i}, column ${j} is ${data[i * n + j]} and row ${j}, column ${i} is ${data[j * n + i]}`,
        );
      }
    }
  }
  return matrix;
}

export function wholeNumber(value: unknown, name: string, where: string, least: number, most: number): number {
  if (typeof value !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${name} must be a whole number, got ${describe(value)}`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: ${name} must be a whole number from ${least} to ${most}, got ${value}`,
    );
  }
  return value;
}

/** A number from `least` to `most`, both included. */
export function numberBetween(value: unknown, name: string, where: string, least: number, most: number): number {
  if (typeof value !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${name} must be a number, got ${describe(value)}`);
  }
  if (!(value >= least && value <= most)) {
    const range = most >= Number.MAX_VALUE ? `at least ${least}` : `from ${least} to ${most}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${name} must be a number ${range}, got ${value}`);
  }
  return value;
}

export function choice<T extends string>(value: unknown, name: string, where: string, known: readonly T[]): T {
  if (typeof value !== 'string' || !known.includes(value as T)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: ${name} must be one of ${known.join(', ')}, got ${describe(value)}`,
    );
  }
  return value as T;
}

/** Number of qubits: a matrix of fidelities of so many qubits has 2^qubits orthogonal states to it. */
export function qubitCount(value: unknown, where: string): number {
  return wholeNumber(value, 'qubits', where, 1, 2 ** 20);
}

/** A matrix like `matrix` (shape and element type) with other numbers. */
export function sameKind(matrix: Matrix, data: Float64Array): Matrix {
  return { data: matrix.data instanceof Float32Array ? Float32Array.from(data) : data, shape: matrix.shape };
}
