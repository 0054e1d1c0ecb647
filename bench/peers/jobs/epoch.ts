import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadIdx } from 'qrkd/data';
import { distill, qrkdLoss, ready, type SampleSet } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { type Engine, firstRows, noiseImages, recipe } from '../../steps.js';
import { median, type Turn } from '../../turns.js';
import { writeWeights } from '../../weights.js';
import { type Claim, Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

/** Where Debian's package dataset-fashion-mnist puts the files. */
const FOLDER = '/usr/share/datasets/fashion-mnist';
const ROWS = 60_000;
/** An eighth of the images, in whole batches. */
const PART = 7488;
const BATCH = 64;

const OURS = 'qrkd';
const OURS_TFJS = `${OURS} through TensorFlow.js`;

/** An epoch of the student with its data pipeline: an eighth in every round, then a whole one of the three that matter. */
export async function epoch(context: Context): Promise<ContestResult> {
  await ready();
  const real = existsSync(FOLDER);
  const all: SampleSet = real ? loadIdx(FOLDER).train : noiseImages(ROWS, [28, 28, 1]);
  const teacher = paperTeacher({ seed: 1 });
  const weights = mkdtempSync(path.join(tmpdir(), 'qrkd-weights-'));
  try {
    await writeWeights(paperStudent({ seed: 1 }), weights, 'student');
    await writeWeights(teacher, weights, 'teacher');
    const options = { batch: BATCH, rows: PART, folder: real ? FOLDER : '', weights };
    return await context.with([{ file: 'epoch.py', options }], async ([peer]) => {
      const turn =
        (engine: Engine, train: SampleSet): Turn =>
        async () => {
          const student = paperStudent({ seed: 1 });
          const loss = qrkdLoss(recipe('zz'));
          const { epochs } = await distill({ student, teacher, train, loss, epochs: 1, batchSize: BATCH, engine });
          student.dispose();
          return [1000 * epochs[0]!.seconds];
        };
      const part = firstRows(all, PART);
      const pytorch = Object.entries(peer!.contenders).filter(([name]) => !name.endsWith(', whole'));
      const contest = await Contest.hold(
        {
          [OURS]: { precision: 'float32', turn: turn('native', part) },
          [OURS_TFJS]: { precision: 'float32', turn: turn('tfjs', part) },
          ...Object.fromEntries(pytorch),
        },
        context.rounds,
      );
      const fastest = contest.fastest(pytorch.map(([name]) => name));
      const whole = {
        [OURS]: turn('native', all),
        [fastest]: peer!.contenders[`${fastest}, whole`]!.turn,
        [OURS_TFJS]: turn('tfjs', all),
      };
      const seconds: string[] = [];
      for (const [name, its] of Object.entries(whole)) {
        seconds.push(`${name} ${(median(await its()) / 1000).toFixed(1)} s`);
      }
      const work = `Epoch of the paper's student, QRKD, ${real ? 'Fashion-MNIST' : 'noise in the shape of Fashion-MNIST'}`;
      const claim = (against: string, atLeast: number): Claim => ({
        work,
        against,
        measured: contest.ratio(against, OURS),
        atLeast,
        unit: 'x',
      });
      return {
        job: 'training-epoch',
        title: `${work}: ${PART.toLocaleString('en-US')} of the 60,000 images, batch ${BATCH}`,
        rounds: context.rounds,
        entries: contest.entries({ float32: OURS }),
        claims: [claim(fastest, 3), claim(OURS_TFJS, 6)],
        notes: [
          `A whole epoch of 60,000 images, once each: ${seconds.join(', ')}.`,
          "Shuffling, gathering batches and, on our side, handing the weights back to the model are part of the epoch; the teacher's outputs are cached before it. PyTorch's loss has no quantum term; its images and cached outputs are tensors in memory, its batches index_select of a random permutation.",
        ],
      };
    });
  } finally {
    rmSync(weights, { recursive: true });
  }
}
