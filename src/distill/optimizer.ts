import type { Optimizer } from '@tensorflow/tfjs-core';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { readSchedule, type Schedule, scheduledRate } from './schedule.js';

export type OptimizerName = 'sgd' | 'momentum' | 'adam' | 'adamw' | 'rmsprop';

/** An optimizer as plain JSON; both engines compute the same from it. Keys that an optimizer does not have are errors. */
export interface OptimizerConfig {
  /**
   * The formulas are those of tfjs's optimizers of these names: 'momentum' is 'sgd' with a momentum of 0.9, 'adamw' is
   * 'adam' with a weight decay of 0.01, and 'rmsprop' has its epsilon under the root.
   */
  name: OptimizerName;
  /** Default 3e-3. */
  learningRate?: number;
  /** How the learning rate changes over the run, by name or with its numbers; default 'constant'. */
  schedule?: Schedule['type'] | Schedule;
  /**
   * Decoupled (Loshchilov and Hutter 2019, arXiv 1711.05101): before a step every weight is multiplied by
   * 1 - learning rate * weightDecay, as torch.optim.AdamW does. Default 0, for adamw 0.01.
   */
  weightDecay?: number;
  /** All gradients together are scaled down to at most this norm, as torch.nn.utils.clip_grad_norm_ does. */
  clipNorm?: number;
  /** Every component of a gradient is clipped to [-clipValue, clipValue]. Not together with clipNorm. */
  clipValue?: number;
  /** sgd, momentum, rmsprop; default 0, for momentum 0.9. */
  momentum?: number;
  /** sgd, momentum: Nesterov's form; default false. */
  nesterov?: boolean;
  /** adam, adamw: decay of the first moment, default 0.9. */
  beta1?: number;
  /** adam, adamw: decay of the second moment, default 0.999. */
  beta2?: number;
  /** rmsprop: decay of the mean square, default 0.9. */
  decay?: number;
  /** adam, adamw, rmsprop; default 1e-7. */
  epsilon?: number;
}

/** What the native engine's optimizer is made from; it gets a learning rate with every step. 0: no clipping. */
export interface NativeOptimizer {
  name: OptimizerName;
  beta1: number;
  beta2: number;
  epsilon: number;
  momentum: number;
  nesterov: boolean;
  decay: number;
  weightDecay: number;
  clipNorm: number;
  clipValue: number;
}

/** A checked configuration with all of its numbers. */
export interface OptimizerPlan {
  learningRate: number;
  schedule: Required<Schedule>;
  native: NativeOptimizer;
}

/** What an optimizer remembers between steps, the same for both engines: what a checkpoint has to keep. */
export interface OptimizerState {
  /** Steps taken. */
  steps: number;
  /** Moments of every trained weight: all of the first weight, then all of the second, and so on. Empty before the first step. */
  slots: (Float32Array | Float64Array)[];
}

const COMMON = ['name', 'learningRate', 'schedule', 'weightDecay', 'clipNorm', 'clipValue'];
const KEYS: Record<OptimizerName, string[]> = {
  sgd: ['momentum', 'nesterov'],
  momentum: ['momentum', 'nesterov'],
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['beta1', 'beta2', 'epsilon'],
  rmsprop: ['decay', 'momentum', 'epsilon'],
};
export const OPTIMIZERS = Object.keys(KEYS) as OptimizerName[];
export const DEFAULT_LEARNING_RATE = 3e-3;

/**
 * Checks an optimizer given by name or configuration and fills in what was left out.
 *
 * @param learningRate the caller's own option of this name, used where the configuration has none.
 * @param where names the caller in errors.
 * @throws TypeError or RangeError naming the key.
 */
export function optimizerPlan(
  given: OptimizerName | OptimizerConfig,
  learningRate: number | undefined,
  where: string,
): OptimizerPlan {
  const config: OptimizerConfig = typeof given === 'string' ? { name: given } : given;
  if (config === null || typeof config !== 'object') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: optimizer must be a name, a configuration or a tfjs optimizer, got ${describe(given)}`,
    );
  }
  const { name } = config;
  if (!Object.hasOwn(KEYS, name)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: optimizer must be one of ${OPTIMIZERS.join(', ')}, got ${describe(name)}`,
    );
  }
  rejectUnknownKeys(config, [...COMMON, ...KEYS[name]], `${where}: optimizer ${name}`);
  const number = (key: keyof OptimizerConfig, fallback: number, good: (v: number) => boolean, expected: string) => {
    const value = config[key] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value) && good(value)) return value;
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: ${typeof given === 'string' ? '' : 'optimizer.'}${key} must be ${expected}, got ${describe(value)}`,
    );
  };
  const fraction = (key: keyof OptimizerConfig, fallback: number) =>
    number(key, fallback, (v) => v >= 0 && v < 1, 'at least 0 and below 1');
  const positive = (key: keyof OptimizerConfig, fallback: number) => number(key, fallback, (v) => v > 0, 'above 0');
  const { clipNorm, clipValue, nesterov = false } = config;
  if (clipNorm !== undefined && clipValue !== undefined) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: optimizer: clip by norm or by value, got both`);
  }
  if (typeof nesterov !== 'boolean') {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: optimizer.nesterov must be true or false, got ${describe(nesterov)}`,
    );
  }
  const momentum = fraction('momentum', name === 'momentum' ? 0.9 : 0);
  return {
    learningRate: positive('learningRate', learningRate ?? DEFAULT_LEARNING_RATE),
    schedule: readSchedule(config.schedule, `${where}: optimizer.schedule`),
    native: {
      name: name === 'sgd' && momentum > 0 ? 'momentum' : name,
      beta1: fraction('beta1', 0.9),
      beta2: fraction('beta2', 0.999),
      epsilon: positive('epsilon', 1e-7),
      momentum,
      nesterov,
      decay: fraction('decay', 0.9),
      weightDecay: number('weightDecay', name === 'adamw' ? 0.01 : 0, (v) => v >= 0, 'at least 0'),
      clipNorm: clipNorm === undefined ? 0 : positive('clipNorm', 0),
      clipValue: clipValue === undefined ? 0 : positive('clipValue', 0),
    },
  };
}

/** The plan of an `optimizer` option; optimizer objects of tfjs's, which only the tfjs engine can run, stay what they are. */
export function readOptimizer(
  given: OptimizerName | OptimizerConfig | Optimizer,
  learningRate: number | undefined,
  where: string,
): OptimizerPlan | Optimizer {
  const made = typeof (given as Partial<Optimizer> | null)?.applyGradients === 'function';
  return made ? (given as Optimizer) : optimizerPlan(given as OptimizerName | OptimizerConfig, learningRate, where);
}

/** The learning rate of a step, counted from 0, in a run of `steps`. */
export function learningRateAt({ schedule, learningRate }: OptimizerPlan, step: number, steps: number): number {
  return scheduledRate(schedule, learningRate, step, steps);
}

/** The learning rates of `count` steps from `first` on: what the native engine takes with every call. */
export function learningRates(plan: OptimizerPlan, first: number, count: number, steps: number): Float64Array {
  return Float64Array.from({ length: count }, (_, k) => learningRateAt(plan, first + k, steps));
}

/** What the native engine makes its optimizer from. */
export function nativeOptimizer(plan: OptimizerPlan): NativeOptimizer {
  return plan.native;
}
