import type { LayersModel } from '@tensorflow/tfjs-layers';
import { openModel } from '../distill/outputs.js';
import { type FeaturePair, readHidden, readPairs, type TapPair } from '../distill/pairs.js';
import { checkCacheSize } from '../distill/teacherCache.js';
import { QrkdRangeError } from '../errors.js';
import { checkHiddenWidths } from '../losses/qrkd.js';
import { lastWidth } from '../models/taps.js';
import type { MethodConfig, StudyConfig } from './config.js';
import { makeLoss } from './kernels.js';
import { checkTextModels, makeModel, openGiven } from './models.js';
import { loadParts, type Parts } from './parts.js';
import { TEACHER } from './table.js';
import { isGivenTeacher } from './teacher.js';

/** Where a study compares its models. */
interface Places {
  pairs: TapPair[];
  hidden: TapPair | undefined;
}

/** What is known of a model before any training. */
interface Opened {
  classes: number;
  /** Features of every pair, a row's of those that are several tokens. */
  features: number[];
  hidden: number | undefined;
}

/**
 * Opens the models of a study as its runs will, before any is trained: layers that they have not, vocabularies and sequences that
 * do not fit them, and features that the terms of a method cannot compare.
 */
export async function checkModels(config: StudyConfig): Promise<void> {
  const { featurePairs, featureLayer, hiddenLayer } = config;
  const methods = Object.entries(config.methods);
  const places: Places = {
    pairs: readPairs(
      featurePairs ? { featurePairs: featurePairs as FeaturePair[] } : { featureLayer },
      'study',
      featureLayer,
    ),
    hidden: methods.some(([, { hidden }]) => hidden > 0) ? readHidden(hiddenLayer, 'study') : undefined,
  };
  const parts = await loadParts(config);
  if (config.text) checkTextModels(config, parts);
  const teacher = await openSide(config, 'teacher', parts, places);
  const student = await openSide(config, 'student', parts, places);
  if (!student || !teacher) return;
  const { cacheTopK } = config.teacher;
  for (const [name, method] of methods) {
    if (cacheTopK !== undefined && method.kd > 0) checkCacheSize(cacheTopK, teacher.classes, 'teacher.cacheTopK');
    try {
      checkWidths(method, student, teacher);
    } catch (error) {
      if (error instanceof QrkdRangeError) error.message = `methods.${name}: ${error.message}`;
      throw error;
    }
  }
}

function checkWidths(method: MethodConfig, student: Opened, teacher: Opened): void {
  if (method.kd > 0 && student.classes !== teacher.classes) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `the teacher gives logits of ${teacher.classes} classes, the student of ${student.classes}; kd needs the same vocabulary on both sides`,
    );
  }
  if (method.hidden > 0) checkHiddenWidths({ student: student.hidden!, teacher: teacher.hidden! });
  if (method.quantum === 0) return;
  const loss = makeLoss(method);
  for (const [p, width] of student.features.entries()) {
    loss.narrowedWidths({ student: width, teacher: teacher.features[p] });
  }
}

/** One model of a study, or nothing where it is an ONNX file, which only runs. */
async function openSide(
  config: StudyConfig,
  side: 'teacher' | 'student',
  parts: Parts,
  { pairs, hidden }: Places,
): Promise<Opened | undefined> {
  const path = config[side].model;
  if (path?.endsWith('.onnx')) return undefined;
  const method = side === 'teacher' ? TEACHER : '';
  const asItIs = side === 'teacher' && isGivenTeacher(config);
  const model = asItIs ? await openGiven(path!) : await makeModel({ config, method, seed: 0 }, parts);
  try {
    if (path !== undefined && config.text) checkGiven(model, `${side}.model ${path}`, config, parts);
    const taps = [...pairs, ...(hidden ? [hidden] : [])].map((pair) => pair[side]);
    const { classes, featureWidths } = openModel(model, taps, path === undefined ? side : `model ${path}`);
    return {
      classes,
      features: pairs.map((pair, p) => featureWidths[p] / (pair[side].tokens ?? 1)),
      hidden: hidden && lastWidth(model, hidden[side]),
    };
  } finally {
    model.dispose();
  }
}

function checkGiven(model: LayersModel, name: string, { text }: StudyConfig, parts: Parts): void {
  const refuse = (why: string): never => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${name} ${why}`);
  };
  const { shape } = model.outputs[0];
  const perToken = shape.length === 3;
  if (perToken !== (text!.task === 'language')) {
    const advice =
      perToken && name.startsWith('teacher') ? '; teacher.fineTune: true gives it a head and trains it' : '';
    refuse(`is a ${perToken ? 'language model' : 'classifier'}, but text.task is ${text!.task}${advice}`);
  }
  const { length } = text!;
  const size = (layer: string, key: string) =>
    model.layers.find(({ name }) => name === layer)?.getConfig()[key] as number | undefined;
  const { vocabulary } = parts.text!.tokenizer;
  const known = perToken ? shape[2]! : (size('wte', 'vocabulary') ?? vocabulary);
  if (known < vocabulary) {
    refuse(`knows ${known} tokens, the tokenizer makes ${vocabulary}; text.tokenizer: { gpt2: FOLDER } takes its own`);
  }
  const positions = size('wpe', 'positions') ?? length;
  if (positions < length) refuse(`takes at most ${positions} tokens, but text.length is ${length}`);
}
