/** A dense row-major matrix; `data.length === shape[0] * shape[1]`. */
export interface Matrix<A extends Float32Array | Float64Array = Float32Array | Float64Array> {
  data: A;
  shape: [rows: number, columns: number];
}

/** The part of a tfjs 2-D tensor that the engine reads; the engine itself does not depend on tfjs. */
export interface TensorLike {
  shape: number[];
  dataSync(): ArrayLike<number>;
}

/** Everything that is accepted where a matrix is wanted. */
export type MatrixLike = number[][] | Matrix | { data: Float32Array | Float64Array; shape: number[] } | TensorLike;

export type Precision = 'float32' | 'float64';

export interface AsyncOptions {
  /** Abort rejects the promise with `signal.reason` within 100 ms. Null is none. */
  signal?: AbortSignal | null;
  /** Called on the event loop with the finished fraction, 0..1. What it throws ends the job and rejects the promise. */
  onProgress?: (fraction: number) => void;
}

export interface Gradient {
  /** d loss / d X, shape of X. */
  dx: Matrix;
  /** d loss / d Y, shape of Y; only for a cross matrix. */
  dy?: Matrix;
  /** d loss / d parameters; empty for maps without trainable parameters. */
  dparameters: Float64Array;
}

/** A forward pass that kept what its gradient needs; dispose of it when done. */
export interface ForwardPass {
  readonly matrix: Matrix;
  /** Exact vector-Jacobian product with dK of the shape of `matrix`. */
  gradient(dK: MatrixLike): Gradient;
  dispose(): void;
}

/**
 * How a square kernel matrix is compared with a target: 'smooth-l1' (beta 1, mean over all N^2), 'smooth-l1-off-diagonal'
 * (mean over i != j), 'squared' (mean over all N^2) or 'alignment' (1 - centred kernel alignment).
 */
export type KernelLossForm = 'smooth-l1' | 'smooth-l1-off-diagonal' | 'squared' | 'alignment';

/** A loss and its gradient with respect to the samples. */
export interface LossGradient {
  loss: number;
  /** Shape of the samples, element type of the kernel's precision. */
  gradient: Matrix;
}

/** A loss of a kernel matrix, with its gradient also with respect to the kernel's trainable parameters. */
export interface KernelLossGradient extends LossGradient {
  /** Empty where there are none. */
  dparameters: Float64Array;
}

/** What every kernel offers: FidelityKernel, ProjectedKernel and the classical controls. */
export interface Kernel {
  readonly precision: Precision;
  /** Values of the trainable parameters, to be set in place; left out or empty where there are none. */
  readonly parameters?: Float64Array;
  /** Symmetric Gram matrix [N, N] of X, or the cross matrix [N, M] of X and Y. */
  matrix(X: MatrixLike, Y?: MatrixLike): Matrix;
  matrixAsync(X: MatrixLike, Y?: MatrixLike, options?: AsyncOptions): Promise<Matrix>;
  forward(X: MatrixLike, Y?: MatrixLike): ForwardPass;
  gradient(X: MatrixLike, dK: MatrixLike, Y?: MatrixLike): Gradient;
  /** Loss between the Gram matrix of X and a target [N, N], with its gradient with respect to X, in one native call. */
  lossGradient(X: MatrixLike, target: MatrixLike, form?: KernelLossForm): KernelLossGradient;
  /** Plain JSON from which the same kernel can be made. */
  toJSON(): Record<string, unknown>;
}
