import { lowerCircuit } from '../circuits/lower.js';
import { readMatrix, readShaped, scalars } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import type { NativeEuclidean, NativeSpec, Scalars } from '../engine/native.js';
import type { Gradient, Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { FeatureMap } from '../maps/index.js';
import { type MaternSmoothness, readMatern } from './MaternKernel.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';
import { widePanelBytes } from './widePanel.js';

/** Kernel of the reduced states; see {@link ProjectedKernel}. */
export type InnerKernel =
  | { inner?: 'rbf'; gamma?: number }
  | { inner: 'linear' }
  | { inner: 'matern'; nu?: MaternSmoothness; length: number };

export type ProjectedKernelOptions = KernelOptions & InnerKernel;

const KEYS = { rbf: ['gamma'], linear: [], matern: ['nu', 'length'] } as const;

/**
 * The projected quantum kernel of a feature map (Huang et al. 2021, arXiv 2011.01938): a classical kernel of the one-qubit
 * reduced density matrices rho_q. With the distance d^2 = sum_q |rho_q(x) - rho_q(y)|_F^2, which is half the squared
 * distance of the Bloch vectors r(x) and r(y) [3 * qubits],
 *
 * - 'rbf' (default): exp(-gamma d^2), gamma 1 by default;
 * - 'matern': that of {@link MaternKernel} at distance d, nu 1.5 by default;
 * - 'linear': r(x) . r(y) = sum_q (2 Tr(rho_q(x) rho_q(y)) - 1).
 */
export class ProjectedKernel extends NativeBackedKernel {
  /** The inner kernel with all its options. */
  readonly inner: Readonly<Required<InnerKernel>>;

  constructor(
    readonly map: FeatureMap,
    options: ProjectedKernelOptions = {},
  ) {
    if (!(map instanceof FeatureMap)) {
      throw new QrkdTypeError(
        'ERR_QRKD_TYPE',
        `ProjectedKernel: map must come from featureMap(), got ${describe(map)}`,
      );
    }
    const inner = readInner(options);
    super(`ProjectedKernel(${map.type}, ${map.qubits} qubits)`, options, map.parameters);
    if (!map.circuit) {
      throw new QrkdTypeError('ERR_QRKD_UNSUPPORTED', `ProjectedKernel: the map ${map.type} has no circuit`);
    }
    this.inner = inner;
  }

  /**
   * Bloch vectors of the samples' reduced states: <X_q>, <Y_q>, <Z_q> of qubit 0, then of qubit 1, and so on.
   *
   * @param X [N, features]
   * @returns [N, 3 * qubits], in the kernel's precision.
   * @throws TypeError or RangeError as `matrix` does.
   */
  blochVectors(X: MatrixLike): Matrix {
    const { x, n, width } = this.samples(X, false);
    const data = scalars(this.precision, n * width);
    this.guard(() => this.native(x.shape[1]).blochVectors(x.data as Scalars, n, this.parameters, data));
    return { data, shape: [n, width] };
  }

  /**
   * Exact vector-Jacobian product: the gradient of sum(dBloch * blochVectors(X)).
   *
   * @param dBloch [N, 3 * qubits]
   */
  blochGradient(X: MatrixLike, dBloch: MatrixLike): Gradient {
    const { x, n, width } = this.samples(X, true);
    const weights = this.inPrecision(readShaped(dBloch, 'dBloch', [n, width]));
    const dx: Matrix = { data: scalars(this.precision, n * x.shape[1]), shape: [n, x.shape[1]] };
    const dparameters = new Float64Array(this.parameters.length);
    this.guard(() =>
      this.native(x.shape[1]).blochGradient(x.data as Scalars, n, this.parameters, weights, dx.data, dparameters),
    );
    return { dx, dparameters };
  }

  /** `{ kernel: 'projected', map, inner, gamma | nu, length, precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'projected', map: this.map.toJSON(), ...this.inner, precision: this.precision };
  }

  protected get width(): number {
    return this.map.features;
  }

  protected nativeSpec(): NativeSpec {
    return { ...lowerCircuit(this.map.circuit!), kind: 'projected', inner: onBlochVectors(this.inner) };
  }

  protected footprint(): Footprint {
    const { qubits } = this.map;
    if (this.map.isProduct) return { sample: 0, forward: 3 * qubits, backward: 15 * qubits };
    // States are complex and live in a worker's space only, with tables of blocks; in a gradient also lambda and a copy
    // that is unwound.
    const state = 2 * 2 ** qubits;
    const block = Math.min(state, 2 * 2 ** 12);
    return { sample: 0, forward: state + 2 * block, backward: 3 * state + 4 * block };
  }

  protected override sampleBytes(n: number, m: number, features: number, gradient: boolean): number {
    const { qubits } = this.map;
    // Bloch vectors in double; for a gradient a copy and their derivative.
    const vectors = (gradient ? 3 : 1) * (n + m) * 3 * qubits * 8;
    const panel = widePanelBytes(this.map, Math.max(n, m), this.precision);
    return vectors + (panel === undefined ? super.sampleBytes(n, m, features, gradient) : (gradient ? 4 : 1) * panel);
  }

  private samples(X: MatrixLike, gradient: boolean): { x: Matrix; n: number; width: number } {
    const x = readMatrix(X, 'X', this.width);
    const n = x.shape[0];
    const width = 3 * this.map.qubits;
    const bytes = this.sampleBytes(n, 0, x.shape[1], gradient) + n * width * 8;
    checkMemory(bytes, `Bloch vectors of ${n} states of ${this.map.qubits} qubits`);
    return { x, n, width };
  }
}

function readInner(options: ProjectedKernelOptions): Required<InnerKernel> {
  const { inner = 'rbf' } = options ?? {};
  if (!Object.hasOwn(KEYS, inner)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `ProjectedKernel: inner must be one of ${Object.keys(KEYS).join(', ')}, got ${describe(inner)}`,
    );
  }
  rejectUnknownKeys(options, ['inner', ...KEYS[inner], 'precision'], `ProjectedKernel (${inner})`);
  if (options.inner === 'linear') return { inner: 'linear' };
  if (options.inner === 'matern') return { inner: 'matern', ...readMatern(options, 'ProjectedKernel') };
  const { gamma = 1 } = options;
  if (!(typeof gamma === 'number' && gamma > 0 && Number.isFinite(gamma))) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `ProjectedKernel: gamma must be a positive number, got ${describe(gamma)}`,
    );
  }
  return { inner: 'rbf', gamma };
}

/** The inner kernel as a function of Bloch vectors, whose squared distance is 2 d^2. */
function onBlochVectors(inner: Required<InnerKernel>): NativeEuclidean {
  if (inner.inner === 'rbf') return { kind: 'rbf', gamma: inner.gamma / 2 };
  if (inner.inner === 'linear') return { kind: 'linear' };
  return { kind: 'matern', nu: inner.nu, length: inner.length * Math.SQRT2 };
}
