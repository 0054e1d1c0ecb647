import { QrkdRangeError } from '../errors.js';
import { checkGpt2 } from '../models/gpt2/config.js';
import type { Gpt2 } from '../models/gpt2/gpt2.js';
import { continueTokens, type GenerateOptions } from '../text/generation.js';
import { type ExportOptions, type ExportResult, exportOnnx } from './export.js';
import { readOnnx } from './read.js';
import { OnnxSession } from './session.js';

/** transformers' names. */
const INPUT = 'input_ids';
const OUTPUT = 'logits';

/** The entry of a file's metadata that has the model's shape. */
const METADATA = 'gpt2';

/**
 * Writes a GPT-2 as an ONNX file, as {@link exportOnnx}: input `input_ids` `[batch, sequence]` int64, both open, output `logits`
 * `[batch, sequence, vocab_size]`, or of a classifier `[batch, num_labels]`. The embedding is in the file once, whatever it is
 * used for. Sequences of more than `n_positions` tokens are an error of the runtime. The shape, in transformers' names, is JSON in
 * the file's metadata under `gpt2`.
 */
export async function exportGpt2(
  gpt2: Gpt2,
  path: string,
  options: Omit<ExportOptions, 'names'> = {},
): Promise<ExportResult> {
  const { model, config } = checkGpt2(gpt2, 'exportGpt2');
  return exportOnnx(model, path, {
    ...options,
    names: { tokens: INPUT, wte: OUTPUT, score: OUTPUT },
    metadata: { ...options.metadata, [METADATA]: config },
  });
}

/** What {@link generateOnnx} takes beside the prompt. */
export interface GenerateOnnxOptions extends GenerateOptions {
  /** Threads of onnxruntime, default 1. */
  readonly threads?: number;
}

/**
 * Continues a row of token ids in onnxruntime-node as `Gpt2.generate` does in tfjs: the same tokens wherever the logits of two
 * tokens are not equal to their last digits.
 *
 * @param path a language model that {@link exportGpt2} wrote.
 * @returns the whole row, with what it began with.
 * @throws {QrkdTypeError | QrkdRangeError} for a file that is missing, damaged or no such model, and as `Gpt2.generate`.
 */
export async function generateOnnx(
  path: string,
  prompt: ArrayLike<number>,
  { threads = 1, ...options }: GenerateOnnxOptions = {},
): Promise<Int32Array> {
  const shape = languageModel(path);
  const wrong = Array.from(prompt).find((id) => !(Number.isInteger(id) && id >= 0 && id < shape.vocab_size));
  if (wrong !== undefined) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `generateOnnx: prompt has ${wrong} in it; expected ids from 0 to ${shape.vocab_size - 1}`,
    );
  }
  const { session } = await OnnxSession.open(path, { threads });
  try {
    return await continueTokens(prompt, options, {
      longest: shape.n_positions,
      endToken: shape.eos_token_id,
      next: async (row) => {
        const feed = () => ({ [INPUT]: { data: row, shape: [1, row.length] } });
        const { logits } = await session.run(1, feed, [OUTPUT], { batchSize: 1 });
        return logits.data.subarray(-shape.vocab_size);
      },
    });
  } finally {
    session.close();
  }
}

function languageModel(path: string): { vocab_size: number; n_positions: number; eos_token_id: number | null } {
  const { metadata, outputs } = readOnnx(path);
  const text = metadata[METADATA];
  if (text === undefined || outputs[0].shape.length !== 3) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${path}: is no language model that exportGpt2 wrote`);
  }
  return JSON.parse(text);
}
