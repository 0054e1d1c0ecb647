import { choice, wholeNumber } from '../analysis/arguments.js';
import { binomial, CounterStream } from '../analysis/binomial.js';
import { DEPOLARIZING_METHODS, type DepolarizingMethod, undoDepolarizing } from '../analysis/mitigation.js';
import {
  affineNoise,
  depolarizedShare,
  type Noise,
  type NoiseOptions,
  readingZeros,
  readNoise,
} from '../analysis/noise.js';
import { makePsd, PSD_METHODS, type PsdMethod } from '../analysis/psd.js';
import { MAX_SEED, MAX_SHOTS, measureBlock, type Place, STREAMS } from '../analysis/shots.js';
import type { ForwardPass, Matrix } from '../engine/types.js';
import { QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';

export interface Mitigation {
  /** Undo the readout errors of `noise`, as {@link mitigateReadout} does, before anything else. */
  readout?: boolean;
  /** Undo the depolarisation, as {@link mitigateDepolarizing} does, its strength read off the diagonal. */
  depolarizing?: DepolarizingMethod;
}

/** The device that a kernel is measured on; without any of these it is computed exactly. */
export interface DeviceOptions {
  /** Runs of the circuit for each entry, 1 to 2^32; infinitely many by default. */
  shots?: number;
  /**
   * Of the shots: a whole number from 0 to 2^53 - 1. The same seed gives the same matrix; 0 by default. Random numbers belong
   * to the seed and to an entry's place, so matrices of other samples need other seeds to be independent.
   */
  seed?: number;
  /** Of the device. Readout errors take one simulated circuit for each pair of samples, unless qubits are independent. */
  noise?: NoiseOptions;
  mitigation?: Mitigation;
  /** What is done about negative eigenvalues of a Gram matrix, last of all; 'none' by default. */
  psd?: PsdMethod;
}

export const DEVICE_KEYS: readonly (keyof DeviceOptions)[] = ['shots', 'seed', 'noise', 'mitigation', 'psd'];

/**
 * From exact fidelities to what a device gives: noise, then shots, then mitigation, then repair of eigenvalues. Everything but
 * the last belongs to single entries, given their place, and to the diagonal, whose exact value is 1; so blocks of a matrix
 * come out as in the whole.
 */
export class Device {
  /** Whether single readings may be wrong: the exact probabilities are then those of `readingsOfZeros`. */
  readonly misreads: boolean;
  /** Probabilities of reading 0 after a 0 and after a 1. */
  readonly zeroAfter: readonly [number, number];
  private readonly noise: Noise;

  /** The device that the options describe, or undefined where none of them is given. */
  static of(options: DeviceOptions, qubits: number, where: string): Device | undefined {
    return DEVICE_KEYS.some((key) => options[key] !== undefined) ? new Device(options, qubits, where) : undefined;
  }

  private constructor(
    private readonly options: DeviceOptions,
    private readonly qubits: number,
    private readonly where: string,
  ) {
    const { shots, seed, noise, mitigation, psd } = options;
    if (shots !== undefined) wholeNumber(shots, 'shots', where, 1, MAX_SHOTS);
    if (seed !== undefined) wholeNumber(seed, 'seed', where, 0, MAX_SEED);
    if (psd !== undefined) choice(psd, 'psd', where, PSD_METHODS);
    this.noise = readNoise(noise ?? {}, `${where}: noise`);
    const { meas1prep0, meas0prep1 } = this.noise;
    this.misreads = meas1prep0 > 0 || meas0prep1 > 0;
    this.zeroAfter = [1 - meas1prep0, meas0prep1];
    checkMitigation(mitigation, this.misreads, where);
    const { right, wrong } = readingZeros(this.noise, qubits);
    if (mitigation?.readout && !(right > wrong)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: these readout errors leave nothing to tell outcomes apart`);
    }
    this.options = structuredClone(options);
  }

  /** The options given, plain JSON. */
  toJSON(): DeviceOptions {
    return structuredClone(this.options);
  }

  /**
   * What the device gives for a whole matrix, in place where that can be.
   *
   * @param exact fidelities, or probabilities of reading zeros where the device misreads.
   */
  measure(exact: Matrix, gram: boolean): Matrix {
    const [n, m] = exact.shape;
    this.measureBlock(exact, { row: 0, column: 0, gram }, { rows: n, columns: m });
    return gram && this.repairs ? this.repair(exact) : exact;
  }

  /** Whether what is measured is what is. */
  get ideal(): boolean {
    const { shots, mitigation } = this.options;
    return shots === undefined && !mitigation && !this.misreads && !this.repairs && this.noise.depolarizing === 0;
  }

  /** Whether negative eigenvalues are repaired. */
  get repairs(): boolean {
    return (this.options.psd ?? 'none') !== 'none';
  }

  repair(K: Matrix): Matrix {
    return makePsd(K, this.options.psd ?? 'none');
  }

  /** What makes the same device in another thread. */
  get description(): { options: DeviceOptions; qubits: number; where: string } {
    return { options: this.options, qubits: this.qubits, where: this.where };
  }

  /** {@link measure} without the repair of eigenvalues, for a block of a matrix of the size `whole`, in place. */
  measureBlock(block: Matrix, place: Place, whole: { rows: number; columns: number }): void {
    const { shots, seed = 0, mitigation } = this.options;
    const { data, shape } = block;
    const { right, mixed } = readingZeros(this.noise, this.qubits);
    const share = depolarizedShare(this.noise);
    if (place.gram) fillDiagonal(block, place, this.misreads ? right : 1);
    const { scale, offset } = this.misreads
      ? { scale: 1 - share, offset: share * mixed }
      : affineNoise(this.noise, this.qubits);
    if (share > 0) for (let k = 0; k < data.length; k++) data[k] = scale * data[k] + offset;
    if (shots !== undefined) measureBlock(data, shape[1], place, shots, seed);
    if (mitigation?.readout) this.undoReadout(data);
    if (mitigation?.depolarizing) this.undoDepolarizing(block, place, whole, mitigation.depolarizing);
  }

  /** Refuses, naming what stands in the way, where a gradient through the device does not exist. */
  checkGradient(): void {
    const { shots, mitigation } = this.options;
    const obstacle =
      (shots !== undefined && 'shots') ||
      (this.misreads && 'noise.readout') ||
      (mitigation && 'mitigation') ||
      (this.repairs && 'psd');
    if (obstacle) {
      throw new QrkdTypeError(
        'ERR_QRKD_UNSUPPORTED',
        `${this.where}: gradients exist for exact and for depolarised kernels, not with ${obstacle}; use a second kernel without it`,
      );
    }
  }

  /** Refuses what cannot be done block by block. */
  checkTiles(): void {
    const obstacle = (this.misreads && 'noise.readout') || (this.repairs && 'psd');
    if (obstacle) {
      throw new QrkdTypeError(
        'ERR_QRKD_UNSUPPORTED',
        `${this.where}: matrixToFile works block by block, which ${obstacle} does not allow`,
      );
    }
  }

  /** A forward pass through the device: depolarisation scales values and gradients. */
  wrap(pass: ForwardPass): ForwardPass {
    const { scale, offset } = affineNoise(this.noise, this.qubits);
    const matrix: Matrix = { data: pass.matrix.data.map((k) => scale * k + offset), shape: pass.matrix.shape };
    const scaled = (m: Matrix): Matrix => ({ data: m.data.map((v) => scale * v), shape: m.shape });
    return {
      matrix,
      gradient(dK) {
        const { dx, dy, dparameters } = pass.gradient(dK);
        return { dx: scaled(dx), ...(dy && { dy: scaled(dy) }), dparameters: dparameters.map((v) => scale * v) };
      },
      dispose: () => pass.dispose(),
    };
  }

  private undoReadout(data: Float32Array | Float64Array): void {
    const { right, wrong } = readingZeros(this.noise, this.qubits);
    for (let k = 0; k < data.length; k++) data[k] = (data[k] - wrong) / (right - wrong);
  }

  private undoDepolarizing(
    block: Matrix,
    { row, column, gram }: Place,
    whole: { rows: number; columns: number },
    method: DepolarizingMethod,
  ): void {
    const [rows, columns] = block.shape;
    const left = this.measuredDiagonal(whole.rows, STREAMS.gram);
    const right = gram ? left : this.measuredDiagonal(whole.columns, STREAMS.diagonalY);
    if (method === 'split_channel') {
      const [own, other] = [left.subarray(row, row + rows), right.subarray(column, column + columns)];
      undoDepolarizing(block, this.qubits, method, own, other, undefined, this.where);
    } else {
      undoDepolarizing(block, this.qubits, method, left, right, undefined, this.where);
    }
  }

  /** K(x_i, x_i) as measured, readout mitigation included; no circuit is needed, the exact value being 1. */
  private measuredDiagonal(count: number, stream: number): Float64Array {
    const { shots, seed = 0, mitigation } = this.options;
    const { right, mixed } = readingZeros(this.noise, this.qubits);
    const share = depolarizedShare(this.noise);
    const random = new CounterStream(seed);
    const diagonal = new Float64Array(count).fill((1 - share) * right + share * mixed);
    if (shots !== undefined) {
      for (let i = 0; i < count; i++) {
        random.seek(i, i, stream);
        diagonal[i] = binomial(random, shots, diagonal[i]) / shots;
      }
    }
    if (mitigation?.readout) this.undoReadout(diagonal);
    return diagonal;
  }
}

function checkMitigation(mitigation: Mitigation | undefined, misreads: boolean, where: string): void {
  if (mitigation === undefined) return;
  rejectUnknownKeys(mitigation, ['readout', 'depolarizing'], `${where}: mitigation`);
  const { readout, depolarizing } = mitigation;
  if (depolarizing !== undefined) choice(depolarizing, 'mitigation.depolarizing', where, DEPOLARIZING_METHODS);
  if (readout !== undefined && typeof readout !== 'boolean') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: mitigation.readout must be true or false, got ${readout}`);
  }
  if (readout && !misreads) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: mitigation.readout needs noise.readout, whose effect it undoes`,
    );
  }
}

function fillDiagonal({ data, shape: [rows, columns] }: Matrix, { row, column }: Place, value: number): void {
  for (let i = 0; i < rows; i++) {
    const j = row + i - column;
    if (j >= 0 && j < columns) data[i * columns + j] = value;
  }
}
