import type { Evaluation } from '../distill/evaluate.js';
import type { EpochMetrics } from '../distill/meter.js';
import type { StudyConfig } from './config.js';
import type { StudyMetrics } from './metrics.js';

/** What a study judges its models by: where its numbers come from, which way is better, and what they are called. */
export interface Measure {
  readonly name: 'accuracy' | 'perplexity';
  readonly plural: string;
  /** As files have it: accuracy 0..1, perplexity of a token. */
  of(evaluation: Pick<Evaluation, 'accuracy' | 'crossEntropy'>): number;
  /** The same on the batches of an epoch while they were trained on; undefined where no step has measured it. */
  whileTraining(epoch: Pick<EpochMetrics, 'runningAccuracy' | 'terms'>): number | undefined;
  /** Tables, charts and comparisons have what files have times this. */
  readonly scale: number;
  /** No model is outside of these, in the unit that is shown. */
  readonly bounds: readonly [low: number, high: number];
  /** 1 where more is better, -1 where less is. */
  readonly direction: 1 | -1;
  /** The name with its unit, for captions, and the unit behind a name on an axis. */
  readonly withUnit: string;
  readonly symbol: string;
  /** The unit of a difference, behind a number or over a column, and spelt out behind the name. */
  readonly points: string;
  readonly inPoints: string;
  /** What is between the training and the test part, over a column. */
  readonly gap: string;
  /** What a data set has so many of, and what of them is counted as right or wrong. */
  readonly samples: string;
  readonly counted: string;
}

export const ACCURACY: Measure = {
  name: 'accuracy',
  plural: 'accuracies',
  of: ({ accuracy }) => accuracy,
  whileTraining: ({ runningAccuracy }) => runningAccuracy,
  scale: 100,
  bounds: [0, 100],
  direction: 1,
  withUnit: 'accuracy in per cent',
  symbol: ' (%)',
  points: 'points',
  inPoints: ' in percentage points',
  gap: 'Acc. Gap',
  samples: 'samples',
  counted: 'samples',
};

/** exp of the mean cross-entropy of a token, in nats. */
export const PERPLEXITY: Measure = {
  name: 'perplexity',
  plural: 'perplexities',
  of: ({ crossEntropy }) => Math.exp(crossEntropy),
  whileTraining: ({ terms }) => terms.ce && Math.exp(terms.ce.raw),
  scale: 1,
  bounds: [1, Number.POSITIVE_INFINITY],
  direction: -1,
  withUnit: 'perplexity of a token',
  symbol: '',
  points: 'perplexity',
  inPoints: '',
  gap: 'Ppl. Gap',
  samples: 'sequences',
  counted: 'tokens',
};

/** The measure of a study: perplexity where the next token is learned, else accuracy. */
export function measureOf({ text }: Pick<StudyConfig, 'text'>): Measure {
  return text?.task === 'language' ? PERPLEXITY : ACCURACY;
}

/** An evaluation in the unit that is shown. */
export function shown(measure: Measure, evaluation: Pick<Evaluation, 'accuracy' | 'crossEntropy'>): number {
  return measure.scale * measure.of(evaluation);
}

/** Whether one value is better than another; any number is better than none. */
export function isBetter({ direction }: Measure, value: number, than: number): boolean {
  return Number.isNaN(than) ? !Number.isNaN(value) : direction * value > direction * than;
}

/**
 * Perplexity of a word, exp(crossEntropy * tokens / words), whatever the tokens are.
 *
 * @param words of the text whose tokens were evaluated.
 */
export function wordPerplexity({ crossEntropy, samples: tokens }: Evaluation, words: number): number {
  return Math.exp((crossEntropy * tokens) / words);
}

/**
 * The denominators of a study's numbers where they are not its samples: ` (12345 tokens, 9876 words)`, to stand behind the number of
 * test sequences; else nothing.
 */
export function testCounts({ config, samples: { testWords }, runs }: StudyMetrics): string {
  const { samples, counted } = measureOf(config);
  const test = runs[0]?.result.test;
  if (samples === counted || !test) return '';
  return ` (${test.samples} ${counted}${testWords === undefined ? '' : `, ${testWords} words`})`;
}

/** Which sign of a difference is the better one, as a sentence. */
export function signNote({ direction }: Measure): string {
  return `${direction > 0 ? 'Above' : 'Below'} zero the first of the two is better.`;
}

export const capitalized = (text: string): string => text[0].toUpperCase() + text.slice(1);
