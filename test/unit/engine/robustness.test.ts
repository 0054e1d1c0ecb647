// Jobs that are ended from outside, and many of them: threads, processes and memory are as they were.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FidelityKernel, featureMap } from 'qrkd';
import { randomMatrices } from '../../matrices.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A worker thread that starts `jobs` jobs of seconds and says so. */
const BUSY = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { FidelityKernel, featureMap } = require('qrkd');
  const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 12 }));
  const X = { data: Float64Array.from({ length: 36000 }, Math.random), shape: [3000, 12] };
  for (let k = 0; k < workerData.jobs; k++) kernel.matrixAsync(X).then(() => parentPort.postMessage('done'));
  parentPort.postMessage('started');`;

function run(script: string, ...options: string[]) {
  const args = [...options, '--input-type=module', '-e', script];
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 120_000 });
}

describe('worker threads with jobs', () => {
  it('end at once when terminated, whether their jobs run or wait, and leave others alone', async () => {
    // The second has more jobs than threads for them.
    const workers = [1, 6].map((jobs) => new Worker(BUSY, { eval: true, workerData: { jobs } }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 8 }));
    const X = randomMatrices('beside')(200, 8);
    const beside = kernel.matrixAsync(X);
    await sleep(100);
    for (const worker of workers) {
      const start = performance.now();
      await worker.terminate();
      const taken = performance.now() - start;
      assert.ok(taken < 1000, `terminate() took ${taken} ms`);
    }
    assert.deepEqual(await beside, kernel.matrix(X));
  });

  it('end at once when they are the only ones that loaded the addon', () => {
    const { status, stdout, stderr } = run(`
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      for (const jobs of [1, 6]) {
        const worker = new Worker(${JSON.stringify(BUSY)}, { eval: true, execArgv: [], workerData: { jobs } });
        await once(worker, 'message');
        const start = performance.now();
        await worker.terminate();
        console.log(performance.now() - start < 1000);
      }`);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: 'true\ntrue\n' }, stderr);
  });
});

describe('process.exit with jobs', () => {
  for (const where of ['the main thread', 'a worker thread']) {
    it(`in ${where} ends at once with its exit code`, () => {
      const body = `
        const { FidelityKernel, featureMap } = await import('qrkd');
        const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 12 }));
        const X = { data: Float64Array.from({ length: 36000 }, Math.random), shape: [3000, 12] };
        for (let k = 0; k < 6; k++) kernel.matrixAsync(X);
        setTimeout(() => process.exit(7), 100);`;
      const worker = `
        import { Worker } from 'node:worker_threads';
        const code = ${JSON.stringify(`(async () => { ${body} })()`)};
        new Worker(code, { eval: true }).on('exit', (status) => process.exit(status));`;
      const start = performance.now();
      const { status, signal, stderr } = run(where === 'the main thread' ? body : worker);
      const taken = performance.now() - start;
      assert.deepEqual({ status, signal }, { status: 7, signal: null }, stderr);
      assert.ok(taken < 8000, `${taken} ms, with seconds of work for each of six jobs`);
    });
  }
});

describe('a thousand jobs', () => {
  it('do not make the process grow', () => {
    const { status, stdout, stderr } = run(
      `
      import { FidelityKernel, featureMap } from 'qrkd';
      const kernels = ['float32', 'float64'].map((precision) => new FidelityKernel(featureMap({ type: 'zz', features: 8 }), { precision }));
      const X = { data: Float64Array.from({ length: 480 }, Math.random), shape: [60, 8] };
      const jobs = async (count) => {
        for (let k = 0; k < count; k++) {
          const kernel = kernels[k % 2];
          const controller = new AbortController();
          const job = kernel.matrixAsync(X, k % 3 ? X : undefined, { signal: controller.signal, onProgress: () => {} });
          if (k % 4 === 0) controller.abort();
          await job.catch((error) => { if (error.name !== 'AbortError') throw error; });
          kernel.gradient(X, { data: new Float64Array(3600).fill(1), shape: [60, 60] });
        }
        for (let k = 0; k < 3; k++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
        return process.memoryUsage().rss;
      };
      const before = await jobs(500);
      console.log((await jobs(1000)) - before);`,
      '--expose-gc',
    );
    assert.equal(status, 0, stderr);
    // One job's states take 0.25 MiB, its pass to the gradient more: a leak of either would show as hundreds of MiB.
    assert.ok(Number(stdout) < 24 * 2 ** 20, `${Number(stdout) / 2 ** 20} MiB more`);
  });
});
