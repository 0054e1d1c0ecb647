import { join } from 'node:path';
import { QrkdRangeError, rejectUnknownKeys } from '../../errors.js';
import { openModelTensors } from '../../files/safetensors.js';
import { buildGpt2 } from './build.js';
import { type Gpt2Config, readGpt2Config } from './config.js';
import { readConfigFile } from './configFile.js';
import { checkSeed, Gpt2 } from './gpt2.js';
import { Gpt2Tensors } from './weights.js';

/** What {@link loadGpt2} makes other than the files say. */
export interface LoadGpt2Options
  extends Pick<Gpt2Config, 'resid_pdrop' | 'embd_pdrop' | 'attn_pdrop' | 'pad_token_id'> {
  /**
   * A classifier of so many classes; null is a language model. Default: what the files hold. Where they hold no
   * classifier, its head has fresh weights.
   */
  readonly num_labels?: number | null;
  /** Seed of fresh weights, default 0. */
  readonly seed?: number;
}

const CHANGES = ['resid_pdrop', 'embd_pdrop', 'attn_pdrop', 'pad_token_id'] as const;

/**
 * Loads a GPT-2 from a folder as transformers writes it: `config.json` and `model.safetensors` (F32, F16 or BF16; in several
 * files with `model.safetensors.index.json`), a language model or a classifier. Names of tensors may start with
 * `transformer.` or not; stored attention masks and a head that is the embedding are left out. `vocab.json` and `merges.txt`
 * are read when text is first used.
 *
 * @throws {QrkdTypeError | QrkdRangeError} for unknown options, missing and damaged files, tensors that do not fit
 *   `config.json`, and settings that are not computed here, in one line that names the file.
 */
export async function loadGpt2(folder: string, options: LoadGpt2Options = {}): Promise<Gpt2> {
  rejectUnknownKeys(options, ['num_labels', 'seed', ...CHANGES], 'loadGpt2');
  const seed = checkSeed(options.seed, 'loadGpt2');
  const file = readConfigFile(join(folder, 'config.json'));
  const tensors = new Gpt2Tensors(openModelTensors(folder), folder);
  const stored = tensors.classes;
  const labels = options.num_labels === undefined ? stored : (options.num_labels ?? undefined);
  if (labels !== undefined && stored !== undefined && labels !== stored) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `loadGpt2: num_labels is ${labels}, but the classifier in ${folder} has ${stored} classes`,
    );
  }
  const changes = Object.fromEntries(
    CHANGES.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]),
  );
  const { num_labels: _, ...shape } = file;
  const config = readGpt2Config({ ...shape, ...changes, num_labels: labels }, 'loadGpt2');
  const fresh = labels !== undefined && stored === undefined;
  const model = buildGpt2(config, seed, 'score');
  try {
    tensors.into(model, fresh);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return new Gpt2(config, model, folder);
}
