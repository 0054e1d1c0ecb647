import type { LayersModel } from '@tensorflow/tfjs-layers';
import { FidelityKernel, featureMap, type Kernel } from 'qrkd';
import { loadMnistDigits } from 'qrkd/data';
import { type DistillOptions, distill, type QrkdLossOptions, qrkdLoss, ready, type SampleSet, tf } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { samples, uniform } from './inputs.js';
import { withStockKernels } from './stockKernels.js';
import { type Turn, turnOf } from './turns.js';

const STEPS = 30;

export type Engine = 'native' | 'tfjs';

/** The recipe's weights; the quantum term and the relations can be left out. */
export function recipe(
  map: 'zz' | 'angle',
  terms: { quantum: boolean; relations: boolean } = { quantum: true, relations: true },
): QrkdLossOptions {
  const kernel = (features: number): Kernel =>
    new FidelityKernel(
      featureMap(map === 'zz' ? { type: 'zz', features, reps: 1, bandwidth: 0.1 } : { type: 'angle', features }),
      { precision: 'float32' },
    );
  return {
    ce: 1,
    kd: 1,
    ...(terms.relations && { distance: 1, angle: 2 }),
    ...(terms.quantum && { quantum: 30, kernels: { teacher: kernel(8), student: kernel(4) } }),
  };
}

/** What the terms alone cost a step, value and gradient: the loss's own evaluation of one batch of outputs. */
export function termTurns(batchSize: number): Record<string, Turn> {
  const studentOutputs = { logits: samples(batchSize, 10, 5), features: [samples(batchSize, 4, 6)] };
  const teacher = samples(batchSize, 31, 8);
  const teacherOutputs = { logits: samples(batchSize, 10, 7), features: [teacher] };
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);
  const evaluated = (options: QrkdLossOptions): Turn => {
    const batch = qrkdLoss(options).prepare([{ teacher, studentWidth: 4 }]);
    return turnOf(() => batch.evaluate(studentOutputs, teacherOutputs, labels));
  };
  const turns: Record<string, Turn> = {};
  for (const map of ['zz', 'angle'] as const) {
    turns[`terms, ${map}`] = evaluated(recipe(map));
    turns[`terms, ${map}, no relations`] = evaluated(recipe(map, { quantum: true, relations: false }));
  }
  turns['terms, no quantum term'] = evaluated(recipe('zz', { quantum: false, relations: true }));
  return turns;
}

/** The first `rows` samples of a set, without copying. */
export function firstRows(set: SampleSet, rows: number): SampleSet {
  const size = set.images.length / set.shape[0]!;
  return {
    images: set.images.subarray(0, rows * size),
    labels: set.labels.subarray(0, rows),
    shape: [rows, ...set.shape.slice(1)],
  };
}

/** Noise in [0, 1) with labels 0, 1, ... 9, 0, ...; bench/peers/training.py makes the same. */
export function noiseImages(rows: number, shape: readonly number[]): SampleSet {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return {
    images: Float32Array.from(uniform(rows * size, 3)),
    labels: Int32Array.from({ length: rows }, (_, i) => i % 10),
    shape: [rows, ...shape],
  };
}

/**
 * A turn of training steps as `distill` takes them: the median that it gives. Caching the teacher and evaluating are
 * outside of it.
 */
export function distillTurn(
  student: () => LayersModel,
  options: Omit<DistillOptions, 'student' | 'loss'> & { loss: QrkdLossOptions },
): Turn {
  return async () => {
    const model = student();
    const result = await distill({ seed: 1, epochs: 2, ...options, student: model, loss: qrkdLoss(options.loss) });
    model.dispose();
    return [result.stepMilliseconds];
  };
}

/** Turns of training steps of the paper's student on real digits, and of tfjs's own cross-entropy step. */
export async function trainingTurns(batchSize: number, engine: Engine): Promise<Record<string, Turn>> {
  await ready();
  const train = firstRows((await loadMnistDigits()).train, STEPS * batchSize);
  const teacher = paperTeacher({ seed: 1 });
  const distilled = (loss: QrkdLossOptions) =>
    distillTurn(() => paperStudent({ seed: 1 }), { teacher, train, loss, batchSize, engine });
  return {
    'tfjs cross-entropy step': crossEntropyTurn(() => paperStudent({ seed: 1 }), train, batchSize),
    'qrkd loop, cross-entropy only': distilled({ ce: 1 }),
    'qrkd step, no quantum term': distilled(recipe('zz', { quantum: false, relations: true })),
    'qrkd step, zz': distilled(recipe('zz')),
    'qrkd step, zz, no relations': distilled(recipe('zz', { quantum: true, relations: false })),
    'qrkd step, angle': distilled(recipe('angle')),
    'qrkd step, angle, no relations': distilled(recipe('angle', { quantum: true, relations: false })),
  };
}

/**
 * The step as tfjs-node alone takes it: its softmax cross-entropy, gradients, kernels and Adam, on the same batches. None of
 * what qrkd replaces is in it.
 */
export function crossEntropyTurn(model: () => LayersModel, train: SampleSet, batchSize: number): Turn {
  return () => {
    const student = model();
    const optimizer = tf.train.adam(3e-3);
    const size = train.images.length / train.shape[0]!;
    const batches = Math.floor(train.shape[0]! / batchSize);
    const times: number[] = [];
    const take = (step: number) => {
      const from = (step % batches) * batchSize;
      const start = performance.now();
      tf.tidy(() => {
        const x = tf.tensor(train.images.slice(from * size, (from + batchSize) * size), [
          batchSize,
          ...train.shape.slice(1),
        ]);
        const labels = tf.oneHot(tf.tensor1d(train.labels.slice(from, from + batchSize), 'int32'), 10);
        const cost = optimizer.minimize(
          () => tf.losses.softmaxCrossEntropy(labels, student.apply(x, { training: true }) as never),
          true,
        );
        // As every training loop does, and so that the step is finished when its time is taken.
        cost!.dataSync();
      });
      times.push(performance.now() - start);
    };
    withStockKernels(() => {
      for (let step = 0; step < 2 * batches; step++) take(step);
    });
    optimizer.dispose();
    student.dispose();
    return times;
  };
}
