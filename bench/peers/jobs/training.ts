import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { distill, type QrkdLossOptions, qrkdLoss, ready, type SampleSet, type Term } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { cifarCnn, resNet8 } from '../../models.js';
import { crossEntropyTurn, distillTurn, type Engine, firstRows, noiseImages, recipe } from '../../steps.js';
import { writeWeights } from '../../weights.js';
import { type Claim, Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

interface Facts {
  /** Of the first batch, in float64, at our weights. */
  loss: number;
}

interface Row {
  title: string;
  model: () => LayersModel;
  shape: readonly number[];
  /** How many times as long PyTorch's fastest phrasing is to take, and its eager one. */
  fastest: number;
  eager?: number;
}

const seed = 1;
const MNIST = [28, 28, 1];
const CIFAR = [32, 32, 3];

/** By the names of networks.py. */
const ROWS = {
  student: {
    title: "QRKD step of the paper's MNIST student",
    model: () => paperStudent({ seed }),
    shape: MNIST,
    fastest: 3,
    eager: 5,
  },
  teacher: {
    title: "Cross-entropy step of the paper's MNIST teacher",
    model: () => paperTeacher({ seed }),
    shape: MNIST,
    fastest: 4,
  },
  authors: {
    title: "Cross-entropy step of the authors' MNIST network (5x5 convolutions, 6,690 parameters)",
    model: () => paperTeacher({ seed, variant: 'authors' }),
    shape: MNIST,
    fastest: 2,
  },
  cifar: {
    title: 'Cross-entropy step of a CIFAR-10 CNN (285,226 parameters)',
    model: () => cifarCnn(seed),
    shape: CIFAR,
    fastest: 1.1,
  },
  resnet8: {
    title: 'Cross-entropy step of ResNet-8 at 32 x 32 (78,186 parameters)',
    model: () => resNet8(seed),
    shape: CIFAR,
    fastest: 1,
  },
} satisfies Record<string, Row>;

export type NetworkName = keyof typeof ROWS;
export const NETWORK_NAMES = Object.keys(ROWS) as NetworkName[];

const OURS = 'qrkd';
/** Training steps of a turn: many of the small networks', few of those that take tens of milliseconds. */
const STEPS = { small: 30, large: 6 };

/** Training steps of one network: ours, natively and through tfjs, tfjs's own and PyTorch's in every phrasing. */
export async function training(context: Context, network: NetworkName, batchSize: number): Promise<ContestResult> {
  await ready();
  const { title, model, shape, fastest, eager }: Row = ROWS[network];
  const qrkd = network === 'student';
  const teacher = qrkd ? paperTeacher({ seed }) : undefined;
  const loss = qrkd ? recipe('zz') : { ce: 1 };
  const train = noiseImages((shape === MNIST ? STEPS.small : STEPS.large) * batchSize, shape);
  const weights = mkdtempSync(path.join(tmpdir(), 'qrkd-weights-'));
  try {
    await writeWeights(model(), weights, network);
    if (teacher) await writeWeights(teacher, weights, 'teacher');
    const script = { file: 'training.py', options: { batch: batchSize, network, weights } };
    return await context.with([script], async ([peer]) => {
      const first = firstRows(train, batchSize);
      await agree({ model, teacher, loss, train: first, batchSize }, (peer!.facts as Facts).loss);
      const turn = (engine: Engine, itsLoss: QrkdLossOptions = loss) => ({
        precision: 'float32' as const,
        turn: distillTurn(model, { teacher, train, loss: itsLoss, batchSize, engine }),
      });
      const contest = await Contest.hold(
        {
          [OURS]: turn('native'),
          ...(qrkd && {
            [`${OURS}, no quantum term`]: turn('native', recipe('zz', { quantum: false, relations: true })),
          }),
          [`${OURS} through TensorFlow.js`]: turn('tfjs'),
          'TensorFlow.js, cross-entropy': { precision: 'float32', turn: crossEntropyTurn(model, train, batchSize) },
          ...peer!.contenders,
        },
        context.rounds,
      );
      const work = `${title}, batch ${batchSize}`;
      const claim = (against: string, atLeast: number): Claim => ({
        work,
        against,
        measured: contest.ratio(against, OURS),
        atLeast,
        unit: 'x',
      });
      const pytorch = contest.names((name) => name.startsWith('PyTorch'));
      return {
        job: `training-${network}`,
        title: work,
        rounds: context.rounds,
        entries: contest.entries({ float32: OURS }),
        claims: [
          claim(contest.fastest(pytorch), fastest),
          ...(eager === undefined ? [] : [claim('PyTorch eager', eager)]),
        ],
        notes: [
          qrkd
            ? "Ours has all terms: cross-entropy, KD, distances, angles and the ZZ kernel with its exact gradient; PyTorch's has no quantum term, and the teacher's relations are given to it. All start from the same weights and give the same loss."
            : 'All start from the same weights and give the same loss; Adam everywhere, the fused one in PyTorch.',
        ],
      };
    });
  } finally {
    rmSync(weights, { recursive: true });
  }
}

interface First {
  model: () => LayersModel;
  teacher: LayersModel | undefined;
  loss: QrkdLossOptions;
  train: SampleSet;
  batchSize: number;
}

/** The loss of one batch at the first weights, without the term that PyTorch's step lacks. */
async function agree({ model, teacher, loss, train, batchSize }: First, expected: number): Promise<void> {
  for (const engine of ['native', 'tfjs'] as const) {
    const student = model();
    const { epochs } = await distill({ student, teacher, train, loss: qrkdLoss(loss), batchSize, epochs: 1, engine });
    student.dispose();
    const terms = Object.entries(epochs[0]!.terms) as [Term, { weighted: number }][];
    const value = terms.filter(([term]) => term !== 'quantum').reduce((sum, [, { weighted }]) => sum + weighted, 0);
    assert.ok(Math.abs(value - expected) < 1e-4 * expected, `the ${engine} loss is ${value}, PyTorch has ${expected}`);
  }
}
