import { readFileSync } from 'node:fs';
import { excerpt, QrkdRangeError } from '../../errors.js';
import { type FullGpt2Config, type Gpt2Config, readGpt2Config } from './config.js';

/** What of `config.json` is read as it is. */
const KEYS = [
  ...['vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head', 'n_inner', 'layer_norm_epsilon'],
  ...['resid_pdrop', 'embd_pdrop', 'attn_pdrop', 'pad_token_id', 'eos_token_id'],
];

/** Settings with one value that is computed here; another one would be another network. The first is what is written. */
const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  activation_function: ['gelu_new', 'gelu_pytorch_tanh'],
  scale_attn_weights: [true],
  scale_attn_by_inverse_layer_idx: [false],
  add_cross_attention: [false],
};

/**
 * Reads transformers' `config.json` of a GPT-2. Whether it is a classifier, its tensors say.
 * @throws {QrkdRangeError} `ERR_QRKD_FILE` or `ERR_QRKD_FORMAT` for a file that is not there or not one of GPT-2,
 *   `ERR_QRKD_UNSUPPORTED` for settings that this project does not compute; all name the file.
 */
export function readConfigFile(path: string): FullGpt2Config {
  const json = readJson(path);
  const type = json.model_type ?? 'gpt2';
  if (type !== 'gpt2') {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: model_type is ${excerpt(String(type))}; expected gpt2`);
  }
  for (const [key, known] of Object.entries(FIXED)) {
    if (json[key] !== undefined && !known.includes(json[key])) {
      throw new QrkdRangeError(
        'ERR_QRKD_UNSUPPORTED',
        `${path}: ${key} is ${excerpt(JSON.stringify(json[key]))}; only ${known.join(' or ')} can be loaded`,
      );
    }
  }
  const config = Object.fromEntries(KEYS.filter((key) => json[key] !== undefined).map((key) => [key, json[key]]));
  // transformers writes GPT-2's own end of a text for every vocabulary; a token that there is not never comes.
  for (const key of ['pad_token_id', 'eos_token_id']) {
    if (Number(config[key]) >= Number(config.vocab_size)) config[key] = null;
  }
  return readGpt2Config(config as unknown as Gpt2Config, path);
}

function readJson(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new QrkdRangeError('ERR_QRKD_FILE', `${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const why = excerpt((error as Error).message, 80);
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is not readable as JSON (${why})`);
  }
  if (json !== null && typeof json === 'object' && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is no JSON object`);
}

/** `config.json` as transformers reads it. */
export function formatConfigFile(config: FullGpt2Config): string {
  const { num_labels: labels, ...rest } = config;
  const names = Array.from({ length: labels ?? 0 }, (_, i) => `LABEL_${i}`);
  const classes = labels !== null && {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
  const json = {
    architectures: [labels === null ? 'GPT2LMHeadModel' : 'GPT2ForSequenceClassification'],
    model_type: 'gpt2',
    ...rest,
    ...classes,
    ...Object.fromEntries(Object.entries(FIXED).map(([key, [value]]) => [key, value])),
    bos_token_id: config.eos_token_id,
    tie_word_embeddings: true,
    dtype: 'float32',
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
