import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { crossEntropyGradient } from '../losses/crossEntropy.js';
import { countedLabels } from '../losses/labels.js';
import { allOutputs, checkLabels, openModel } from './outputs.js';
import { asSamples, checkSamples, labelsPerSample, type SampleSet, sliceSamples, type TokenSet } from './samples.js';

export interface Evaluation {
  /** Labels that count: the samples, or the tokens of their sequences. */
  samples: number;
  /** Those whose largest logit is the label's (the first of equals). */
  correct: number;
  /** correct / samples. */
  accuracy: number;
  /** Mean cross-entropy, in nats; of language models the logarithm of the perplexity of a token. */
  crossEntropy: number;
  /**
   * Where samples have a label each: the mean of F1 = 2 TP / (2 TP + FP + FN) over the classes that occur among labels or answers,
   * each class counting alike (macro F1).
   */
  f1?: number;
}

/** Numbers among the logits that are evaluated at once where every token has some. */
const LOGITS_AT_ONCE = 2 ** 23;

/** Index of each row's largest entry, the first of equals. */
export function argmaxRows({ data, shape: [n, width] }: Matrix): Int32Array {
  const best = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    for (let c = 1; c < width; c++) if (data[i * width + c] > data[i * width + best[i]]) best[i] = c;
  }
  return best;
}

/** Accuracy and cross-entropy of logits [N, C] over the labels that count. */
export function evaluateLogits(logits: Matrix, labels: Int32Array): Evaluation {
  const correct = argmaxRows(logits).reduce((sum, c, i) => sum + (c === labels[i] ? 1 : 0), 0);
  const samples = countedLabels(labels);
  return { samples, correct, accuracy: correct / samples, crossEntropy: crossEntropyGradient(logits, labels).loss };
}

/** {@link evaluateLogits} of samples with a label each, with their F1. */
export function evaluateClasses(logits: Matrix, labels: Int32Array): Evaluation {
  return { ...evaluateLogits(logits, labels), f1: macroF1(argmaxRows(logits), labels, logits.shape[1]) };
}

function macroF1(answers: Int32Array, labels: Int32Array, classes: number): number {
  const [right, found] = [new Float64Array(classes), new Float64Array(classes)];
  for (const [i, label] of labels.entries()) {
    found[label]++;
    found[answers[i]]++;
    if (answers[i] === label) right[label]++;
  }
  // Labels and answers of a class together are 2 TP + FP + FN.
  const scores = [...found.entries()].flatMap(([c, n]) => (n > 0 ? [(2 * right[c]) / n] : []));
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/**
 * Accuracy and cross-entropy of a set whose logits are made a part at a time where every token has some: those of all would
 * not fit into memory.
 *
 * @param classes logits of one label.
 */
export async function evaluateInParts(
  set: SampleSet,
  classes: number,
  logitsOf: (part: SampleSet) => Promise<Matrix> | Matrix,
): Promise<Evaluation> {
  if (labelsPerSample(set) === 1) return evaluateClasses(await logitsOf(set), set.labels);
  const found: Evaluation[] = [];
  for (const part of partsOf(set, classes)) found.push(evaluateLogits(await logitsOf(part), part.labels));
  return together(found);
}

/** Sequences whose logits fit into memory. */
function* partsOf(set: SampleSet, classes: number): Generator<SampleSet> {
  const n = set.shape[0];
  const rows = Math.max(1, Math.floor(LOGITS_AT_ONCE / (labelsPerSample(set) * classes)));
  for (let start = 0; start < n; start += rows) yield sliceSamples(set, start, Math.min(n, start + rows));
}

/** Evaluations of parts as that of the whole. */
function together(parts: readonly Evaluation[]): Evaluation {
  let [samples, correct, sum] = [0, 0, 0];
  for (const part of parts) {
    // A part in which no label counts has no mean.
    if (part.samples === 0) continue;
    samples += part.samples;
    correct += part.correct;
    sum += part.samples * part.crossEntropy;
  }
  return { samples, correct, accuracy: correct / samples, crossEntropy: sum / samples };
}

/** Accuracy and cross-entropy of a classifier that gives logits, in inference mode. */
export function evaluate(model: LayersModel, samples: SampleSet | TokenSet): Evaluation {
  const set = asSamples(samples);
  checkSamples(set, 'evaluate: samples');
  const opened = openModel(model, [], 'evaluate: model');
  checkLabels(opened, set, 'evaluate: samples');
  const logitsOf = (part: SampleSet) => allOutputs(opened, part).logits;
  if (!opened.perToken) return evaluateClasses(logitsOf(set), set.labels);
  return together([...partsOf(set, opened.classes)].map((part) => evaluateLogits(logitsOf(part), part.labels)));
}
