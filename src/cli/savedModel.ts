import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Gpt2 } from '../models/index.js';

/** What a folder holds: a GPT-2 in transformers' files, or a `tf.LayersModel` (which the path of its `model.json` names, too). */
export async function loadSaved(path: string): Promise<{ model: LayersModel; gpt2?: Gpt2 }> {
  const { loadGpt2, loadModel } = await import('../models/index.js');
  const { ready } = await import('../tensor/backend.js');
  await ready();
  if (existsSync(join(path, 'model.json')) || !existsSync(join(path, 'config.json'))) {
    return { model: await loadModel(path) };
  }
  const gpt2 = await loadGpt2(path);
  return { model: gpt2.model, gpt2 };
}
