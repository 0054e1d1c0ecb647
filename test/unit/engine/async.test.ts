// matrixAsync: off the event loop, abortable, with progress, and with the numbers of `matrix`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AsyncOptions, CosineKernel, FidelityKernel, featureMap, RbfKernel } from 'qrkd';
import { fidelityKernel, MAPS, named, randomMatrices, rowsOf } from '../../matrices.js';

const random = randomMatrices('async');
const small = new FidelityKernel(featureMap({ type: 'zz', features: 4 }));
/** Seconds of work, most of it in few and large blocks of the Gram matrix. */
const long = {
  kernel: new FidelityKernel(featureMap({ type: 'zz', features: 14, reps: 1 })),
  X: random(400, 14),
};

async function abortLate(reason: unknown): Promise<{ error: unknown; milliseconds: number }> {
  const controller = new AbortController();
  const result = long.kernel.matrixAsync(long.X, undefined, { signal: controller.signal }).then(
    () => assert.fail('the job ended before it could be aborted'),
    (error) => ({ error, at: performance.now() }),
  );
  await sleep(60);
  const start = performance.now();
  controller.abort(reason);
  const { error, at } = await result;
  return { error, milliseconds: at - start };
}

describe('matrixAsync', () => {
  it('gives the bits of matrix, for every kernel', async () => {
    const kernels = [
      ...MAPS.map((spec) => fidelityKernel(spec, 'float32')),
      new FidelityKernel(featureMap({ type: 'zz', features: 9 })),
      new RbfKernel({ gamma: 1 }),
      new CosineKernel({ precision: 'float32' }),
    ];
    for (const kernel of kernels) {
      const features = kernel instanceof FidelityKernel ? kernel.map.features : 3;
      const name = kernel instanceof FidelityKernel ? named(kernel.map.spec) : kernel.constructor.name;
      const [X, Y] = [random(70, features), random(21, features)];
      assert.deepEqual(await kernel.matrixAsync(X), kernel.matrix(X), name);
      assert.deepEqual(await kernel.matrixAsync(X, Y), kernel.matrix(X, Y), name);
    }
  });

  it('copies its inputs when the call is made', async () => {
    for (const Form of [Float32Array, Float64Array]) {
      const X = { data: Form.from(random(200, 4).data), shape: [200, 4] };
      const Y = { data: Form.from(random(50, 4).data), shape: [50, 4] };
      const expected = small.matrix(X, Y);
      const pending = small.matrixAsync(X, Y);
      X.data.fill(Number.NaN);
      Y.data.fill(9);
      assert.deepEqual(await pending, expected);
    }
    const rows = rowsOf(random(30, 4));
    const expected = small.matrix(rows);
    const pending = small.matrixAsync(rows);
    for (const row of rows) row.fill(0);
    assert.deepEqual(await pending, expected);
  });

  it('runs several jobs at once, beside calls that do not wait', async () => {
    const inputs = Array.from({ length: 12 }, (_, k) => random(20 + 15 * k, 4));
    const pending = inputs.map((X, k) => small.matrixAsync(X, k % 2 ? inputs[0] : undefined));
    const meanwhile = inputs.map((X, k) => small.matrix(X, k % 2 ? inputs[0] : undefined));
    assert.deepEqual(await Promise.all(pending), meanwhile);
  });

  it('leaves the event loop free', async () => {
    const controller = new AbortController();
    const pending = assert.rejects(long.kernel.matrixAsync(long.X, undefined, { signal: controller.signal }));
    let ticks = 0;
    for (const start = performance.now(); performance.now() - start < 150; ticks++) await sleep(1);
    controller.abort();
    await pending;
    assert.ok(ticks > 10, `${ticks} ticks in 150 ms`);
  });

  it('rejects with what matrix throws', async () => {
    const refused = (promise: Promise<unknown>, code: string, message: RegExp) =>
      assert.rejects(promise, (error: Error & { code: string }) => error.code === code && message.test(error.message));
    await refused(small.matrixAsync([[1, 2]]), 'ERR_QRKD_SHAPE', /X has 2 columns, expected 4/);
    const amplitude = new FidelityKernel(featureMap({ type: 'amplitude', features: 2 }));
    await refused(
      amplitude.matrixAsync(
        [[1, 1]],
        [
          [1, 0],
          [0, 0],
        ],
      ),
      'ERR_QRKD_VALUE',
      /^Y: row 1 is all zeros/,
    );
  });

  it('refuses wrong options before it starts', async () => {
    const options: [unknown, string, RegExp][] = [
      [null, 'TYPE', /options must be an object, got null/],
      [{ sginal: 1 }, 'UNKNOWN_KEY', /"sginal" \(did you mean "signal"/],
      [{ signal: {} }, 'TYPE', /signal must be an AbortSignal, got Object/],
      [{ onProgress: 5 }, 'TYPE', /onProgress must be a function, got 5/],
    ];
    for (const [given, code, message] of options) {
      await assert.rejects(
        small.matrixAsync([[1, 2, 3, 4]], undefined, given as AsyncOptions),
        (error: Error & { code: string }) => {
          assert.equal(error.code, `ERR_QRKD_${code}`);
          assert.match(error.message, message);
          return error instanceof TypeError;
        },
      );
    }
  });
});

describe('abort', () => {
  it('rejects with an AbortError within 100 ms, and the job stops working', async () => {
    const { error, milliseconds } = await abortLate(undefined);
    assert.equal((error as DOMException).name, 'AbortError');
    assert.ok(milliseconds < 100, `${milliseconds} ms`);
    // What the threads had begun may be finished first.
    await sleep(150);
    const before = process.cpuUsage();
    await sleep(200);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `${(user + system) / 1000} ms of processor time after the abort`);
  });

  it('within the states of a single sample of many qubits, too', async () => {
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 21, reps: 60, entanglement: 'linear' }));
    const controller = new AbortController();
    const pending = kernel.matrixAsync(random(1, 21), undefined, { signal: controller.signal });
    await sleep(150);
    const start = performance.now();
    controller.abort();
    await assert.rejects(pending, { name: 'AbortError' });
    assert.ok(performance.now() - start < 100, `${performance.now() - start} ms`);
    await sleep(100);
    const before = process.cpuUsage();
    await sleep(200);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `${(user + system) / 1000} ms of processor time after the abort`);
  });

  it('passes any reason on as it is', async () => {
    const own = new RangeError('enough');
    for (const reason of [own, 'text', null, { code: 'BAD_SAMPLE' }]) {
      assert.equal((await abortLate(reason)).error, reason);
    }
  });

  it('takes a signal that is aborted already, and one with a timeout', async () => {
    const reason = new Error('before');
    await assert.rejects(small.matrixAsync([[1, 2, 3, 4]], undefined, { signal: AbortSignal.abort(reason) }), reason);
    const signal = AbortSignal.timeout(30);
    await assert.rejects(long.kernel.matrixAsync(long.X, undefined, { signal }), { name: 'TimeoutError' });
  });

  it('after the end does nothing, and leaves no listener behind', async () => {
    const controller = new AbortController();
    const removed: string[] = [];
    const { signal } = controller;
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      removed.push(args[0]);
      remove(...args);
    }) as typeof remove;
    const K = await small.matrixAsync([[1, 2, 3, 4]], undefined, { signal });
    controller.abort();
    assert.equal(K.data.length, 1);
    assert.deepEqual(removed, ['abort']);
  });

  it('of one job leaves the others alone', async () => {
    const X = random(300, 4);
    const expected = small.matrix(X);
    const controller = new AbortController();
    const aborted = assert.rejects(long.kernel.matrixAsync(long.X, undefined, { signal: controller.signal }));
    const others = [small.matrixAsync(X), small.matrixAsync(X)];
    controller.abort();
    await aborted;
    for (const other of others) assert.deepEqual(await other, expected);
  });
});

