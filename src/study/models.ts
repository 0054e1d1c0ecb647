import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadGpt2, loadModel, makeGpt2, makeStudent, makeTeacher } from '../models/index.js';
import type { StudyConfig } from './config.js';
import type { Parts } from './parts.js';
import type { RunSpec } from './run.js';
import { TEACHER } from './table.js';

/** A model that a configuration names: a saved tf.LayersModel, or the folder of a GPT-2 as transformers has it. */
export async function openGiven(path: string): Promise<LayersModel> {
  return existsSync(join(path, 'config.json')) ? (await loadGpt2(path)).model : loadModel(path);
}

/** The model of a run before it is trained, for samples of the data's shape and classes. */
export async function makeModel({ config, method, seed }: RunSpec, parts: Parts): Promise<LayersModel> {
  const side = method === TEACHER ? 'teacher' : 'student';
  const { model } = config[side];
  if (side === 'student' && model !== undefined) return openGiven(model);
  if (config.text) return makeTextModel(config, side, parts, seed);
  const { train } = parts;
  const [, height, width, channels] = train.shape;
  const options = { inputShape: [height, width, channels] as const, classes: train.classes, seed };
  const { teacher, student } = config;
  if (side === 'teacher') return makeTeacher(teacher.variant, options);
  const { variant = 'reproduction', embedding } = student;
  return makeStudent(variant, { ...options, ...(variant === 'reproduction' && { embedding, width: student.width }) });
}

function makeTextModel(
  config: StudyConfig,
  side: 'teacher' | 'student',
  { train, text }: Parts,
  seed: number,
): LayersModel {
  const { layers, width, heads, dropout } = config[side].gpt2!;
  const { tokenizer, padToken } = text!;
  return makeGpt2(
    {
      vocab_size: tokenizer.vocabulary,
      n_positions: train.shape[1],
      n_embd: width,
      n_layer: layers,
      n_head: heads,
      resid_pdrop: dropout,
      embd_pdrop: dropout,
      attn_pdrop: dropout,
      eos_token_id: tokenizer.endToken,
      ...(config.text!.task === 'classification' && { num_labels: train.classes, pad_token_id: padToken }),
    },
    { seed },
  ).model;
}
