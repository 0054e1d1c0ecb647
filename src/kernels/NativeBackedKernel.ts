import { readMatrix, readShaped, scalars } from '../engine/input.js';
import { checkMemory } from '../engine/memory.js';
import {
  engineThreads,
  type NativeForward,
  type NativeKernel,
  type NativeSpec,
  native,
  type Scalars,
} from '../engine/native.js';
import type {
  AsyncOptions,
  ForwardPass,
  Gradient,
  Kernel,
  KernelLossForm,
  KernelLossGradient,
  Matrix,
  MatrixLike,
  Precision,
} from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import type { MatrixFile } from '../tiles/matrixFile.js';
import { type MatrixToFileOptions, matrixToFile, type TileFinisher } from './matrixToFile.js';

const LOSS_FORMS: KernelLossForm[] = ['smooth-l1', 'smooth-l1-off-diagonal', 'squared', 'alignment'];
const PRECISIONS: Precision[] = ['float32', 'float64'];
const PROGRESS_MS = 50;

/** Matrices as large as the result that a call holds at once: overlaps are complex, a loss also has its derivative. */
const MATRICES = { matrix: 1, forward: 4, loss: 8 };

export interface KernelOptions {
  /** Of the computation and the results; 'float64' by default. */
  precision?: Precision;
}

/** Memory that a call takes, in scalars of the kernel's precision per lane of a panel. */
export interface Footprint {
  /** Every sample, kept until the call ends. */
  sample: number;
  /** Work space of each thread in the forward pass. */
  forward: number;
  /** Work space of each thread in the gradient. */
  backward: number;
}

interface Operands {
  x: Matrix;
  y: Matrix | undefined;
  n: number;
  m: number;
}

/** The part that all kernels share: reading arguments, and calling the addon. */
export abstract class NativeBackedKernel implements Kernel {
  readonly precision: Precision;
  private readonly values: Float64Array;
  private readonly natives = new Map<number, NativeKernel>();

