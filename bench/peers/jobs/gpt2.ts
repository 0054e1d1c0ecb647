import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DistillResult, distill, qrkdLoss, ready, type TokenSet, type TrainResult, train } from 'qrkd/distill';
import { makeGpt2, saveGpt2 } from 'qrkd/models';
import { uniform } from '../../inputs.js';
import type { Engine } from '../../steps.js';
import { Contest, type ContestResult } from '../contest.js';
import type { Context } from './context.js';

const VOCABULARY = 2000;
const LENGTH = 128;
const BATCH = 32;
/** Batches of an epoch, which is what a turn times. */
const STEPS = 3;
const TEMPERATURE = 2;
const OURS = 'qrkd';
const OURS_TFJS = `${OURS} through TensorFlow.js`;

export interface Gpt2Sizes {
  layers: number;
  width: number;
}

/** Sequences of random tokens, the same in every batch; gpt2.py has the same ones. */
function sequences(): TokenSet {
  const batch = uniform(BATCH * LENGTH, 3).map((value) => Math.floor(value * VOCABULARY));
  const tokens = new Int32Array(STEPS * batch.length);
  const labels = new Int32Array(tokens.length);
  tokens.forEach((_, k) => {
    tokens[k] = batch[k % batch.length]!;
    labels[k] = batch[(k + 1) % batch.length]!;
  });
  return { tokens, labels, shape: [STEPS * BATCH, LENGTH] };
}

/** Training steps of a GPT-2, data pipeline included: by cross-entropy, or also by distillation from a larger one. */
export async function gpt2(context: Context, student: Gpt2Sizes, teacher?: Gpt2Sizes): Promise<ContestResult> {
  await ready();
  const folder = mkdtempSync(path.join(tmpdir(), 'qrkd-gpt2-'));
  const make = ({ layers, width }: Gpt2Sizes, seed: number) =>
    makeGpt2(
      {
        vocab_size: VOCABULARY,
        n_positions: LENGTH,
        n_embd: width,
        n_layer: layers,
        n_head: width / 32,
        embd_pdrop: 0,
        resid_pdrop: 0,
        attn_pdrop: 0,
      },
      { seed },
    );
  try {
    const folders = { student: path.join(folder, 'student'), teacher: teacher ? path.join(folder, 'teacher') : '' };
    await saveGpt2(make(student, 1), folders.student);
    if (teacher) await saveGpt2(make(teacher, 2), folders.teacher);
    const set = sequences();
    const run = async (engine: Engine, train1: TokenSet): Promise<TrainResult | DistillResult> => {
      const { model } = make(student, 1);
      const common = { train: train1, epochs: 1, batchSize: BATCH, learningRate: 1e-3, engine };
      const loss = qrkdLoss({ ce: 1, kd: 1, temperature: TEMPERATURE });
      const result = teacher
        ? await distill({ ...common, student: model, teacher: make(teacher, 2).model, loss })
        : await train({ ...common, model });
      model.dispose();
      return result;
    };
    const options = { batch: BATCH, length: LENGTH, temperature: TEMPERATURE, ...folders };
    return await context.with([{ file: 'gpt2.py', options }], async ([peer]) => {
      const batch = BATCH * LENGTH;
      const first = {
        tokens: set.tokens.subarray(0, batch),
        labels: set.labels.subarray(0, batch),
        shape: [BATCH, LENGTH],
      };
      const { loss: expected } = peer!.facts as { loss: number };
      for (const engine of ['native', 'tfjs'] as const) {
        const { loss } = (await run(engine, first)).epochs[0]!;
        assert.ok(
          Math.abs(loss - expected) < 1e-4 * expected,
          `the ${engine} loss is ${loss}, PyTorch has ${expected}`,
        );
      }
      const turn = (engine: Engine) => ({
        precision: 'float32' as const,
        turn: async () => [(1000 * (await run(engine, set)).epochs[0]!.seconds) / STEPS],
      });
      const contest = await Contest.hold(
        { [OURS]: turn('native'), [OURS_TFJS]: turn('tfjs'), ...peer!.contenders },
        context.rounds,
      );
      const name = ({ layers, width }: Gpt2Sizes) => `${layers} layers of ${width}`;
      const from = teacher ? `, distilled from ${name(teacher)}` : '';
      const work = `GPT-2 of ${name(student)}${from}`;
      const fastest = contest.fastest(contest.names((contender) => contender.startsWith('PyTorch')));
      const rate = contest.figure([OURS], (milliseconds) => batch / (milliseconds / 1000)).median;
      return {
        // Names the contest on the page.
        job: teacher ? 'training-gpt2-distilled' : 'training-gpt2',
        title: `${work}: a training step, ${BATCH} sequences of ${LENGTH} tokens of ${VOCABULARY.toLocaleString('en-US')}`,
        rounds: context.rounds,
        entries: contest.entries({ float32: OURS }),
        claims: [{ work, against: fastest, measured: contest.ratio(fastest, OURS), atLeast: 0.7, unit: 'x' }],
        notes: [
          `${Math.round(rate).toLocaleString('en-US')} tokens a second of ours. Shuffling, gathering batches and, where there is one, the teacher's forward pass are part of our steps; PyTorch's have their batch and run the teacher. All start from the same weights and give the same loss; Adam everywhere, the fused one in PyTorch.`,
        ],
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
