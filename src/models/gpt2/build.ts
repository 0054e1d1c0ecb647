import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { tf } from '../../tensor/backend.js';
import { through } from '../building.js';
import '../layers/geluNew.js';
import { CausalSelfAttention } from '../layers/causalSelfAttention.js';
import { normalStart } from '../layers/normalStart.js';
import { PositionEmbedding } from '../layers/positionEmbedding.js';
import { SequencePooling } from '../layers/sequencePooling.js';
import { TokenEmbedding } from '../layers/tokenEmbedding.js';
import type { FullGpt2Config } from './config.js';

/** Seeds of a model's matrices lie so far apart that no two layers of two models share one. */
const SEEDS = 4096;

/**
 * The tfjs model of a GPT-2 (Radford et al. 2019; the layers bear transformers' names, with dots): input `tokens` `[n, t]`
 * int32 for any t up to `n_positions`; output logits `[n, t, vocab_size]` by the transposed embedding, or of a classifier
 * `[n, num_labels]` of the last token. A dropout of rate 0 is no layer.
 *
 * Matrices begin normally distributed with deviation 0.02, those that end a block's two branches divided by sqrt(2 n_layer);
 * biases with 0 and norms with 1.
 *
 * @param drawn 'score': only a classifier's head has such weights, all else is zeros that will be overwritten.
 */
export function buildGpt2(config: FullGpt2Config, seed: number, drawn: 'all' | 'score' = 'all'): LayersModel {
  const { n_embd: width, n_layer: blocks, num_labels: labels } = config;
  let matrices = 0;
  const start = (scale = 1, always = false) => ({
    stddev: drawn === 'all' || always ? 0.02 * scale : 0,
    seed: seed * SEEDS + matrices++,
  });
  const residual = 1 / Math.sqrt(2 * blocks);
  const norm = (name: string) => tf.layers.layerNormalization({ epsilon: config.layer_norm_epsilon, name });
  const dropout = (x: SymbolicTensor, rate: number, name: string) =>
    rate === 0 ? x : through(x, tf.layers.dropout({ rate, name }));
  const add = (inputs: SymbolicTensor[], name: string) => tf.layers.add({ name }).apply(inputs) as SymbolicTensor;
  const dense = (units: number, name: string, scale: number, activation?: 'gelu_new') =>
    tf.layers.dense({ units, activation, kernelInitializer: normalStart(start(scale)), name });

  const tokens = tf.input({ shape: [null], dtype: 'int32', name: 'tokens' });
  const wte = new TokenEmbedding({ vocabulary: config.vocab_size, width, ...start(), name: 'wte' });
  const wpe = new PositionEmbedding({ positions: config.n_positions, width, ...start(), name: 'wpe' });
  let x = dropout(through(through(tokens, wte), wpe), config.embd_pdrop, 'drop');
  for (let i = 0; i < blocks; i++) {
    const name = `h.${i}`;
    const { stddev, seed } = start();
    const attention = new CausalSelfAttention({
      heads: config.n_head,
      width,
      dropout: config.attn_pdrop,
      stddev,
      projectionStddev: stddev * residual,
      seed,
      name: `${name}.attn`,
    });
    const seen = through(through(x, norm(`${name}.ln_1`)), attention);
    x = add([x, dropout(seen, config.resid_pdrop, `${name}.attn.resid_dropout`)], `${name}.attn.add`);
    const thought = [
      norm(`${name}.ln_2`),
      dense(config.n_inner, `${name}.mlp.c_fc`, 1, 'gelu_new'),
      dense(width, `${name}.mlp.c_proj`, residual),
    ].reduce(through, x);
    x = add([x, dropout(thought, config.resid_pdrop, `${name}.mlp.dropout`)], name);
  }
  x = through(x, norm('ln_f'));
  if (labels === null) return tf.model({ inputs: tokens, outputs: through(x, wte), name: 'gpt2' });
  const pooling = new SequencePooling({ mode: 'last', padToken: config.pad_token_id, name: 'pooled' });
  const score = tf.layers.dense({
    units: labels,
    useBias: false,
    kernelInitializer: normalStart(start(1, true)),
    name: 'score',
  });
  const pooled = pooling.apply([x, tokens]) as SymbolicTensor;
  return tf.model({ inputs: tokens, outputs: through(pooled, score), name: 'gpt2' });
}
