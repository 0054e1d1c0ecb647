// A process of its own: peaks of memory cannot be taken back.
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { distill, qrkdLoss, ready } from 'qrkd/distill';
import { angleLossGradient } from '#dist/engine/relational.js';
import { randomMatrices } from '../../matrices.js';
import { clouds, denseNetwork } from './clouds.js';

const N = 512;
/** What all N^3 cosines of one side would take in float32. */
const ALL_COSINES = (4 * N ** 3) / 2 ** 20;

/** By how many MiB `body` raises the largest resident memory that the process ever had. */
async function growth(body: () => unknown): Promise<number> {
  const start = process.resourceUsage().maxRSS;
  await body();
  return (process.resourceUsage().maxRSS - start) / 1024;
}

before(() => ready());

it(`the angle loss of ${N} samples takes memory of order N^2: far less than all of its cosines would`, async () => {
  const random = randomMatrices('angles');
  const [student, teacher] = [random(N, 4), random(N, 31)];
  angleLossGradient(random(32, 4), random(32, 31));
  const evaluated = await growth(() => angleLossGradient(student, teacher));
  assert.ok(evaluated < 0.15 * ALL_COSINES, `${evaluated} MiB`);
});

for (const engine of ['native', 'tfjs'] as const) {
  it(`so does a step with it, engine ${engine}`, async () => {
    const step = (samples: number) =>
      distill({
        student: denseNetwork(4, 1),
        teacher: denseNetwork(31, 2),
        train: clouds(samples),
        loss: qrkdLoss({ angle: 2 }),
        epochs: 1,
        batchSize: samples,
        engine,
      });
    await step(32);
    const trained = await growth(() => step(N));
    assert.ok(trained < 0.2 * ALL_COSINES, `${trained} MiB`);
  });
}
