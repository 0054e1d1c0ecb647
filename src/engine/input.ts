import { describe, QrkdRangeError, QrkdTypeError } from '../errors.js';
import type { Matrix, MatrixLike, Precision } from './types.js';

/** A new array of the type that a precision stands for. */
export function scalars(precision: Precision, length: number): Float32Array | Float64Array {
  return precision === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Reads `value` as a matrix of finite numbers. Typed arrays are taken as they are (the addon copies them), everything
 * else becomes a Float64Array, tensors keep their float32.
 *
 * @param name of the argument, for errors.
 * @param columns expected number of columns, if known.
 * @throws TypeError ERR_QRKD_TYPE, RangeError ERR_QRKD_SHAPE or ERR_QRKD_NOT_FINITE, naming the argument.
 */
export function readMatrix(value: MatrixLike, name: string, columns?: number): Matrix {
  const matrix = toMatrix(value, name);
  const [rows, width] = matrix.shape;
  if (rows === 0) throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name} has no rows; give at least one sample`);
  if (width === 0) throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name} has no columns; give at least one feature`);
  if (columns !== undefined && width !== columns) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name} has ${width} columns, expected ${columns}`);
  }
  checkFinite(matrix, name);
  return matrix;
}

/** Reads `value` as a matrix of exactly `shape`. */
export function readShaped(value: MatrixLike, name: string, shape: [number, number]): Matrix {
  const matrix = readMatrix(value, name);
  if (matrix.shape[0] !== shape[0] || matrix.shape[1] !== shape[1]) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name} has shape [${matrix.shape}], expected [${shape}]`);
  }
  return matrix;
}

/** Throws at the first NaN or infinity, by row before column. */
export function checkFinite({ data, shape }: Matrix, name: string): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      const row = Math.floor(i / shape[1]);
      const column = i % shape[1];
      throw new QrkdRangeError('ERR_QRKD_NOT_FINITE', `${name} has ${data[i]} at row ${row}, column ${column}`);
    }
  }
}

function toMatrix(value: MatrixLike, name: string): Matrix {
  if (Array.isArray(value)) return fromRows(value, name);
  if (value !== null && typeof value === 'object' && Array.isArray(value.shape)) {
    const shape = value.shape as number[];
    if (shape.length !== 2 || !shape.every((s) => Number.isInteger(s) && s >= 0)) {
      throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name} has shape [${shape}], expected [rows, columns]`);
    }
    const data = 'data' in value && !('dataSync' in value) ? value.data : undefined;
    const array = data ?? ('dataSync' in value ? value.dataSync() : undefined);
    if (array !== undefined) {
      const typed = array instanceof Float32Array || array instanceof Float64Array;
      if (data !== undefined && !typed) {
        throw new QrkdTypeError('ERR_QRKD_TYPE', `${name}.data must be a Float32Array or Float64Array`);
      }
      if (array.length !== shape[0]! * shape[1]!) {
        throw new QrkdRangeError(
          'ERR_QRKD_SHAPE',
          `${name} has ${array.length} numbers, but shape [${shape}] needs ${shape[0]! * shape[1]!}`,
        );
      }
      return { data: typed ? array : Float64Array.from(array), shape: [shape[0]!, shape[1]!] };
    }
  }
  throw new QrkdTypeError(
    'ERR_QRKD_TYPE',
    `${name} must be number[][], { data: Float32Array | Float64Array, shape: [rows, columns] } or a 2-D tensor, got ${describe(value)}`,
  );
}

function fromRows(rows: unknown[], name: string): Matrix {
  const columns = isRow(rows[0]) ? rows[0].length : 0;
  const data = new Float64Array(rows.length * columns);
  // By index, since forEach would leave out the holes of a sparse array.
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (!isRow(row)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `${name}: row ${i} must be an array of numbers, got ${describe(row)}`);
    }
    if (row.length !== columns) {
      throw new QrkdRangeError('ERR_QRKD_SHAPE', `${name}: row ${i} has ${row.length} columns, row 0 has ${columns}`);
    }
    for (let c = 0; c < columns; c++) {
      const value = row[c];
      if (typeof value !== 'number') {
        throw new QrkdTypeError(
          'ERR_QRKD_TYPE',
          `${name}: row ${i}, column ${c} must be a number, got ${describe(value)}`,
        );
      }
      data[i * columns + c] = value;
    }
  }
  return { data, shape: [rows.length, columns] };
}

function isRow(row: unknown): row is ArrayLike<unknown> {
  return Array.isArray(row) || (ArrayBuffer.isView(row) && !(row instanceof DataView));
}
