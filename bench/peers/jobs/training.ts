import { trainingTurns } from '../../steps.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

const OURS = 'qrkd step, zz';

/** Training steps of the paper's MNIST pair: ours through tfjs, PyTorch's eager, channels_last and compiled. */
export async function training(context: Context, batch: number): Promise<ContestResult> {
  return context.with([{ file: 'training.py', options: { batch } }], async ([peer]) => {
    const turns = await trainingTurns(batch);
    const ours = Object.entries(turns).map(([name, turn]) => [name, { turn, precision: 'float32' as const }]);
    const contest = await Contest.hold({ ...Object.fromEntries(ours), ...peer!.contenders }, context.rounds);
    return {
      job: `training-${batch}`,
      title: `Training step of the paper's MNIST pair, batch ${batch}`,
      rounds: context.rounds,
      entries: contest.entries({ float32: OURS }),
      claims: [],
      notes: [
        `Ratios are to "${OURS}", a whole QRKD step with all terms; the tensors are TensorFlow.js's, PyTorch's steps have no quantum term.`,
      ],
    };
  });
}
