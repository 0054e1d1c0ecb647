import type { EpochMetrics, StepMetrics } from '../meter.js';

/** What is logged after a step: values of its batch. */
export interface StepEntry extends Pick<EpochMetrics, 'epoch' | 'loss' | 'terms' | 'runningAccuracy' | 'zeroVectors'> {
  type: 'step';
  /** Steps taken so far, over all epochs. */
  step: number;
  /** Of this step; null for an optimizer object that does not tell. */
  learningRate: number | null;
}

/** What is logged after an epoch: its metrics. */
export interface EpochEntry extends EpochMetrics {
  type: 'epoch';
  step: number;
  /** Of the epoch's last step. */
  learningRate: number | null;
}

export type LogEntry = StepEntry | EpochEntry;

export function stepEntry(
  { loss, terms, counted, correct, zeroVectors }: StepMetrics,
  at: Pick<StepEntry, 'step' | 'epoch' | 'learningRate'>,
): StepEntry {
  const { step, epoch, learningRate } = at;
  return { type: 'step', step, epoch, learningRate, loss, terms, runningAccuracy: correct / counted, zeroVectors };
}

/** A kind of log file: entries in the order of their steps, after a header. */
export interface LogFormat {
  readonly header: Uint8Array;
  encode(entry: LogEntry): Uint8Array;
  /** Bytes of the longest beginning of a file that is whole and has no entry of a later step. */
  keptBytes(file: Buffer, step: number): number;
}
