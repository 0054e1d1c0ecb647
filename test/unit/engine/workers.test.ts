// The addon in worker threads: one pool for the process, the same bits everywhere, and ends that harm nobody.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FidelityKernel, featureMap, simdInfo } from 'qrkd';
import { randomMatrices } from '../../matrices.js';
import { compute, type Results } from './tasks.js';

const start = (env?: Record<string, string>) =>
  new Worker(new URL('tasks.js', import.meta.url), {
    workerData: { task: 'compute' },
    ...(env && { env: { ...process.env, ...env } }),
  });

describe('worker threads', () => {
  it('two at once, beside the main thread, give the same bits', async () => {
    const workers = [start(), start()];
    const answers = workers.map(async (worker) => (await once(worker, 'message'))[0] as Results);
    const here = compute();
    for (const { values } of await Promise.all(answers)) assert.deepEqual(values, here.values);
  });

  it('share the pool of the process, whose size is set once', async () => {
    const { threads } = simdInfo();
    const worker = start({ QRKD_THREADS: String(threads + 3) });
    const [answer] = (await once(worker, 'message')) as [Results];
    assert.equal(answer.threads, threads);
    assert.equal(simdInfo().threads, threads);
  });

  it('may be terminated while a job runs', async () => {
    const script = `
      const { parentPort } = require('node:worker_threads');
      const { FidelityKernel, featureMap } = require('qrkd');
      const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 12 }));
      const X = { data: Float64Array.from({ length: 9600 }, Math.random), shape: [800, 12] };
      kernel.matrixAsync(X).then(() => parentPort.postMessage('done'));
      parentPort.postMessage('started');`;
    const worker = new Worker(script, { eval: true });
    await once(worker, 'message');
    await worker.terminate();
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 4 }));
    const X = randomMatrices('after')(100, 4);
    assert.deepEqual(await kernel.matrixAsync(X), kernel.matrix(X));
  });

  it('forward passes may be left to the garbage collector', () => {
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 10 }));
    const X = randomMatrices('garbage')(64, 10);
    for (let k = 0; k < 20; k++) kernel.forward(X);
  });
});
