import { parse } from 'npyjs';
import type { Matrix } from '../engine/types.js';
import { excerpt, QrkdRangeError } from '../errors.js';

/** Numbers written at once. */
const PIECE = 2 ** 20;

const NUMBERS = ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8'];

/** An array as a `.npy` file has it; one of 64-bit integers holds bigints. */
export interface NpyArray {
  data: ArrayLike<number | bigint>;
  /** NumPy's code without the byte order: u1, f4, i8, ... */
  dtype: string;
  shape: readonly number[];
  fortranOrder: boolean;
}

/**
 * A NumPy `.npy` file of any little-endian real type and any shape.
 *
 * @throws RangeError ERR_QRKD_FORMAT naming the file, what was found and what was expected.
 */
export function parseNpyArray(bytes: Buffer, path: string): NpyArray {
  const refuse = (why: string): never => {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: ${why}`);
  };
  let array: ReturnType<typeof parse>;
  try {
    // npyjs makes typed arrays on the buffer itself, which must start at 0 and be its own.
    array = parse(new Uint8Array(bytes).buffer as ArrayBuffer);
  } catch (error) {
    const message = (error as Error).message;
    const bigEndian = /Unsupported dtype: >/.test(message);
    return refuse(
      bigEndian
        ? 'is big-endian; save it with .astype("<f8")'
        : `is not a complete .npy file of numbers (${excerpt(message, 200).replace(/\.$/, '')})`,
    );
  }
  const { dtype, fortranOrder, shape } = array;
  if (!NUMBERS.includes(dtype)) refuse(`has dtype ${excerpt(dtype)}, expected real numbers`);
  const data = array.data as unknown as ArrayLike<number | bigint>;
  const expected = shape.reduce((product, side) => product * side, 1);
  if (data.length !== expected || shape.some((side) => !(side >= 0))) {
    refuse(
      `holds ${data.length} numbers, but shape (${shape.join(', ')}) needs ${expected}; it is truncated or damaged`,
    );
  }
  return { data, dtype, shape, fortranOrder };
}

/**
 * A NumPy `.npy` file as a matrix: any little-endian real type, C or Fortran order. float32 stays float32, everything else
 * becomes float64.
 *
 * @param vectors whether an array of one dimension is a column; it is refused otherwise.
 * @throws RangeError ERR_QRKD_FORMAT naming the file, what was found and what was expected.
 */
export function parseNpy(bytes: Buffer, path: string, vectors = false): Matrix {
  const { data: values, dtype, shape: found, fortranOrder } = parseNpyArray(bytes, path);
  const shape = vectors && found.length === 1 ? [...found, 1] : found;
  if (shape.length !== 2) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: has shape (${shape.join(', ')}), expected 2 dimensions`);
  }
  const [rows, columns] = shape;
  const data = dtype === 'f4' ? new Float32Array(values.length) : new Float64Array(values.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      data[i * columns + j] = Number(values[fortranOrder ? j * rows + i : i * columns + j]);
    }
  }
  return { data, shape: [rows, columns] };
}

/**
 * A `.npy` file (version 1.0) in pieces, with the matrix in C order, float32 or float64 as it is. Written here since npyjs
 * aligns the numbers to 8 bytes, where the format wants 64, and makes one buffer of everything, which may not exceed 4 GiB.
 */
export function* formatNpy({ data, shape: [rows, columns] }: Matrix): Generator<Buffer> {
  yield npyHeader(data instanceof Float32Array ? '<f4' : '<f8', rows, columns);
  for (let first = 0; first < data.length; first += PIECE) {
    const piece = data.subarray(first, first + PIECE);
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  }
}

/** All that comes before the numbers of a matrix in C order; its length is a multiple of 64. */
export function npyHeader(dtype: '<f4' | '<f8', rows: number, columns: number): Buffer {
  const dictionary = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  const length = Math.ceil((start.length + dictionary.length + 1) / 64) * 64 - start.length;
  start.writeUInt16LE(length, 8);
  return Buffer.concat([start, Buffer.from(`${dictionary.padEnd(length - 1)}\n`, 'latin1')]);
}
