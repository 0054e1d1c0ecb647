// A process of its own: peaks of memory cannot be taken back.
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { distill, qrkdLoss, ready, tf } from 'qrkd/distill';
import { cloudOptions, clouds, denseNetwork } from './clouds.js';

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

for (const engine of ['native', 'tfjs'] as const) {
  it(`300 steps leave as many tensors as 12, engine ${engine}`, async () => {
    const counts: number[][] = [];
    const onEpoch = () => {
      const { numTensors, numBytes } = tf.memory();
      counts.push([numTensors, numBytes]);
    };
    await distill(cloudOptions({ engine, epochs: 25, keep: 'best', onEpoch }));
    assert.equal(counts.length, 25);
    for (const count of counts) assert.deepEqual(count, counts[0]);
  });
}

for (const engine of ['native', 'tfjs'] as const) {
  it(`a step with angles of ${N} samples takes memory of order N^2, far less than all cosines, engine ${engine}`, async () => {
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
