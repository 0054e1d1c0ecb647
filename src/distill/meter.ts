import type { TermWeights } from '../losses/targetRatios.js';
import type { Term, TermValue } from '../losses/terms.js';
import type { Evaluation } from './evaluate.js';

/** What one step measured, on the batch that it was about to learn from. */
export interface StepMetrics {
  loss: number;
  terms: Partial<Record<Term, TermValue>>;
  /** Labels of the batch that counted: its samples, or the tokens of its sequences. */
  counted: number;
  correct: number;
  zeroVectors: number;
  milliseconds: number;
}

export interface EpochMetrics {
  /** From 1. */
  epoch: number;
  /** Steps of this epoch. */
  steps: number;
  seconds: number;
  /** Mean over the epoch's steps, as are the terms. */
  loss: number;
  terms: Partial<Record<Term, TermValue>>;
  /** The terms' weights in this epoch, where the loss has target ratios. */
  weights?: TermWeights;
  /** Accuracy on the batches while they were trained on. */
  runningAccuracy: number;
  /** Rows that an amplitude map could not encode, summed. */
  zeroVectors: number;
  validation?: Evaluation;
}

/** Sums what the steps of one epoch measured. */
export class EpochMeter {
  #steps = 0;
  #loss = 0;
  #correct = 0;
  #counted = 0;
  #zeroVectors = 0;
  readonly #terms: Partial<Record<Term, TermValue>> = {};
  readonly #start = performance.now();

  add(step: StepMetrics): void {
    this.#steps++;
    this.#loss += step.loss;
    this.#correct += step.correct;
    this.#counted += step.counted;
    this.#zeroVectors += step.zeroVectors;
    for (const [term, value] of Object.entries(step.terms) as [Term, TermValue][]) {
      this.#terms[term] ??= { raw: 0, weighted: 0, gradientNorm: 0 };
      const sum = this.#terms[term];
      sum.raw += value.raw;
      sum.weighted += value.weighted;
      sum.gradientNorm += value.gradientNorm;
    }
  }

  metrics(epoch: number, validation: Evaluation | undefined): EpochMetrics {
    const steps = this.#steps;
    const mean = ({ raw, weighted, gradientNorm }: TermValue) => ({
      raw: raw / steps,
      weighted: weighted / steps,
      gradientNorm: gradientNorm / steps,
    });
    return {
      epoch,
      steps,
      seconds: (performance.now() - this.#start) / 1000,
      loss: this.#loss / steps,
      terms: Object.fromEntries(Object.entries(this.#terms).map(([term, sum]) => [term, mean(sum)])),
      runningAccuracy: this.#correct / this.#counted,
      zeroVectors: this.#zeroVectors,
      ...(validation && { validation }),
    };
  }
}
