import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { evaluateInParts } from '../distill/evaluate.js';
import { keepOutputs } from '../distill/keptOutputs.js';
import { type OnnxTeacher, type OnnxTeacherOptions, onnxTeacher } from '../distill/onnxTeacher.js';
import type { SampleSet } from '../distill/samples.js';
import { isTeacher, openInference, type Teacher } from '../distill/teacher.js';
import { QrkdRangeError } from '../errors.js';
import { loadModel, saveModel } from '../models/index.js';
import { readModel } from '../onnx/read.js';
import type { StudyConfig } from './config.js';
import { openGiven } from './models.js';
import type { Parts, StudySet } from './parts.js';
import type { RunRecord, RunSpec } from './run.js';

/** Whether the teacher of a study is an ONNX file, which is run as it is. */
export function isOnnxTeacher({ teacher }: StudyConfig): boolean {
  return teacher.model?.endsWith('.onnx') ?? false;
}

/** Whether the teacher of a study is a model that is used as it came, and not trained. */
export function isGivenTeacher({ teacher }: StudyConfig): boolean {
  return teacher.model !== undefined && !teacher.fineTune;
}

/** Opens the ONNX file that a configuration names. */
export function openOnnxTeacher({ teacher }: StudyConfig): Promise<OnnxTeacher> {
  return onnxTeacher(teacher.model!, teacher.onnx as OnnxTeacherOptions | undefined);
}

/** Where an ONNX file's features are taken where nothing else is said. */
export function teacherLayer(teacher: LayersModel | Teacher | undefined): string | undefined {
  return teacher && isTeacher(teacher) ? teacher.featureLayer : undefined;
}

/**
 * The teacher of a run: the model that was trained, or the ONNX file, whose outputs on whole sets are kept for the other runs.
 *
 * @param folder of the trained model; what is kept lies beside it.
 */
export async function loadTeacher(
  config: StudyConfig,
  folder: string,
  sets: readonly SampleSet[],
): Promise<LayersModel | Teacher> {
  if (!isOnnxTeacher(config)) return loadModel(folder);
  return keepOutputs(await openOnnxTeacher(config), keptTeacherOutputs(folder), sets);
}

/** The folder of what teachers said, beside the folder of a teacher's run. */
export function keptTeacherOutputs(folder: string): string {
  return join(folder, '..', 'teacher-outputs');
}

/** The record of a teacher that is used as it came. */
export async function givenTeacher(
  { config, method, seed, folder, test: reads }: RunSpec,
  { train, validation, test }: Parts,
): Promise<RunRecord> {
  const start = performance.now();
  if (!isOnnxTeacher(config)) await saveModel(await openGiven(config.teacher.model!), folder);
  const teacher = await loadTeacher(config, folder, [train, validation, test]);
  const inference = openInference(teacher, [], {
    engine: 'auto',
    where: 'teacher',
    precision: 'float32',
    alone: true,
    length: train.shape[1],
  });
  const evaluate = (set: StudySet) =>
    evaluateInParts(set, set.classes, async (part) => {
      // Outputs that are kept are told by the very set.
      const { logits } = await inference.outputs(part.shape[0] === set.shape[0] ? set : part);
      if (logits) return logits;
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `teacher.model ${config.teacher.model}: name its logits (teacher.onnx)`,
      );
    });
  try {
    return {
      method,
      seed,
      parameters: isTeacher(teacher) ? countParameters(config.teacher.model!) : teacher.countParams(),
      seconds: (performance.now() - start) / 1000,
      result: {
        epochs: [],
        steps: 0,
        stepMilliseconds: 0,
        train: await evaluate(train),
        validation: await evaluate(validation),
        ...(reads && { test: await evaluate(test) }),
      },
    };
  } finally {
    inference.dispose();
  }
}

/** Numbers among an ONNX file's initializers. */
function countParameters(path: string): number {
  const { initializer } = readModel(path).model.graph;
  return initializer.reduce(
    (sum, { dims }) => sum + dims.reduce<number>((product, extent) => product * Number(extent), 1),
    0,
  );
}
