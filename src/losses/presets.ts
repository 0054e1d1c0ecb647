import { QrkdRangeError, suggest } from '../errors.js';

/** Weights of the terms of {@link qrkdLoss}, as plain JSON. Kernels and scaling are not part of a preset. */
export interface LossWeights {
  ce: number;
  kd: number;
  temperature: number;
  hidden: number;
  distance: number;
  angle: number;
  quantum: number;
}

const PRESETS = {
  /**
   * Of the public PyTorch reproduction of arXiv 2508.13054 (reproduced_papers, QRKD/configs/defaults.json): cross-entropy as
   * it is, its KD weight 0.5 times its alpha 0.5, the others 0.1.
   */
  'paper-reproduction': { ce: 1, kd: 0.25, temperature: 4, hidden: 0, distance: 0.1, angle: 0.1, quantum: 0.1 },
  /**
   * RKD beside the task loss, as it is used for classifiers: 25 and 50, the defaults of the RKD authors' own CIFAR script
   * (run_distill_classification.py in the history of github.com/lenscloth/RKD) and of RepDistiller's RKDLoss.
   */
  'rkd-classification': { ce: 1, kd: 0, temperature: 4, hidden: 0, distance: 25, angle: 50, quantum: 0 },
  /**
   * Park et al. 2019 (arXiv 1904.05068), RKD-DA for metric learning: 1 and 2 without a task loss (the README of
   * github.com/lenscloth/RKD). It trains an embedding; the layers behind the features learn nothing from it.
   */
  'official-rkd': { ce: 0, kd: 0, temperature: 4, hidden: 0, distance: 1, angle: 2, quantum: 0 },
  /** Of the scripts that trained DistilGPT2 (distillation/train.py of huggingface/transformers): KL 5, next token 2, cosine 1. */
  distilgpt2: { ce: 2, kd: 5, temperature: 2, hidden: 1, distance: 0, angle: 0, quantum: 0 },
  /** Ours, for a linear embedding: weights that were found to do no harm to a small student on MNIST digits. */
  recommended: { ce: 1, kd: 1, temperature: 4, hidden: 0, distance: 1, angle: 2, quantum: 30 },
  /** Ours, for an embedding behind a ReLU, whose units die without a strong relational term. */
  'recommended-relu': { ce: 1, kd: 1, temperature: 4, hidden: 0, distance: 25, angle: 50, quantum: 100 },
} as const satisfies Record<string, LossWeights>;

export type LossPreset = keyof typeof PRESETS;
export const LOSS_PRESETS = Object.keys(PRESETS) as LossPreset[];

/**
 * The weights of a preset: 'paper-reproduction', 'rkd-classification', 'official-rkd', 'distilgpt2', 'recommended' (linear embedding) or
 * 'recommended-relu'.
 *
 * @param where names the caller in errors.
 * @throws RangeError ERR_QRKD_VALUE for another name, with the nearest one.
 */
export function lossPreset(name: LossPreset, where = 'lossPreset'): LossWeights {
  if (!Object.hasOwn(PRESETS, name)) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: there is no preset ${JSON.stringify(name)}${suggest(String(name), LOSS_PRESETS)}`,
    );
  }
  return { ...PRESETS[name] };
}
