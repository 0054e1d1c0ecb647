import type { LayersModel } from '@tensorflow/tfjs-layers';
import { allOutputs, openModel } from '../distill/outputs.js';
import type { FeaturePair } from '../distill/pairs.js';
import { labelsPerSample, type SampleSet, selectSamples } from '../distill/samples.js';
import { openInference, type Teacher } from '../distill/teacher.js';
import type { Matrix } from '../engine/types.js';
import { pcaProjection } from '../losses/projection.js';
import type { QrkdLoss } from '../losses/qrkd.js';
import { type FeatureSpec, readTap } from '../models/taps.js';

/** A square matrix of numbers rounded for a picture. */
export type Picture = number[][];

/** Kernel matrices of a few validation samples, sorted by class. */
export interface KernelPictures {
  labels: number[];
  teacher: Picture;
  /** The student's before and after training. */
  before: Picture;
  after: Picture;
}

/** A model's features of some samples on their first two principal components. */
export interface FeaturePlane {
  points: [number, number][];
  /** Share of the variance that the two components hold, 0..1. */
  explained: number;
}

/** Features of some validation samples after training, each model's on its own components. */
export interface FeaturePicture {
  labels: number[];
  student: FeaturePlane;
  /** Of the runs that compare with the teacher. */
  teacher?: FeaturePlane;
}

/** Where the features of each side are taken. */
type Places = Pick<FeaturePair, 'student' | 'teacher'>;

/** Samples of each class in the pictures of kernel matrices, and of all classes together in those of features. */
const KERNEL_SAMPLES = 4;
const FEATURE_SAMPLES = 300;
const DIGITS = 4;

const round = (value: number) => Number(value.toPrecision(DIGITS));

/** A model's features of some samples. */
async function featuresOf(
  model: LayersModel | Teacher,
  place: FeatureSpec,
  side: string,
  samples: SampleSet,
): Promise<Matrix> {
  const length = samples.shape[1];
  const how = { engine: 'auto', where: side, precision: 'float32', alone: true, length } as const;
  const inference = openInference(model, [readTap(place, side)], how);
  try {
    return (await inference.outputs(samples)).features[0];
  } finally {
    inference.dispose();
  }
}

/**
 * A function that pictures both kernel matrices of a loss with a quantum term, as the student is at that moment.
 *
 * @param features where both models' features are taken.
 */
export async function kernelPicture(
  loss: QrkdLoss,
  { student, teacher }: { student: LayersModel; teacher: LayersModel | Teacher },
  { train, validation }: { train: SampleSet; validation: SampleSet },
  features: Places,
): Promise<() => { labels: number[]; teacher: Picture; student: Picture }> {
  const few = firstOfEachClass(validation, KERNEL_SAMPLES);
  const { tokens: rowsPerSample = 1 } = readTap(features.student, 'student');
  const labels = [...few.labels].flatMap((label) => new Array<number>(rowsPerSample).fill(label));
  const openedStudent = openModel(student, [features.student], 'student');
  const wholeTeacher = await featuresOf(teacher, features.teacher, 'teacher', train);
  const batchLoss = loss.prepare([
    { teacher: wholeTeacher, studentWidth: openedStudent.featureWidths[0], rowsPerSample },
  ]);
  const teacherFeatures = await featuresOf(teacher, features.teacher, 'teacher', few);
  return () => {
    const matrices = batchLoss.kernelMatrices(allOutputs(openedStudent, few).features[0], teacherFeatures);
    return { labels, teacher: pictureOf(matrices.teacher), student: pictureOf(matrices.student) };
  };
}

/** Pictures the features of both models, on principal components of the samples pictured themselves. */
export async function featurePicture(
  { student, teacher }: { student: LayersModel; teacher: LayersModel | Teacher | undefined },
  validation: SampleSet,
  features: Places,
): Promise<FeaturePicture> {
  const classes = labelsPerSample(validation) > 1 ? 10 : new Set(validation.labels).size;
  const some = firstOfEachClass(validation, Math.max(1, Math.floor(FEATURE_SAMPLES / classes)));
  const plane = async (model: LayersModel | Teacher, side: keyof Places) =>
    principalPlane(await featuresOf(model, features[side], side, some));
  return {
    labels: [...some.labels],
    student: await plane(student, 'student'),
    ...(teacher && { teacher: await plane(teacher, 'teacher') }),
  };
}

/** Rows [n, f] on their first two principal components (the second is 0 for one feature), and the share of variance there. */
export function principalPlane(rows: Matrix): FeaturePlane {
  const [n, f] = rows.shape;
  const { mean, matrix } = pcaProjection(rows, Math.min(2, f));
  const [, components] = matrix.shape;
  let total = 0;
  let kept = 0;
  const points = Array.from({ length: n }, (_, i): [number, number] => {
    const point: [number, number] = [0, 0];
    for (let k = 0; k < f; k++) {
      const centred = rows.data[i * f + k] - mean[k];
      total += centred ** 2;
      for (let c = 0; c < components; c++) point[c] += centred * matrix.data[k * components + c];
    }
    kept += point[0] ** 2 + point[1] ** 2;
    return [round(point[0]), round(point[1])];
  });
  // Features that are all the same (a dead layer) have no variance to share.
  return { points, explained: total > 0 ? round(kept / total) : 1 };
}

/** The first samples of every class, class by class; of sequences without a class of their own as many as of ten. */
function firstOfEachClass(set: SampleSet, perClass: number): SampleSet {
  if (labelsPerSample(set) > 1) {
    const rows = Uint32Array.from({ length: Math.min(set.shape[0], 10 * perClass) }, (_, row) => row);
    return { ...selectSamples(set, rows), labels: new Int32Array(rows.length) };
  }
  const classes = [...new Set(set.labels)].sort((a, b) => a - b);
  const rows = classes.flatMap((label) =>
    [...set.labels.keys()].filter((row) => set.labels[row] === label).slice(0, perClass),
  );
  return selectSamples(set, Uint32Array.from(rows));
}

function pictureOf({ data, shape: [n] }: Matrix): Picture {
  return Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * n, (i + 1) * n), round));
}
