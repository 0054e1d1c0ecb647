import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Matrix } from '../engine/types.js';
import { crossEntropyGradient } from '../losses/crossEntropy.js';
import { allOutputs, openModel } from './outputs.js';
import { checkSamples, type SampleSet } from './samples.js';

export interface Evaluation {
  samples: number;
  /** Samples whose largest logit is the label's (the first of equals). */
  correct: number;
  /** correct / samples. */
  accuracy: number;
  /** Mean cross-entropy, in nats. */
  crossEntropy: number;
}

/** Index of each row's largest entry, the first of equals. */
export function argmaxRows({ data, shape: [n, width] }: Matrix): Int32Array {
  const best = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    for (let c = 1; c < width; c++) if (data[i * width + c] > data[i * width + best[i]]) best[i] = c;
  }
  return best;
}

/** Accuracy and cross-entropy of logits [N, C]. */
export function evaluateLogits(logits: Matrix, labels: Int32Array): Evaluation {
  const correct = argmaxRows(logits).reduce((sum, c, i) => sum + (c === labels[i] ? 1 : 0), 0);
  const samples = labels.length;
  return { samples, correct, accuracy: correct / samples, crossEntropy: crossEntropyGradient(logits, labels).loss };
}

/** Accuracy and cross-entropy of a classifier that gives logits, in inference mode. */
export function evaluate(model: LayersModel, samples: SampleSet): Evaluation {
  checkSamples(samples, 'evaluate: samples');
  return evaluateLogits(allOutputs(openModel(model, [], 'evaluate: model'), samples).logits, samples.labels);
}
