import type { LayersModel } from '@tensorflow/tfjs-layers';
import { openModel } from '../distill/outputs.js';
import { QrkdRangeError } from '../errors.js';
import type { FeatureSpec } from '../models/taps.js';
import type { StudyConfig } from './config.js';
import { makeTextModel, openGiven, openStudent } from './models.js';
import type { Parts } from './parts.js';

/** Where a study takes features and hidden states from one of its models. */
function placesOf({ featurePairs, featureLayer, hiddenLayer, methods }: StudyConfig, side: 'teacher' | 'student') {
  const places = featurePairs ? featurePairs.map((pair) => pair[side] as FeatureSpec) : [featureLayer];
  const hidden = Object.values(methods).some((method) => method.hidden > 0);
  return hidden ? [...places, hiddenLayer ?? 'ln_f'] : places;
}

/**
 * Opens the models of a study of text as its runs will, before any is trained: layers that they have not, vocabularies and
 * sequences that do not fit them.
 */
export async function checkModels(config: StudyConfig, parts: Parts): Promise<void> {
  const classes: Partial<Record<'teacher' | 'student', number>> = {};
  for (const side of ['teacher', 'student'] as const) {
    const path = config[side].model;
    if (path?.endsWith('.onnx')) continue;
    const model =
      path === undefined
        ? makeTextModel(config, side, parts, 0)
        : await (side === 'student' ? openStudent(path, config, parts) : openGiven(path));
    try {
      if (path !== undefined) checkGiven(model, `${side}.model ${path}`, config, parts);
      classes[side] = openModel(model, placesOf(config, side), side).classes;
    } finally {
      model.dispose();
    }
  }
  const { teacher, student } = classes;
  const method = Object.entries(config.methods).find(([, { kd }]) => kd > 0)?.[0];
  if (method === undefined || teacher === undefined || student === undefined || teacher === student) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `methods.${method}: the teacher gives logits of ${teacher} classes, the student of ${student}; kd needs the same vocabulary on both sides`,
  );
}

function checkGiven(model: LayersModel, name: string, { text }: StudyConfig, parts: Parts): void {
  const refuse = (why: string): never => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${name} ${why}`);
  };
  const { shape } = model.outputs[0];
  const perToken = shape.length === 3;
  if (perToken !== (text!.task === 'language')) {
    refuse(`is a ${perToken ? 'language model' : 'classifier'}, but text.task is ${text!.task}`);
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
