import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys, suggest } from '../errors.js';

/**
 * How the learning rate changes over a run. Durations (`warmup`, `every`) are whole numbers of steps, or, below 1, fractions
 * of the run.
 */
export type Schedule = Warmup &
  (
    | { type: 'constant' }
    /** Half a cosine from the learning rate down to `minimum` (default 0) at the end of the run. */
    | { type: 'cosine'; minimum?: number }
    /** Times `factor` (default 0.1) after every `every`. */
    | { type: 'step'; every: number; factor?: number }
    /** Times `factor` after every step. */
    | { type: 'exponential'; factor: number }
  );

export interface Warmup {
  /** The rate first rises in a straight line for so long, and the schedule begins after it; default 0. */
  warmup?: number;
  /** Where it rises from, as a fraction of the learning rate; above 0, default 1/3. */
  warmupFactor?: number;
}

const KEYS = {
  constant: [],
  cosine: ['minimum'],
  step: ['every', 'factor'],
  exponential: ['factor'],
} as const satisfies Record<Schedule['type'], string[]>;
export const SCHEDULES = Object.keys(KEYS) as Schedule['type'][];

function check(good: boolean, where: string, what: string, given: unknown): void {
  if (!good) throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${what}, got ${describe(given)}`);
}

const isDuration = (value: number) => value > 0 && (value < 1 || Number.isInteger(value));
const DURATION = 'must be a whole number of steps of at least 1 or a fraction of the run below 1';

/**
 * A schedule with all of its numbers, from its name or an object.
 *
 * @throws TypeError or RangeError naming the key; `where` stands before it.
 */
export function readSchedule(given: Schedule['type'] | Schedule | undefined, where: string): Required<Schedule> {
  const schedule: Schedule = given === undefined || typeof given === 'string' ? ({ type: given } as Schedule) : given;
  if (schedule === null || typeof schedule !== 'object') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where} must be a name or an object, got ${describe(given)}`);
  }
  const type = schedule.type ?? 'constant';
  if (!Object.hasOwn(KEYS, type)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: there is no ${describe(type)}${suggest(String(type), SCHEDULES)}`,
    );
  }
  rejectUnknownKeys(schedule, ['type', 'warmup', 'warmupFactor', ...KEYS[type]], `${where} (${type})`);
  const { warmup = 0, warmupFactor = 1 / 3 } = schedule;
  check(warmup === 0 || isDuration(warmup), where, `warmup ${DURATION}, or 0`, warmup);
  check(warmupFactor > 0 && warmupFactor <= 1, where, 'warmupFactor must be above 0 and at most 1', warmupFactor);
  const full = { ...(type === 'cosine' && { minimum: 0 }), ...(type === 'step' && { factor: 0.1 }), ...schedule };
  const read = { ...full, type, warmup, warmupFactor } as Required<Schedule>;
  if (read.type === 'cosine') {
    check(read.minimum >= 0 && Number.isFinite(read.minimum), where, 'minimum must be at least 0', read.minimum);
  }
  if (read.type === 'step') check(isDuration(read.every), where, `every ${DURATION}`, read.every);
  if (read.type === 'step' || read.type === 'exponential') {
    check(read.factor > 0 && read.factor <= 1, where, 'factor must be above 0 and at most 1', read.factor);
  }
  return read;
}

/**
 * The learning rate of one step, in closed form: that of PyTorch's LinearLR, then ConstantLR of factor 1,
 * CosineAnnealingLR, StepLR or ExponentialLR (chained by SequentialLR), advanced after every step.
 *
 * @param learningRate the schedule's largest.
 * @param step from 0.
 * @param steps of the whole run.
 */
export function scheduledRate(schedule: Required<Schedule>, learningRate: number, step: number, steps: number): number {
  const stepsOf = (duration: number) => (duration < 1 ? Math.round(duration * steps) : duration);
  const warmup = stepsOf(schedule.warmup);
  if (step < warmup) return learningRate * (schedule.warmupFactor + (1 - schedule.warmupFactor) * (step / warmup));
  const since = step - warmup;
  switch (schedule.type) {
    case 'constant':
      return learningRate;
    case 'cosine': {
      const progress = Math.min(1, since / Math.max(1, steps - warmup));
      return schedule.minimum + ((learningRate - schedule.minimum) * (1 + Math.cos(Math.PI * progress))) / 2;
    }
    case 'step':
      return learningRate * schedule.factor ** Math.floor(since / Math.max(1, stepsOf(schedule.every)));
    case 'exponential':
      return learningRate * schedule.factor ** since;
  }
}
