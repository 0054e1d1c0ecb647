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

/** A GPT-2 that a configuration names; one that shall learn classes and has no head for them gets a fresh one. */
function openGpt2(folder: string, { text }: StudyConfig, { train, text: facts }: Parts, seed: number): Promise<Gpt2> {
  const head = { num_labels: train.classes, pad_token_id: facts!.padToken };
  return loadGpt2(folder, { seed, ...(text!.task === 'classification' && head) });
}

/** A model that a configuration names and trains. */
async function openStart(path: string, config: StudyConfig, parts: Parts, seed: number): Promise<LayersModel> {
  if (!config.text || !existsSync(join(path, 'config.json'))) return openGiven(path);
  return (await openGpt2(path, config, parts, seed)).model;
}

/**
 * The model of a run before it is trained, for samples of the data's shape and classes. A student that begins as layers of a
 * teacher begins as those of `teacherFolder`, or where there is none yet, of the teacher before it is trained.
 */
export async function makeModel(
  { config, method, seed, teacherFolder }: Pick<RunSpec, 'config' | 'method' | 'seed' | 'teacherFolder'>,
  parts: Parts,
): Promise<LayersModel> {
  const side = method === TEACHER ? 'teacher' : 'student';
  const { model } = config[side];
  if (model !== undefined) return openStart(model, config, parts, seed);
  if (config.text && side === 'student' && config.student.fromTeacher) {
    return fromTeacher(config, parts, teacherFolder, seed);
  }
  if (config.text) return makeGpt2(gpt2Config(config, side, parts), { seed }).model;
  const { train } = parts;
  const [, height, width, channels] = train.shape;
  const options = { inputShape: [height, width, channels] as const, classes: train.classes, seed };
  const { teacher, student } = config;
  if (side === 'teacher') return makeTeacher(teacher.variant, options);
  const { variant = 'reproduction', embedding } = student;
  return makeStudent(variant, { ...options, ...(variant === 'reproduction' && { embedding, width: student.width }) });
}

/**
 * A student that begins as layers of its teacher.
 *
 * @param folder of the same seed's teacher, as trained; undefined: its first weights.
 */
async function fromTeacher(
  config: StudyConfig,
  parts: Parts,
  folder: string | undefined,
  seed: number,
): Promise<LayersModel> {
  const { model: given, fineTune } = config.teacher;
  const first =
    given === undefined
      ? makeGpt2(gpt2Config(config, 'teacher', parts), { seed })
      : await openGpt2(given, config, parts, seed);
  const trained = folder !== undefined && (given === undefined || fineTune);
  const model = trained ? await loadModel(folder) : first.model;
  try {
    return gpt2FromTeacher(new Gpt2(first.config, model), gpt2Config(config, 'student', parts), { seed }).model;
  } finally {
    for (const used of new Set([model, first.model])) used.dispose();
  }
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