  protected constructor(
    private readonly name: string,
    options: KernelOptions,
    parameters = 0,
  ) {
    const precision = options.precision ?? 'float64';
    if (!PRECISIONS.includes(precision)) {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${name}: precision must be 'float32' or 'float64', got ${describe(precision)}`,
      );
    }
    this.precision = precision;
    this.values = new Float64Array(parameters);
  }

  /**
   * Values of the trainable parameters, empty where there are none: always the same array, to be set in place. Assigning to
   * it copies as many finite numbers as there are.
   *
   * @throws TypeError ERR_QRKD_TYPE, RangeError ERR_QRKD_SHAPE or ERR_QRKD_NOT_FINITE.
   */
  get parameters(): Float64Array {
    return this.values;
  }

  set parameters(values: ArrayLike<number>) {
    const what = `${this.name}: parameters`;
    if (typeof values !== 'object' || !Number.isInteger(values?.length)) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `${what} must be numbers in an array, got ${describe(values)}`);
    }
    if (values.length !== this.values.length) {
      throw new QrkdRangeError('ERR_QRKD_SHAPE', `${what} are ${this.values.length} numbers, got ${values.length}`);
    }
    const copy = Float64Array.from(values);
    this.checkParameters(copy);
    this.values.set(copy);
  }

  /** Number of features of a sample, or undefined where any number will do. */
  protected abstract get width(): number | undefined;
  protected abstract nativeSpec(features: number): NativeSpec;
  protected abstract footprint(features: number): Footprint;
  abstract toJSON(): Record<string, unknown>;

  /**
   * Symmetric Gram matrix of X, or the cross matrix K[i][j] = K(x_i, y_j).
   *
   * @param X [N, features]
   * @param Y [M, features]
   * @returns [N, N] or [N, M], in the kernel's precision.
   * @throws TypeError or RangeError: ERR_QRKD_TYPE, ERR_QRKD_SHAPE, ERR_QRKD_NOT_FINITE, ERR_QRKD_MEMORY.
   */
  matrix(X: MatrixLike, Y?: MatrixLike): Matrix {
    const { x, y, n, m } = this.operands(X, Y);
    const data = scalars(this.precision, n * m);
    this.guard(() =>
      this.native(x.shape[1]).matrix(x.data as Scalars, n, (y?.data as Scalars) ?? null, m, this.parameters, data),
    );
    return { data, shape: [n, m] };
  }

  /** {@link matrix} off the event loop. An abort rejects with `signal.reason`. */
  async matrixAsync(X: MatrixLike, Y?: MatrixLike, options: AsyncOptions = {}): Promise<Matrix> {
    checkAsyncOptions(options, 'matrixAsync');
    const { signal, onProgress } = options;
    const { x, y, n, m } = this.operands(X, Y);
    signal?.throwIfAborted();
    const bytes = this.precision === 'float32' ? 4 : 8;
    const buffer = new ArrayBuffer(n * m * bytes);
    const job = this.native(x.shape[1]).matrixAsync(
      x.data as Scalars,
      n,
      (y?.data as Scalars) ?? null,
      m,
      this.parameters,
      buffer,
    );
    let abort: (() => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    const aborted = new Promise<never>((_, reject) => {
      const stop = (reason: unknown) => {
        job.cancel();
        reject(reason);
      };
      abort = () => stop(signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      // On a timer nobody else would catch what onProgress throws.
      const report = () => {
        try {
          // The estimate of the work may be reached before the end, which is told once.
          const fraction = job.progress();
          if (fraction < 1) onProgress!(fraction);
        } catch (error) {
          stop(error);
        }
      };
      if (onProgress) timer = setInterval(report, PROGRESS_MS);
    });
    const finished = job.promise.catch((error) => {
      throw this.translate(error);
    });
    try {
      // The race also hears the rejection of whichever comes second.
      await Promise.race([finished, aborted]);
    } finally {
      clearInterval(timer);
      if (abort) signal?.removeEventListener('abort', abort);
    }
    onProgress?.(1);
    return { data: this.precision === 'float32' ? new Float32Array(buffer) : new Float64Array(buffer), shape: [n, m] };
  }

  /**
   * {@link matrix} to a `.npy` file, of any size, in tiles: bounded memory, writing beside computing, and a journal from
   * which a run that was stopped or killed goes on; the finished file is the same to the bit. Until it is finished it is
   * `path.partial`.
   *
   * @param path `.npy`; with the option `shard` the file is `path.<i>of<n>.part`.
   * @returns the path and size of the file.
   * @throws as `matrix` does; RangeError ERR_QRKD_FILE if the journal is that of another computation or the disk is too
   *   small; errors of the system with their code. An abort rejects with `signal.reason` and can be resumed.
   */
  async matrixToFile(
    path: string,
    X: MatrixLike,
    Y?: MatrixLike,
    options: MatrixToFileOptions = {},
  ): Promise<MatrixFile> {
    checkAsyncOptions(options, 'matrixToFile', ['resume', 'memory', 'shard']);
    const own = (matrix: Matrix): Matrix => ({ ...matrix, data: matrix.data.slice() });
    const x = own(readMatrix(X, 'X', this.width));
    const y = Y === undefined || Y === null ? undefined : own(readMatrix(Y, 'Y', x.shape[1]));
    const kernel = this.native(x.shape[1]);
    const parameters = this.parameters.slice();
    const tiled = {
      name: this.name,
      precision: this.precision,
      json: this.toJSON(),
      parameters,
      sampleBytes: (n: number, m: number) => this.sampleBytes(n, m, x.shape[1], false),
      start: (a: Scalars, n: number, b: Scalars | null, m: number, out: ArrayBuffer) =>
        kernel.matrixAsync(a, n, b, m, parameters, out),
      encode: (a: Scalars, n: number, whole: number) => kernel.encodeAsync(a, n, parameters, whole),
      block: (a: unknown, b: unknown, out: ArrayBuffer) => kernel.blockAsync(a, b, out),
      release: (encoded: unknown) => kernel.release(encoded),
      finish: this.tileFinisher(x.shape[0], y?.shape[0] ?? x.shape[0], !y),
      translate: (error: unknown) => this.translate(error),
    };
    return matrixToFile(path, tiled, x, y, options);
  }

  /** Like {@link matrix}, keeping states and overlaps so that the gradient costs no second forward pass. */
  forward(X: MatrixLike, Y?: MatrixLike): ForwardPass {
    const { x, y, n, m } = this.operands(X, Y, MATRICES.forward);
    const data = scalars(this.precision, n * m);
    const pass = this.guard(() =>
      this.native(x.shape[1]).forward(x.data as Scalars, n, (y?.data as Scalars) ?? null, m, this.parameters, data),
    );
    return new NativePass({ data, shape: [n, m] }, pass, x.shape[1], y !== undefined, this);
  }

  /**
   * Exact vector-Jacobian product: the gradient of sum(dK * K).
   *
   * @param dK [N, N], or [N, M] with Y; it need not be symmetric.
   */
  gradient(X: MatrixLike, dK: MatrixLike, Y?: MatrixLike): Gradient {
    const pass = this.forward(X, Y);
    try {
      return pass.gradient(dK);
    } finally {
      pass.dispose();
    }
  }

  lossGradient(X: MatrixLike, target: MatrixLike, form: KernelLossForm = 'smooth-l1'): KernelLossGradient {
    const { x, n } = this.operands(X, undefined, MATRICES.loss);
    const index = LOSS_FORMS.indexOf(form);
    if (index < 0) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `form must be one of ${LOSS_FORMS.join(', ')}, got ${describe(form)}`);
    }
    const wanted = this.inPrecision(readShaped(target, 'target', [n, n]));
    const data = scalars(this.precision, n * x.shape[1]);
    const dparameters = new Float64Array(this.parameters.length);
    const loss = this.guard(() =>
      this.native(x.shape[1]).kernelLoss(x.data as Scalars, n, this.parameters, wanted, index, data, dparameters),
    );
    return { loss, gradient: { data, shape: [n, x.shape[1]] }, dparameters };
  }

  /** What comes after the exact kernel where its matrix goes to a file: nothing, unless a kernel says otherwise. */
  protected tileFinisher(_rows: number, _columns: number, _gram: boolean): TileFinisher | undefined {
    return undefined;
  }

  /**
   * The kernel as the engine's own training loop takes it, or undefined where what it computes is more than the engine's
   * exact kernel.
   */
  forEngine(features: number): NativeKernel | undefined {
    return this.native(features);
  }

  /** The kernel in the engine. Parameters may have been set in place, so that this is the place to check them. */
  protected native(features: number): NativeKernel {
    this.checkParameters(this.values);
    let kernel = this.natives.get(features);
    if (!kernel) {
      kernel = new (native().NativeKernel)({ ...this.nativeSpec(features), precision: this.precision });
      this.natives.set(features, kernel);
    }
    return kernel;
  }

  private checkParameters(values: Float64Array): void {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new QrkdRangeError('ERR_QRKD_NOT_FINITE', `${this.name}: parameters has ${values[at]} at ${at}`);
    }
  }

  /** Reads X and Y and makes sure that states, work space and as many `matrices` as the results fit into memory. */
  private operands(X: MatrixLike, Y: MatrixLike | undefined, matrices: number = MATRICES.matrix): Operands {
    const x = readMatrix(X, 'X', this.width);
    const y = Y === undefined || Y === null ? undefined : readMatrix(Y, 'Y', x.shape[1]);
    const n = x.shape[0];
    const m = y?.shape[0] ?? n;
    const bytes = this.sampleBytes(n, y ? m : 0, x.shape[1], matrices > MATRICES.matrix);
    const scalar = this.precision === 'float32' ? 4 : 8;
    checkMemory(bytes + matrices * n * m * scalar, `${this.name} of ${n}${y ? ` x ${m}` : ''} samples`);
    return { x, y, n, m };
  }

  /** Bytes that the samples of both sides take in the engine, with every thread's work space. */
  protected sampleBytes(n: number, m: number, features: number, gradient: boolean): number {
    const panelBytes = 64;
    const lanes = this.precision === 'float32' ? 16 : 8;
    const panels = (rows: number) => Math.ceil(rows / lanes);
    const workers = Math.min(engineThreads(), Math.max(panels(n), panels(m)));
    const { sample, forward, backward } = this.footprint(features);
    const scratch = gradient ? Math.max(forward, backward) : forward;
    // Inputs are copied out of V8 as doubles, and once more by what is kept for a gradient.
    const inputs = (n + m) * features * 8 * (gradient ? 2 : 1);
    return panelBytes * ((panels(n) + panels(m)) * sample + workers * scratch) + inputs;
  }

  protected inPrecision({ data }: Matrix): Scalars {
    if (this.precision === 'float32') return data instanceof Float32Array ? data : Float32Array.from(data);
    return data instanceof Float64Array ? data : Float64Array.from(data);
  }

  protected guard<R>(body: () => R): R {
    try {
      return body();
    } catch (error) {
      throw this.translate(error);
    }
  }

  /** Errors of the addon in the library's own terms. */
  private translate(error: unknown): unknown {
    const { code, message, row, inY } = error as { code?: string; message: string; row: number; inY: boolean };
    if (code === 'BAD_SAMPLE') {
      return new QrkdRangeError('ERR_QRKD_VALUE', `${inY ? 'Y' : 'X'}: row ${row} ${message}`);
    }
    if (code === 'OUT_OF_MEMORY') return new QrkdRangeError('ERR_QRKD_MEMORY', `${this.name}: out of memory`);
    return error;
  }
}

export function checkAsyncOptions(options: object, where: string, more: readonly string[] = []): void {
  rejectUnknownKeys(options, ['signal', 'onProgress', ...more], where);
  const { signal, onProgress }: { signal?: unknown; onProgress?: unknown } = options;
  // Not instanceof: signals of other realms and of polyfills are as good.
  const isSignal = typeof signal === 'object' && (signal === null || 'aborted' in signal);
  if (signal !== undefined && !isSignal) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: signal must be an AbortSignal, got ${describe(signal)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: onProgress must be a function, got ${describe(onProgress)}`);
  }
}

class NativePass implements ForwardPass {
  private disposed = false;

  constructor(
    readonly matrix: Matrix,
    private readonly pass: NativeForward,
    private readonly features: number,
    private readonly cross: boolean,
    private readonly kernel: NativeBackedKernel,
  ) {}

  gradient(dK: MatrixLike): Gradient {
    if (this.disposed) throw new QrkdTypeError('ERR_QRKD_DISPOSED', 'this forward pass was disposed of');
    const [n, m] = this.matrix.shape;
    const weights = readShaped(dK, 'dK', [n, m]).data;
    const { precision } = this.kernel;
    const Type = precision === 'float32' ? Float32Array : Float64Array;
    const data = weights instanceof Type ? weights : Type.from(weights);
    const dx: Matrix = { data: scalars(precision, n * this.features), shape: [n, this.features] };
    const dy: Matrix | undefined = this.cross
      ? { data: scalars(precision, m * this.features), shape: [m, this.features] }
      : undefined;
    const dparameters = new Float64Array(this.kernel.parameters.length);
    this.pass.gradient(data, dx.data, dy?.data ?? null, dparameters);
    return { dx, ...(dy && { dy }), dparameters };
  }

  dispose(): void {
    this.disposed = true;
    this.pass.dispose();
  }
}
