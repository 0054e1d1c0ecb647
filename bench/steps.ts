import { FidelityKernel, featureMap, type Kernel } from 'qrkd';
import { loadMnistDigits } from 'qrkd/data';
import { distill, type QrkdLossOptions, qrkdLoss, ready, tf } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { samples } from './inputs.js';
import { type Turn, turnOf } from './turns.js';

const STEPS = 30;

/** The recipe's weights; the quantum term and the relations can be left out. */
function lossOptions(map: 'zz' | 'angle', terms: { quantum: boolean; relations: boolean }): QrkdLossOptions {
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
  const studentOutputs = { logits: samples(batchSize, 10, 5), features: samples(batchSize, 4, 6) };
  const teacherOutputs = { logits: samples(batchSize, 10, 7), features: samples(batchSize, 31, 8) };
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);
  const evaluated = (options: QrkdLossOptions): Turn => {
    const batch = qrkdLoss(options).prepare(teacherOutputs.features, 4);
    return turnOf(() => batch.evaluate(studentOutputs, teacherOutputs, labels));
  };
  const turns: Record<string, Turn> = {};
  for (const map of ['zz', 'angle'] as const) {
    turns[`terms, ${map}`] = evaluated(lossOptions(map, { quantum: true, relations: true }));
    turns[`terms, ${map}, no relations`] = evaluated(lossOptions(map, { quantum: true, relations: false }));
  }
  turns['terms, no quantum term'] = evaluated(lossOptions('zz', { quantum: false, relations: true }));
  return turns;
}

/**
 * Turns of training steps of the paper's student on real digits: whole steps as `distill` takes them (its own median per
 * step; caching the teacher and evaluating are outside of it), and tfjs's own cross-entropy step.
 */
export async function trainingTurns(batchSize: number): Promise<Record<string, Turn>> {
  await ready();
  const digits = (await loadMnistDigits()).train;
  const rows = STEPS * batchSize;
  const size = digits.images.length / digits.shape[0]!;
  const train = {
    images: digits.images.slice(0, rows * size),
    labels: digits.labels.slice(0, rows),
    shape: [rows, ...digits.shape.slice(1)],
  };
  const teacher = paperTeacher({ seed: 1 });
  const distilled =
    (options: QrkdLossOptions): Turn =>
    async () => {
      const student = paperStudent({ seed: 1 });
      const loss = qrkdLoss(options);
      const result = await distill({ teacher, student, train, loss, epochs: 2, batchSize, seed: 1 });
      student.dispose();
      return [result.stepMilliseconds];
    };
  return {
    'tfjs cross-entropy step': crossEntropyTurn(train, batchSize),
    'qrkd loop, cross-entropy only': distilled({ ce: 1 }),
    'qrkd step, no quantum term': distilled(lossOptions('zz', { quantum: false, relations: true })),
    'qrkd step, zz': distilled(lossOptions('zz', { quantum: true, relations: true })),
    'qrkd step, zz, no relations': distilled(lossOptions('zz', { quantum: true, relations: false })),
    'qrkd step, angle': distilled(lossOptions('angle', { quantum: true, relations: true })),
    'qrkd step, angle, no relations': distilled(lossOptions('angle', { quantum: true, relations: false })),
  };
}

/** The step as tfjs alone would take it: its softmax cross-entropy, its gradients, the same batches and optimizer. */
function crossEntropyTurn(
  train: { images: Float32Array; labels: Int32Array; shape: number[] },
  batchSize: number,
): Turn {
  return () => {
    const student = paperStudent({ seed: 1 });
    const optimizer = tf.train.adam(3e-3);
    const size = train.images.length / train.shape[0]!;
    const times: number[] = [];
    for (let step = 0; step < 2 * STEPS; step++) {
      const from = (step % STEPS) * batchSize;
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
    }
    optimizer.dispose();
    student.dispose();
    return times;
  };
}
