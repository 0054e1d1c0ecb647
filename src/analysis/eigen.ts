import { Matrix as Dense, EigenvalueDecomposition } from 'ml-matrix';
import type { Matrix } from '../engine/types.js';

/** K = V diag(values) V^T. */
export interface Eigen {
  /** Ascending. */
  values: Float64Array;
  /** Column k belongs to values[k]; orthonormal. */
  vectors: Dense;
}

/** A row-major matrix as ml-matrix has it. */
export function dense({ data, shape: [rows, columns] }: Matrix): Dense {
  return Dense.from1DArray(rows, columns, data);
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, in float64 (Householder's reduction, then QL). The time grows with
 * N^3: about 0.2 s for N = 256 and 11 s for N = 1024.
 */
export function symmetricEigen(matrix: Dense): Eigen {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { values: Float64Array.from(realEigenvalues), vectors: eigenvectorMatrix };
}

/** V diag(f(values)) V^T, leaving out the columns where f is 0; exactly symmetric. */
export function spectralFunction({ values, vectors }: Eigen, f: (value: number) => number): Dense {
  const n = values.length;
  const columns: number[] = [];
  values.forEach((value, k) => {
    if (f(value) !== 0) columns.push(k);
  });
  const result = Dense.zeros(n, n);
  if (columns.length === 0) return result;
  const rows = vectors.to2DArray().map((row) => Float64Array.from(columns, (k) => row[k]));
  const weights = Float64Array.from(columns, (k) => f(values[k]));
  for (let i = 0; i < n; i++) {
    const weighted = rows[i].map((v, c) => v * weights[c]);
    for (let j = 0; j <= i; j++) {
      const other = rows[j];
      let sum = 0;
      for (let c = 0; c < weighted.length; c++) sum += weighted[c] * other[c];
      result.set(i, j, sum);
      result.set(j, i, sum);
    }
  }
  return result;
}

/** The numbers of a matrix, row-major. */
export function flat(matrix: Dense): Float64Array {
  const data = new Float64Array(matrix.rows * matrix.columns);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < matrix.columns; j++) data[i * matrix.columns + j] = matrix.get(i, j);
  }
  return data;
}
