import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { writeSafetensors } from '../../files/safetensors.js';
import { MERGES_FILE, VOCABULARY_FILE } from '../../text/bpe.js';
import { checkGpt2 } from './config.js';
import { formatConfigFile } from './configFile.js';
import type { Gpt2 } from './gpt2.js';
import { namedTensors } from './weights.js';

/**
 * Saves a GPT-2 so that transformers and {@link loadGpt2} open it: `config.json`, `model.safetensors` (F32, names as
 * transformers writes them, the head left out as it is the embedding), and copies of `vocab.json` and `merges.txt` where the
 * tokenizer comes from a folder. The folder is made where it is missing; every file is written under a temporary name and renamed.
 */
export async function saveGpt2(gpt2: Gpt2, folder: string): Promise<void> {
  const { config, model, tokenizerSource } = checkGpt2(gpt2, 'saveGpt2');
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, 'model.safetensors'), [...namedTensors(model)]);
  await writeFileAtomic(join(folder, 'config.json'), formatConfigFile(config));
  if (typeof tokenizerSource !== 'string' || resolve(tokenizerSource) === resolve(folder)) return;
  for (const name of [VOCABULARY_FILE, MERGES_FILE]) {
    const source = join(tokenizerSource, name);
    if (!existsSync(source)) continue;
    await writeFileAtomic(join(folder, name), '', { tmpfileCreated: (temporary) => copyFile(source, temporary) });
  }
}
