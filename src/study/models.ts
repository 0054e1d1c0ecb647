import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { QrkdRangeError } from '../errors.js';
import { type Gpt2Config, readGpt2Config } from '../models/gpt2/config.js';
import { Gpt2, gpt2FromTeacher, loadGpt2, loadModel, makeGpt2, makeStudent, makeTeacher } from '../models/index.js';
import type { StudyConfig } from './config.js';
import type { Parts } from './parts.js';
import type { RunSpec } from './run.js';
import { TEACHER } from './table.js';

/** A model that a configuration names: a saved tf.LayersModel, or the folder of a GPT-2 as transformers has it. */
export async function openGiven(path: string): Promise<LayersModel> {
  if (!existsSync(path)) {
    const expected = 'a GPT-2 as transformers saves it, or a saved tf.LayersModel';
    throw new QrkdRangeError('ERR_QRKD_FILE', `model ${path}: no such file or folder; expected ${expected}`);
  }
  return existsSync(join(path, 'config.json')) ? (await loadGpt2(path)).model : loadModel(path);
}

/** The student that a study of text names; a language model that shall learn classes gets a fresh head for them. */
export async function openStudent(path: string, { text }: StudyConfig, parts: Parts): Promise<LayersModel> {
  if (text?.task !== 'classification' || !existsSync(join(path, 'config.json'))) return openGiven(path);
  return (await loadGpt2(path, { num_labels: parts.train.classes, pad_token_id: parts.text!.padToken })).model;
}

/** The model of a run before it is trained, for samples of the data's shape and classes. */
export async function makeModel(
  { config, method, seed, teacherFolder }: Pick<RunSpec, 'config' | 'method' | 'seed' | 'teacherFolder'>,
  parts: Parts,
): Promise<LayersModel> {
  const side = method === TEACHER ? 'teacher' : 'student';
  const { model } = config[side];
  if (side === 'student' && model !== undefined) return openStudent(model, config, parts);
  if (config.text && side === 'student' && config.student.fromTeacher) {
    return fromTeacher(config, parts, teacherFolder!, seed);
  }
  if (config.text) return makeTextModel(config, side, parts, seed);
  const { train } = parts;
  const [, height, width, channels] = train.shape;
  const options = { inputShape: [height, width, channels] as const, classes: train.classes, seed };
  const { teacher, student } = config;
  if (side === 'teacher') return makeTeacher(teacher.variant, options);
  const { variant = 'reproduction', embedding } = student;
  return makeStudent(variant, { ...options, ...(variant === 'reproduction' && { embedding, width: student.width }) });
}

/** A student that begins as layers of the same seed's teacher. */
async function fromTeacher(config: StudyConfig, parts: Parts, folder: string, seed: number): Promise<LayersModel> {
  const { model } = config.teacher;
  const teacher =
    model === undefined
      ? new Gpt2(readGpt2Config(gpt2Config(config, 'teacher', parts), 'teacher.gpt2'), await loadModel(folder))
      : await loadGpt2(model);
  return gpt2FromTeacher(teacher, gpt2Config(config, 'student', parts), { seed }).model;
}

/** Refuses sizes that no GPT-2 has before any work. */
export function checkTextModels(config: StudyConfig, parts: Parts): void {
  for (const side of ['teacher', 'student'] as const) {
    if (config[side].model === undefined) readGpt2Config(gpt2Config(config, side, parts), `${side}.gpt2`);
  }
  const { teacher, student } = config;
  if (!student.fromTeacher || teacher.model !== undefined) return;
  for (const key of ['width', 'heads'] as const) {
    if (student.gpt2![key] === teacher.gpt2![key]) continue;
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `student.gpt2.${key} is ${student.gpt2![key]}, the teacher's ${teacher.gpt2![key]}; with student.fromTeacher they must be the same`,
    );
  }
}

export function makeTextModel(
  config: StudyConfig,
  side: 'teacher' | 'student',
  parts: Parts,
  seed: number,
): LayersModel {
  return makeGpt2(gpt2Config(config, side, parts), { seed }).model;
}

function gpt2Config(config: StudyConfig, side: 'teacher' | 'student', { train, text }: Parts): Gpt2Config {
  const { layers, width, heads, dropout } = config[side].gpt2!;
  const { tokenizer, padToken } = text!;
  return {
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
  };
}
