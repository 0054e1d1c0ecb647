import { QrkdTypeError } from '../../errors.js';

/** Height and width, or one number for both. */
export type AdaptiveSize = number | readonly [number, number];

/**
 * First and last (exclusive) input of output `i` on one axis: floor(i * in / out), ceil((i + 1) * in / out), as
 * PyTorch's adaptive pooling has them.
 */
export function adaptiveWindow(i: number, size: number, out: number): [start: number, end: number] {
  return [Math.floor((i * size) / out), Math.ceil(((i + 1) * size) / out)];
}

/** The means over {@link adaptiveWindow} of one axis as a row-major `[size, out]` matrix. */
export function axisAveragingMatrix(size: number, out: number): Float32Array {
  const matrix = new Float32Array(size * out);
  for (let o = 0; o < out; o++) {
    const [start, end] = adaptiveWindow(o, size, out);
    for (let i = start; i < end; i++) matrix[i * out + o] = 1 / (end - start);
  }
  return matrix;
}

/** Both axes together: row-major `[height * width, rows * columns]`, the Kronecker product of the two axes. */
export function averagingMatrix(
  [height, width]: readonly [number, number],
  [rows, columns]: readonly [number, number],
): Float32Array {
  const vertical = axisAveragingMatrix(height, rows);
  const horizontal = axisAveragingMatrix(width, columns);
  const matrix = new Float32Array(height * width * rows * columns);
  let next = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) matrix[next++] = vertical[y * rows + r] * horizontal[x * columns + c];
      }
    }
  }
  return matrix;
}

/** @throws {QrkdTypeError} `ERR_QRKD_VALUE` unless `size` is one or two positive integers. */
export function adaptiveOutputSize(size: unknown): [number, number] {
  const pair = typeof size === 'number' ? [size, size] : size;
  const valid = Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n > 0);
  if (!valid) {
    throw new QrkdTypeError(
      'ERR_QRKD_VALUE',
      `AdaptiveAveragePooling2d: outputSize is ${JSON.stringify(size)}; expected a positive integer or two`,
    );
  }
  return [pair[0], pair[1]];
}
