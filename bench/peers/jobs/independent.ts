import { distill, qrkdLoss, ready } from 'qrkd/distill';
import { paperStudent, paperTeacher } from 'qrkd/models';
import { noiseImages, recipe } from '../../steps.js';
import type { Turn } from '../../turns.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

const BATCH = 64;
const BATCHES = 48;
const EPOCHS = 20;

/** Two independent students, a thread each, against one on one thread: what a table of seeds gains. */
export async function independent(context: Context): Promise<ContestResult> {
  await ready();
  const teacher = paperTeacher({ seed: 1 });
  const train = noiseImages(BATCHES * BATCH, [28, 28, 1]);
  const trained = async (seed: number, threads?: 1) => {
    const student = paperStudent({ seed });
    const loss = qrkdLoss(recipe('zz'));
    const limit = threads === undefined ? {} : { threads };
    await distill({
      student,
      teacher,
      train,
      loss,
      epochs: EPOCHS,
      batchSize: BATCH,
      seed,
      engine: 'native',
      ...limit,
    });
    student.dispose();
  };
  const turn = (run: () => Promise<unknown>): { turn: Turn; precision: 'float32' } => ({
    precision: 'float32',
    turn: async () => {
      const start = performance.now();
      await run();
      return [performance.now() - start];
    },
  });
  const ONE = 'qrkd, one student on one thread';
  const TWO = 'qrkd, two students on a thread each';
  const contest = await Contest.hold(
    {
      [ONE]: turn(() => trained(1, 1)),
      [TWO]: turn(() => Promise.all([trained(1, 1), trained(2, 1)])),
      [`qrkd, one student on all ${context.settings.threads} threads`]: turn(() => trained(1)),
    },
    context.rounds,
  );
  return {
    job: 'training-independent',
    title: `Independent students at once: ${BATCHES * EPOCHS} QRKD steps of the paper's student each, batch ${BATCH}`,
    rounds: context.rounds,
    entries: contest.entries({}),
    claims: [
      {
        work: "Two independent students of the paper's pair on two threads: steps a second",
        against: 'one student on one thread',
        measured: contest.figure([ONE, TWO], (one, two) => (2 * one) / two),
        atLeast: 1.8,
        unit: 'x',
      },
    ],
    notes: ["A turn is the whole call: caching the teacher's outputs, training, evaluating the student."],
  };
}
