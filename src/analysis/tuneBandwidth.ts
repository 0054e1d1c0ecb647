import { readMatrix } from '../engine/input.js';
import type { AsyncOptions, Kernel, Matrix, MatrixLike } from '../engine/types.js';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { CosineKernel } from '../kernels/CosineKernel.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { FeatureMap, type FeatureMapSpec, featureMap } from '../maps/index.js';
import { type AlignmentOptions, aligned, cosine, dot, type Labels, targetMatrix } from './alignment.js';
import { choice } from './arguments.js';
import { offDiagonal } from './concentration.js';

export interface TuneOptions extends Pick<AsyncOptions, 'signal'> {
  /** Class labels of the samples; needed by 'alignment'. */
  labels?: Labels;
  /**
   * What is maximised: 'alignment' with the labels, or 'spread', the standard deviation of the entries off the diagonal,
   * which vanishes both where all samples look alike and where the kernel has concentrated. 'alignment' if there are
   * labels.
   */
  by?: 'alignment' | 'spread';
  /** 'grid' scores the bandwidths given; 'gradient' goes on from the best of them to a maximum. 'grid' by default. */
  method?: 'grid' | 'gradient';
  /** At least two positive numbers; from 0.01 to 10 by default, ten a decade ('grid') or four ('gradient'). */
  bandwidths?: readonly number[];
  /** Of 'alignment': centre kernel and target first; true by default. */
  centered?: boolean;
  /** Of 'alignment': count the diagonal too, which draws the best bandwidth towards the identity; false by default. */
  diagonal?: boolean;
  /** Called after every bandwidth with the finished fraction of the work, 0..1. */
  onProgress?: (fraction: number, latest: BandwidthScore) => void;
}

export interface BandwidthScore {
  bandwidth: number;
  /** Alignment, at most 1, or spread, at most 0.5. */
  score: number;
  /** Mean and standard deviation of the kernel's entries off the diagonal. */
  mean: number;
  deviation: number;
}

export interface TuneResult {
  /** The best bandwidth. */
  bandwidth: number;
  score: number;
  by: 'alignment' | 'spread';
  /** Whether the best is the smallest or the largest bandwidth tried, so that better ones may lie beyond. */
  atEdge: boolean;
  /** Everything that was tried, by bandwidth. */
  table: BandwidthScore[];
  /** The table as an SVG picture. */
  plot(): Promise<string>;
}

/** Of 'gradient': the width of the last bracket of log(bandwidth), and how often a bracket is halved at most. */
const TOLERANCE = 1e-4;
const MAX_HALVINGS = 20;

/**
 * Finds the bandwidth, the factor c of the features, at which a kernel tells most about the samples. It decides whether a
 * quantum kernel generalises (Shaydulin and Wild, "Importance of kernel bandwidth in quantum machine learning", Phys. Rev. A 106,
 * 042407, 2022; Canatar et al., "Bandwidth enables generalization in quantum kernel models", TMLR 2023).
 *
 * 'gradient' halves the bracket around the best of the bandwidths by the sign of d score / d c = sum(d score / dX * X), until
 * the maximum is known to a relative 1e-4.
 *
 * @param kernel a kernel, a feature map or its specification; its own bandwidth does not matter. The parameters of a
 *   trainable kernel stay as they are.
 * @param X [N, features], N >= 2
 * @throws TypeError or RangeError: ERR_QRKD_TYPE, ERR_QRKD_SHAPE, ERR_QRKD_VALUE, ERR_QRKD_NOT_FINITE, ERR_QRKD_MEMORY. An abort
 *   rejects with `signal.reason`.
 */
