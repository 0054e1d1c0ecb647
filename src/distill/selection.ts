import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import type { EpochMetrics } from './meter.js';
import { labelsPerSample, type SampleSet } from './samples.js';

export type Monitor = 'accuracy' | 'crossEntropy';

export interface EarlyStopping {
  /** The run ends after so many epochs in a row without an improvement; a whole number of at least 1. */
  patience: number;
  /**
   * An improvement is a change for the better by more than this, against the last epoch that was one; in units of the
   * monitor (0.001 of accuracy is a tenth of a point). Default 0.
   */
  minimumDelta?: number;
  /**
   * What is looked at of the validation part: its 'accuracy', to rise (default), or its 'crossEntropy', to fall (default where every
   * token has a label).
   */
  monitor?: Monitor;
}

/** What is looked at where the options do not say. */
export function defaultMonitor(validation: SampleSet | undefined): Monitor {
  return validation && labelsPerSample(validation) > 1 ? 'crossEntropy' : 'accuracy';
}

/** Which epoch's weights the finished model has. */
export type Keep = 'last' | 'best';

/** Why a run ended: all epochs were run, or early stopping ran out of patience. */
export type StopReason = 'epochs' | 'patience';

const MONITORS: readonly Monitor[] = ['accuracy', 'crossEntropy'];
const KEEPS: readonly Keep[] = ['last', 'best'];

/** Checks the options of one run; `where` names the caller in errors. */
export function checkSelection(
  { earlyStopping, keep, validation }: { earlyStopping?: EarlyStopping; keep?: Keep; validation?: unknown },
  where: string,
): void {
  const refuse = (name: string, expected: string, given: unknown) => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${name} must be ${expected}, got ${describe(given)}`);
  };
  if (keep !== undefined && !KEEPS.includes(keep)) refuse('keep', KEEPS.join(' or '), keep);
  if (earlyStopping !== undefined) {
    rejectUnknownKeys(earlyStopping, ['patience', 'minimumDelta', 'monitor'], `${where}: earlyStopping`);
    const { patience, minimumDelta = 0, monitor = 'accuracy' } = earlyStopping;
    if (!Number.isInteger(patience) || patience < 1) {
      refuse('earlyStopping.patience', 'a whole number of epochs of at least 1', patience);
    }
    if (!(minimumDelta >= 0 && Number.isFinite(minimumDelta))) {
      refuse('earlyStopping.minimumDelta', 'a number of at least 0', minimumDelta);
    }
    if (!MONITORS.includes(monitor)) refuse('earlyStopping.monitor', MONITORS.join(' or '), monitor);
  }
  if (validation === undefined && (earlyStopping !== undefined || keep === 'best')) {
    const what = earlyStopping !== undefined ? 'earlyStopping' : "keep: 'best'";
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: ${what} needs a validation part, but validation was not given`);
  }
}

/** How good an epoch was: larger is better, what is no number is worst. */
function score({ validation }: EpochMetrics, monitor: Monitor): number {
  const value = monitor === 'accuracy' ? validation!.accuracy : -validation!.crossEntropy;
  return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
}

/** The best epoch so far, from 1; the earliest of equals. */
export function bestEpoch(history: readonly EpochMetrics[], monitor: Monitor): number {
  const scores = history.map((metrics) => score(metrics, monitor));
  return 1 + scores.indexOf(Math.max(...scores));
}

/**
 * Whether early stopping ends a run after these epochs: the rule of Keras's EarlyStopping. It depends on the history alone,
 * so that a run that is resumed stops where it would have.
 */
export function isOutOfPatience(
  history: readonly EpochMetrics[],
  { patience, minimumDelta = 0 }: EarlyStopping,
  monitor: Monitor,
): boolean {
  let improved = 0;
  let reference = Number.NEGATIVE_INFINITY;
  for (const [index, metrics] of history.entries()) {
    const value = score(metrics, monitor);
    if (value - minimumDelta > reference) {
      improved = index + 1;
      reference = value;
    }
  }
  return history.length - improved >= patience;
}
