import { readMatrix, readShaped } from '../engine/input.js';
import type { Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { readSquare, sameKind } from './arguments.js';

/** Class labels of the samples: numbers or names, one for each. */
export type Labels = ArrayLike<number | string>;

export interface AlignmentOptions {
  /** Centre both matrices first (Cortes et al. 2012); false by default (Cristianini et al. 2001). */
  centered?: boolean;
  /**
   * False leaves the diagonal out, which says nothing about similarity: with it, a kernel near the identity can be aligned
   * better than one that has learned something. Centred, the result is the correlation of the entries i != j. True by default.
   */
  diagonal?: boolean;
}

export interface TargetOptions {
  /** Divide every sample's label by the size of its class, so that small classes count as much; true by default. */
  rescale?: boolean;
}

/**
 * H K H with H = I - 1/N: the kernel of features whose mean over the samples is 0 (Cortes, Mohri and Rostamizadeh,
 * "Algorithms for learning kernels based on centered alignment", JMLR 13, 2012).
 *
 * @param K [N, N]
 * @returns a new matrix of K's shape and element type.
 */
export function centerKernel(K: MatrixLike): Matrix {
  const matrix = readSquare(K, 'K', 'centerKernel');
  return sameKind(matrix, centered(matrix));
}

function centered({ data, shape: [n] }: Matrix): Float64Array {
  const rows = new Float64Array(n);
  const columns = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      rows[i] += data[i * n + j] / n;
      columns[j] += data[i * n + j] / n;
    }
  }
  const mean = rows.reduce((sum, v) => sum + v / n, 0);
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) result[i * n + j] = data[i * n + j] - rows[i] - columns[j] + mean;
  }
  return result;
}

/**
 * Alignment of two kernel matrices: the cosine <K1, K2> / (|K1| |K2|) of the angle between them, with Frobenius' inner
 * product; at most 1. A matrix of norm 0 (constant, when centred) is aligned with nothing: 0.
 *
 * @param K1 [N, N]
 * @param K2 [N, N]
 */
export function kernelAlignment(K1: MatrixLike, K2: MatrixLike, options: AlignmentOptions = {}): number {
  rejectUnknownKeys(options, ['centered', 'diagonal'], 'kernelAlignment');
  const first = readSquare(K1, 'K1', 'kernelAlignment');
  const a = aligned(first, options);
  const b = aligned(readShaped(K2, 'kernelAlignment: K2', first.shape), options);
  return cosine(a, b);
}

/** The part of a matrix that alignment compares: an orthogonal projection of it. */
export function aligned(matrix: Matrix, { centered: isCentered, diagonal = true }: AlignmentOptions): Float64Array {
  if (diagonal) return isCentered ? centered(matrix) : Float64Array.from(matrix.data);
  const n = matrix.shape[0];
  const mean = isCentered && n > 1 ? offDiagonalSum(matrix) / (n * (n - 1)) : 0;
  return Float64Array.from(matrix.data, (v, k) => (k % (n + 1) === 0 ? 0 : v - mean));
}

function offDiagonalSum({ data, shape: [n] }: Matrix): number {
  let sum = 0;
  for (let k = 0; k < data.length; k++) if (k % (n + 1) !== 0) sum += data[k];
  return sum;
}

/** <a, b> / (|a| |b|), 0 where one of them vanishes but for rounding, which centring leaves of a constant. */
export function cosine(a: Float64Array, b: Float64Array): number {
  const floor = 1e-14 * a.length;
  const [normA, normB] = [Math.sqrt(dot(a, a)), Math.sqrt(dot(b, b))];
  return normA > floor && normB > 0 ? dot(a, b) / (normA * normB) : 0;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/**
 * The matrix that a kernel would be if it knew the labels: 1 for samples of one class and -1 / (C - 1) for samples of two
 * of the C classes, which for two classes is y y^T with y = +-1. With `rescale` every row and column is divided by the
 * size of its class (PennyLane's `rescale_class_labels`).
 *
 * @returns float64 [N, N].
 * @throws RangeError ERR_QRKD_VALUE for fewer than two classes.
 */
export function targetMatrix(labels: Labels, options: TargetOptions = {}): Matrix<Float64Array> {
  rejectUnknownKeys(options, ['rescale'], 'targetMatrix');
  const { classes, sizes } = readLabels(labels, 'targetMatrix');
  const n = classes.length;
  const other = -1 / (sizes.length - 1);
  const weights = Float64Array.from(classes, (c) => ((options.rescale ?? true) ? 1 / sizes[c] : 1));
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) data[i * n + j] = weights[i] * weights[j] * (classes[i] === classes[j] ? 1 : other);
  }
  return { data, shape: [n, n] };
}

/** Labels as class numbers from 0, with the number of samples of each class. */
export function readLabels(labels: Labels, where: string): { classes: Int32Array; sizes: number[] } {
  if (labels === null || typeof labels !== 'object' || typeof labels.length !== 'number') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: labels must be an array, got ${describe(labels)}`);
  }
  const numbers = new Map<number | string, number>();
  const sizes: number[] = [];
  const classes = Int32Array.from(labels as ArrayLike<number>, (label: number | string, i) => {
    if (typeof label !== 'string' && !Number.isFinite(label)) {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `${where}: labels[${i}] must be a number or a string, got ${describe(label)}`,
      );
    }
    if (!numbers.has(label)) {
      numbers.set(label, sizes.length);
      sizes.push(0);
    }
    const number = numbers.get(label)!;
    sizes[number]++;
    return number;
  });
  if (sizes.length < 2) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: labels must name at least 2 classes, got ${sizes.length}`);
  }
  return { classes, sizes };
}

/**
 * Kernel-target alignment: {@link kernelAlignment} of K with {@link targetMatrix} of the labels (PennyLane's
 * `target_alignment`).
 *
 * @param K [N, N]
 * @param labels N of them.
 */
export function targetAlignment(K: MatrixLike, labels: Labels, options: AlignmentOptions & TargetOptions = {}): number {
  rejectUnknownKeys(options, ['centered', 'diagonal', 'rescale'], 'targetAlignment');
  const { rescale, ...alignment } = options;
  const { shape } = readMatrix(K, 'targetAlignment: K');
  if (labels?.length !== shape[0]) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `targetAlignment: labels has ${labels?.length} entries, K has ${shape[0]} rows`,
    );
  }
  return kernelAlignment(K, targetMatrix(labels, rescale === undefined ? {} : { rescale }), alignment);
}
