import { readMatrix, scalars } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import type { NativeSpec, Scalars } from '../engine/native.js';
import type { MatrixLike } from '../engine/types.js';
import { describe, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { FeatureMap } from '../maps/index.js';
import { type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';

/** Statevectors, row-major: amplitude b of sample i is real[i * 2^n + b] + i imag[i * 2^n + b]. */
export interface States {
  real: Scalars;
  imag: Scalars;
  shape: [samples: number, amplitudes: number];
}

/**
 * The fidelity quantum kernel K(x, y) = |<psi(y)|psi(x)>|^2 of a feature map (Havlicek et al. 2019; Schuld and Killoran
 * 2019), simulated exactly.
 */
export class FidelityKernel extends NativeBackedKernel {
  /** Values of the map's trainable parameters. */
  readonly parameters: Float64Array;

  constructor(
    readonly map: FeatureMap,
    options: KernelOptions = {},
  ) {
    if (!(map instanceof FeatureMap)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `FidelityKernel: map must come from featureMap(), got ${describe(map)}`);
    }
    rejectUnknownKeys(options, ['precision'], 'FidelityKernel');
    super(`FidelityKernel(${map.type}, ${map.qubits} qubits)`, options);
    this.parameters = new Float64Array(map.parameters);
  }

  /**
   * The quantum states of the samples, qubit 0 the least significant bit of the amplitude's index.
   *
   * @param X [N, features]
   * @throws TypeError or RangeError as `matrix` does.
   */
  states(X: MatrixLike): States {
    const x = readMatrix(X, 'X', this.width);
    const n = x.shape[0];
    const amplitudes = 2 ** this.map.qubits;
    const results = 2 * n * amplitudes * (this.precision === 'float32' ? 4 : 8);
    // A product state is multiplied out in one vector of complex doubles, the others are unpacked from their panels.
    const working = this.map.native.kind === 'product' ? 16 * amplitudes : this.sampleBytes(n, 0, x.shape[1], false);
    checkMemory(results + working, `${n} states of ${this.map.qubits} qubits`);
    const real = scalars(this.precision, n * amplitudes);
    const imag = scalars(this.precision, n * amplitudes);
    this.guard(() => this.native(x.shape[1]).states(x.data as Scalars, n, real, imag, amplitudes));
    return { real, imag, shape: [n, amplitudes] };
  }

  /** `{ kernel: 'fidelity', map, precision }`, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'fidelity', map: this.map.toJSON(), precision: this.precision };
  }

  protected get width(): number {
    return this.map.features;
  }

  protected nativeSpec(): NativeSpec {
    return this.map.native;
  }

  protected footprint(features: number): Footprint {
    const { native: spec, qubits } = this.map;
    if (spec.kind === 'phase') {
      // States are complex. Repetitions need the phase vector, from the third on also the state unwound; the gradient
      // has lambda and one real vector.
      const state = 2 * 2 ** qubits;
      const phase = spec.reps > 1 ? state : 0;
      return { sample: state, forward: phase, backward: 1.5 * state + phase + (spec.reps > 2 ? state : 0) };
    }
    // Bloch vectors; the gradient has as many again, products of factors, and features and angles in double.
    if (spec.kind === 'product') return { sample: 3 * qubits, forward: 3 * qubits, backward: 15 * qubits };
    return { sample: features, forward: 0, backward: features };
  }
}