describe('progress', () => {
  it('never runs backwards, stays below 1 until the end, and ends at 1', async () => {
    // Both sides' states take about as long as the matrix: three loops in one job.
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 13, reps: 200 }));
    const seen: number[] = [];
    await kernel.matrixAsync(random(160, 13), random(160, 13), { onProgress: (fraction) => seen.push(fraction) });
    assert.ok(seen.length > 4, `only ${seen.length} reports`);
    seen.forEach((fraction, k) => {
      assert.ok(fraction >= (seen[k - 1] ?? 0) && fraction <= 1, `${seen[k - 1]}, then ${fraction}`);
    });
    assert.equal(seen.at(-1), 1);
    const halfway = seen.filter((fraction) => fraction > 0.1 && fraction < 0.9);
    assert.ok(halfway.length > 0, `nothing between the ends: ${seen}`);
  });

  it('of few samples of many qubits, which share a panel, is told, and 1 only once', async () => {
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 18, reps: 12 }));
    const seen: number[] = [];
    await kernel.matrixAsync(random(2, 18), random(2, 18), { onProgress: (fraction) => seen.push(fraction) });
    assert.ok(
      seen.some((fraction) => fraction > 0 && fraction < 1),
      `nothing between the ends: ${seen}`,
    );
    assert.equal(seen.filter((fraction) => fraction === 1).length, 1);
  });

  it('of a short job is just its end; an aborted one does not report it', async () => {
    const seen: number[] = [];
    await small.matrixAsync([[1, 2, 3, 4]], undefined, { onProgress: (fraction) => seen.push(fraction) });
    assert.deepEqual(seen, [1]);
    const controller = new AbortController();
    const aborted: number[] = [];
    const pending = long.kernel.matrixAsync(long.X, undefined, {
      signal: controller.signal,
      onProgress: (fraction) => aborted.push(fraction),
    });
    await sleep(120);
    controller.abort();
    await assert.rejects(pending);
    const reports = aborted.length;
    await sleep(120);
    assert.equal(aborted.length, reports, 'reports after the abort');
    assert.ok(!aborted.includes(1));
  });
});

describe('what onProgress throws', () => {
  it('ends the job and rejects the promise, while it runs and at its end', async () => {
    const own = new Error('no more');
    const onProgress = () => {
      throw own;
    };
    const start = performance.now();
    await assert.rejects(long.kernel.matrixAsync(long.X, undefined, { onProgress }), own);
    assert.ok(performance.now() - start < 1000, 'the job went on');
    await assert.rejects(small.matrixAsync([[1, 2, 3, 4]], undefined, { onProgress, signal: null }), own);
  });
});

describe('the end of the process', () => {
  it('does not wait for a job that runs', () => {
    const script = `
      import { FidelityKernel, featureMap } from 'qrkd';
      const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 12 }));
      kernel.matrixAsync({ data: Float64Array.from({ length: 36000 }, Math.random), shape: [3000, 12] });
      setTimeout(() => { console.log(performance.now()); process.exit(7); }, 100);
      process.on('exit', () => console.log('bye'));`;
    const cwd = fileURLToPath(new URL('../../../../', import.meta.url));
    const start = performance.now();
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
      encoding: 'utf8',
    });
    const total = performance.now() - start;
    assert.equal(status, 7);
    const atExit = Number(stdout.split('\n')[0]);
    assert.ok(total - atExit < 1500, `${total - atExit} ms after process.exit`);
  });
});
