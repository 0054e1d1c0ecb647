import { setImmediate } from 'node:timers/promises';
import type { Circuit } from '../circuits/circuit.js';
import { readMatrix, scalars } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import type { NativeKernel, NativeSpec, Scalars } from '../engine/native.js';
import type {
  AsyncOptions,
  ForwardPass,
  KernelLossForm,
  KernelLossGradient,
  Matrix,
  MatrixLike,
} from '../engine/types.js';
import { describe, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { FeatureMap, featureMap } from '../maps/index.js';
import { DEVICE_KEYS, Device, type DeviceOptions } from './Device.js';
import { inversionTest, productOfReadings, readingsOfZeros, singleQubits } from './InversionTest.js';
import type { TileFinisher } from './matrixToFile.js';
import { measureAsync, measureBlockAsync } from './measureAsync.js';
import { checkAsyncOptions, type Footprint, type KernelOptions, NativeBackedKernel } from './NativeBackedKernel.js';
import { widePanelBytes } from './widePanel.js';

/** Statevectors, row-major: amplitude b of sample i is real[i * 2^n + b] + i imag[i * 2^n + b]. */
export interface States {
  real: Scalars;
  imag: Scalars;
  shape: [samples: number, amplitudes: number];
}

/** Without anything of {@link DeviceOptions} the kernel is computed exactly. */
export interface FidelityKernelOptions extends KernelOptions, DeviceOptions {}

/**
 * The fidelity quantum kernel K(x, y) = |<psi(y)|psi(x)>|^2 of a feature map (Havlicek et al. 2019; Schuld and Killoran
 * 2019), simulated exactly, or as a device would measure it: with finitely many shots, noise and mitigation. `states` are
 * the ideal ones in any case; gradients exist for exact and depolarised kernels.
 */
export class FidelityKernel extends NativeBackedKernel {
  private readonly device: Device | undefined;

  constructor(
    readonly map: FeatureMap,
    options: FidelityKernelOptions = {},
  ) {
    if (!(map instanceof FeatureMap)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `FidelityKernel: map must come from featureMap(), got ${describe(map)}`);
    }
    rejectUnknownKeys(options, ['precision', ...DEVICE_KEYS], 'FidelityKernel');
    super(`FidelityKernel(${map.type}, ${map.qubits} qubits)`, options, map.parameters);
    this.device = Device.of(options, map.qubits, 'FidelityKernel');
    if (this.device?.misreads && !map.circuit) {
      throw new QrkdTypeError(
        'ERR_QRKD_UNSUPPORTED',
        `FidelityKernel: noise.readout depends on the circuit, and the map ${map.type} has none`,
      );
    }
  }

  override matrix(X: MatrixLike, Y?: MatrixLike): Matrix {
    if (!this.device) return super.matrix(X, Y);
    return this.device.measure(this.device.misreads ? finished(this.readings(X, Y)) : super.matrix(X, Y), !Y);
  }

  override async matrixAsync(X: MatrixLike, Y?: MatrixLike, options: AsyncOptions = {}): Promise<Matrix> {
    if (!this.device) return super.matrixAsync(X, Y, options);
    if (!this.device.misreads) {
      return measureAsync(this.device, await super.matrixAsync(X, Y, options), !Y, options.signal);
    }
    checkAsyncOptions(options, 'matrixAsync');
    options.signal?.throwIfAborted();
    const readings = this.readings(X, Y);
    let step = readings.next();
    for (; !step.done; step = readings.next()) {
      options.onProgress?.(step.value);
      await setImmediate();
      options.signal?.throwIfAborted();
    }
    return measureAsync(this.device, step.value, !Y, options.signal);
  }

  override forward(X: MatrixLike, Y?: MatrixLike): ForwardPass {
    this.device?.checkGradient();
    const pass = super.forward(X, Y);
    return this.device ? this.device.wrap(pass) : pass;
  }

  override lossGradient(X: MatrixLike, target: MatrixLike, form?: KernelLossForm): KernelLossGradient {
    if (this.device && !this.device.ideal) {
      throw new QrkdTypeError(
        'ERR_QRKD_UNSUPPORTED',
        'FidelityKernel: lossGradient is for exact kernels; take forward(), which also knows depolarisation, or a kernel without shots and noise',
      );
    }
    return super.lossGradient(X, target, form);
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
    const working = this.map.isProduct ? 16 * amplitudes : this.sampleBytes(n, 0, x.shape[1], false);
    checkMemory(results + working, `${n} states of ${this.map.qubits} qubits`);
    const real = scalars(this.precision, n * amplitudes);
    const imag = scalars(this.precision, n * amplitudes);
    this.guard(() => this.native(x.shape[1]).states(x.data as Scalars, n, this.parameters, real, imag, amplitudes));
    return { real, imag, shape: [n, amplitudes] };
  }

  /** `{ kernel: 'fidelity', map, precision }` with the options of the device, plain JSON. */
  toJSON(): Record<string, unknown> {
    return { kernel: 'fidelity', map: this.map.toJSON(), precision: this.precision, ...this.device?.toJSON() };
  }

  override forEngine(features: number): NativeKernel | undefined {
    return this.device && !this.device.ideal ? undefined : super.forEngine(features);
  }

  /** Probabilities of reading 0...0 off a device with readout errors. */
  private readings(X: MatrixLike, Y: MatrixLike | undefined): Generator<number, Matrix> {
    const own = ({ data, shape }: Matrix): Matrix => ({ data: data.slice(), shape });
    const x = own(readMatrix(X, 'X', this.width));
    const y = Y ? own(readMatrix(Y, 'Y', this.width)) : undefined;
    const embedding = this.map.circuit!;
    const kernelOf = (circuit: Circuit) => {
      const kernel = new FidelityKernel(featureMap(circuit), { precision: this.precision });
      kernel.parameters.set(this.parameters);
      return kernel;
    };
    const { zeroAfter } = this.device!;
    const singles = singleQubits(embedding);
    if (singles) return productOfReadings(singles, (single) => kernelOf(single).matrix(x, y), zeroAfter);
    const test = kernelOf(inversionTest(embedding));
    return readingsOfZeros((pairs) => test.states(pairs), x, y, this.map.qubits, zeroAfter, this.precision);
  }

  protected override tileFinisher(rows: number, columns: number, gram: boolean): TileFinisher | undefined {
    const { device } = this;
    if (!device) return undefined;
    device.checkTiles();
    return async (block, { row, column }, signal) => {
      const done = await measureBlockAsync(device, block, { row, column, gram }, { rows, columns }, false, signal);
      if (done !== block) block.data.set(done.data);
    };
  }

  protected get width(): number {
    return this.map.features;
  }

  protected override sampleBytes(n: number, m: number, features: number, gradient: boolean): number {
    const panel = widePanelBytes(this.map, Math.max(n, m), this.precision);
    if (panel === undefined) return super.sampleBytes(n, m, features, gradient);
    // In a gradient a side has its states, a copy that is unwound, and lambda.
    return (gradient ? 4 : m > 0 ? 2 : 1) * panel;
  }

  protected nativeSpec(): NativeSpec {
    return this.map.native;
  }

  protected footprint(features: number): Footprint {
    const { qubits } = this.map;
    // Bloch vectors; the gradient has as many again, products of factors, and features and angles in double.
    if (this.map.isProduct) return { sample: 3 * qubits, forward: 3 * qubits, backward: 15 * qubits };
    // States are complex. Tables of phases and permutations need work space, of blocks where states are large; in a
    // gradient a thread holds lambda of up to four panels and a state that is unwound.
    const state = 2 * 2 ** qubits;
    const block = Math.min(state, 2 * 2 ** 12);
    if (this.map.circuit) return { sample: state, forward: 2 * block, backward: 5 * state + 4 * block };
    return { sample: features, forward: 0, backward: features };
  }
}

function finished<R>(steps: Generator<unknown, R>): R {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}