export async function tuneBandwidth(
  kernel: Kernel | FeatureMap | FeatureMapSpec,
  X: MatrixLike,
  options: TuneOptions = {},
): Promise<TuneResult> {
  const where = 'tuneBandwidth';
  rejectUnknownKeys(
    options,
    ['labels', 'by', 'method', 'bandwidths', 'centered', 'diagonal', 'signal', 'onProgress'],
    where,
  );
  const given = readMatrix(X, `${where}: X`);
  const x: Matrix = { data: given.data.slice(), shape: given.shape };
  const n = x.shape[0];
  if (n < 2) throw new QrkdRangeError('ERR_QRKD_SHAPE', `${where}: X has 1 row, expected at least 2`);
  const by = choice(options.by ?? (options.labels ? 'alignment' : 'spread'), 'by', where, ['alignment', 'spread']);
  const method = choice(options.method ?? 'grid', 'method', where, ['grid', 'gradient']);
  const objective =
    by === 'spread'
      ? spread
      : alignmentWith(options.labels, n, { centered: options.centered ?? true, diagonal: options.diagonal ?? false });
  const bandwidths = readBandwidths(options.bandwidths, method);
  const target = scalable(kernel);
  const total = bandwidths.length + (method === 'gradient' ? halvings(bandwidths) : 0);
  const table: BandwidthScore[] = [];
  const record = (bandwidth: number, K: Matrix): Score => {
    const result = objective(K);
    const { mean, variance } = offDiagonal(K);
    table.push({ bandwidth, score: result.score, mean, deviation: Math.sqrt(variance) });
    options.onProgress?.(Math.min(table.length / total, 1), table.at(-1)!);
    return result;
  };
  for (const bandwidth of bandwidths) {
    options.signal?.throwIfAborted();
    const settings = options.signal ? { signal: options.signal } : {};
    record(bandwidth, await target.kernel.matrixAsync(scaled(x, bandwidth / target.bandwidth), undefined, settings));
  }
  if (method === 'gradient') {
    const best = bestOf(table);
    const at = bandwidths.indexOf(best.bandwidth);
    /** d score / d bandwidth. */
    const slope = (bandwidth: number): number => {
      const pass = target.kernel.forward(scaled(x, bandwidth / target.bandwidth));
      try {
        const { dx } = pass.gradient({ data: record(bandwidth, pass.matrix).gradient(), shape: [n, n] });
        let sum = 0;
        for (let k = 0; k < x.data.length; k++) sum += dx.data[k] * x.data[k];
        return sum / target.bandwidth;
      } finally {
        pass.dispose();
      }
    };
    const upwards = slope(best.bandwidth) > 0;
    table.splice(table.indexOf(best), 1);
    let low = Math.log(upwards ? best.bandwidth : bandwidths[Math.max(at - 1, 0)]);
    let high = Math.log(upwards ? bandwidths[Math.min(at + 1, bandwidths.length - 1)] : best.bandwidth);
    for (let step = 0; step < MAX_HALVINGS && high - low > TOLERANCE; step++) {
      options.signal?.throwIfAborted();
      const middle = (low + high) / 2;
      if (slope(Math.exp(middle)) > 0) low = middle;
      else high = middle;
      // Lets timers and aborts have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  table.sort((a, b) => a.bandwidth - b.bandwidth);
  const { bandwidth, score } = bestOf(table);
  const atEdge = bandwidth === table[0].bandwidth || bandwidth === table.at(-1)!.bandwidth;
  const plot = async () => {
    const { bandwidthCurve } = await import('../report/kernelCharts.js');
    return bandwidthCurve(table, by);
  };
  return { bandwidth, score, by, atEdge, table, plot };
}

interface Score {
  score: number;
  /** d score / dK */
  gradient(): Float64Array;
}

function spread({ data, shape }: Matrix): Score {
  const n = shape[0];
  const { mean, variance } = offDiagonal({ data, shape });
  const score = Math.sqrt(variance);
  const gradient = () => {
    const scale = score > 0 ? 1 / (score * n * (n - 1)) : 0;
    return Float64Array.from(data, (k, i) => (i % (n + 1) === 0 ? 0 : (k - mean) * scale));
  };
  return { score, gradient };
}

function alignmentWith(labels: Labels | undefined, n: number, how: AlignmentOptions): (K: Matrix) => Score {
  if (labels === undefined) {
    throw new QrkdTypeError('ERR_QRKD_TYPE', "tuneBandwidth: by: 'alignment' needs labels");
  }
  const ideal = targetMatrix(labels);
  if (ideal.shape[0] !== n) {
    throw new QrkdRangeError('ERR_QRKD_SHAPE', `tuneBandwidth: labels has ${ideal.shape[0]} entries, X has ${n} rows`);
  }
  const t = aligned(ideal, how);
  return (K) => {
    const k = aligned(K, how);
    const score = cosine(k, t);
    // What is compared is an orthogonal projection, and both terms lie within it already.
    const gradient = () => {
      const [normK, normT] = [Math.sqrt(dot(k, k)), Math.sqrt(dot(t, t))];
      return Float64Array.from(k, (value, i) => (score === 0 ? 0 : (t[i] / normT - (score * value) / normK) / normK));
    };
    return { score, gradient };
  };
}

/** The kernel, and the bandwidth that it already has: any other one is a matter of scaling the samples. */
function scalable(given: Kernel | FeatureMap | FeatureMapSpec): { kernel: Kernel; bandwidth: number } {
  if (given === null || typeof given !== 'object') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `tuneBandwidth: kernel must be a kernel, a feature map or its specification, got ${describe(given)}`,
    );
  }
  const isKernel = 'matrixAsync' in given;
  const kernel = isKernel ? given : new FidelityKernel(given instanceof FeatureMap ? given : featureMap(given));
  const map = (kernel as { map?: unknown }).map;
  const { type, bandwidth = 1 } =
    map instanceof FeatureMap ? (map.spec as { type: string; bandwidth?: number }) : { type: '' };
  if (type === 'amplitude' || kernel instanceof CosineKernel) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      'tuneBandwidth: this kernel normalises its samples, a bandwidth changes nothing',
    );
  }
  if (bandwidth === 0) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', 'tuneBandwidth: the kernel has bandwidth 0, which no factor changes');
  }
  return { kernel, bandwidth };
}

function scaled({ data, shape }: Matrix, factor: number): Matrix {
  return { data: data.map((v) => factor * v), shape };
}

function bestOf(table: readonly BandwidthScore[]): BandwidthScore {
  return table.reduce((best, row) => (row.score > best.score ? row : best));
}

function halvings(bandwidths: readonly number[]): number {
  const widest = Math.max(...bandwidths.slice(1).map((b, i) => Math.log(b / bandwidths[i])));
  return Math.min(MAX_HALVINGS, Math.max(1, Math.ceil(Math.log2(widest / TOLERANCE))));
}

function readBandwidths(given: readonly number[] | undefined, method: 'grid' | 'gradient'): number[] {
  if (given === undefined) {
    const perDecade = method === 'grid' ? 10 : 4;
    return Array.from({ length: 3 * perDecade + 1 }, (_, i) => Number((0.01 * 10 ** (i / perDecade)).toPrecision(4)));
  }
  const valid = Array.isArray(given) && given.every((b) => typeof b === 'number' && b > 0 && Number.isFinite(b));
  const sorted = valid ? [...new Set(given)].sort((a, b) => a - b) : [];
  if (sorted.length < 2) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `tuneBandwidth: bandwidths must be at least two different positive numbers, got ${describe(given)}`,
    );
  }
  return sorted;
}
