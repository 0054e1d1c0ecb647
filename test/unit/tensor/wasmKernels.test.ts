import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, it } from 'node:test';
import type { Rank, Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { backendInfo, ready, tf } from '#dist/tensor/backend.js';
import { registerWasmKernels } from '#dist/tensor/wasm/index.js';

// The corrected kernels against tfjs's plain JavaScript backend, and against TensorFlow where this process has it.
const require = createRequire(import.meta.url);
const references = backendInfo().backend === 'tensorflow' ? ['cpu', 'tensorflow'] : ['cpu'];

/** Runs `compute` on a backend on the same numbers; returns what each of its tensors holds. */
async function on(backend: string, compute: () => Tensor[]): Promise<{ shape: number[]; data: number[] }[]> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const tensors = tf.tidy(compute);
  const results = tensors.map((t) => ({ shape: t.shape, data: [...t.dataSync()] }));
  for (const t of tensors) t.dispose();
  assert.equal(tf.memory().numTensors, before, `${backend}: tensors are left over`);
  return results;
}

async function assertSame(compute: () => Tensor[], judges = references, tolerance = 2e-5): Promise<void> {
  const actual = await on('wasm', compute);
  for (const backend of judges) {
    const expected = await on(backend, compute);
    assert.equal(actual.length, expected.length);
    expected.forEach(({ shape, data }, i) => {
      assert.deepEqual(actual[i]!.shape, shape, `output ${i}: shape on ${backend}`);
      const scale = Math.max(1, ...data.map(Math.abs));
      const worst = Math.max(0, ...data.map((value, j) => Math.abs(value - actual[i]!.data[j]!)));
      // Written so that a NaN anywhere fails.
      assert.ok(worst <= tolerance * scale, `output ${i}: ${worst} from ${backend}, scale ${scale}`);
    });
  }
}

/** Values between -2 and `top` from a fixed sequence, the same on every backend. */
function values(shape: number[], seed: number, top = 2): Tensor {
  let state = seed * 2654435761 + 12345;
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return -2 + ((top + 2) * state) / 2 ** 32;
  });
  return tf.tensor(data, shape as never);
}

/** The gradients of sum(weights * f(inputs)) with respect to every input, after the value itself. */
function gradients(f: (...inputs: Tensor[]) => Tensor<Rank>, ...inputs: Tensor[]): Tensor[] {
  const loss = (...xs: Tensor[]) => {
    const y = f(...xs);
    return tf.sum(tf.mul(y, values(y.shape, 77)));
  };
  return [f(...inputs), ...tf.grads(loss as never)(inputs)];
}

before(async () => {
  await ready();
  require('@tensorflow/tfjs-backend-cpu');
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${require.resolve('@tensorflow/tfjs-backend-wasm').replace(/[^/\\]+$/, '')}`);
  registerWasmKernels(tf);
  // The reminder to use tfjs-node, which the cpu backend prints on its first use, has no place in a test's output.
  Object.assign(tf.findBackend('cpu') ?? {}, { firstUse: false });
});

describe('kernels of the WebAssembly backend', () => {
  for (const pad of ['valid', 'same'] as const) {
    for (const [stride, size] of [
      [1, 3],
      [2, 3],
      [2, 5],
      [1, 1],
    ] as const) {
      it(`conv2d ${size}x${size}, stride ${stride}, ${pad}: gradients`, async () => {
        await assertSame(() =>
          gradients(
            (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, stride, pad),
            values([3, 9, 8, 3], 1),
            values([size, size, 3, 5], 2),
          ),
        );
      });
      it(`depthwiseConv2d ${size}x${size}, stride ${stride}, ${pad}: gradients`, async () => {
        await assertSame(() =>
          gradients(
            (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, stride, pad),
            values([2, 9, 8, 3], 1),
            values([size, size, 3, 2], 2),
          ),
        );
      });
    }
    for (const top of [2, -0.5]) {
      for (const [size, stride] of [
        [2, 2],
        [3, 2],
        [3, 1],
      ] as const) {
        it(`maxPool ${size}, stride ${stride}, ${pad}, values up to ${top}: gradient`, async () => {
          await assertSame(() =>
            gradients((x) => tf.maxPool(x as Tensor4D, size, stride, pad), values([2, 7, 6, 3], 3, top)),
          );
        });
        it(`avgPool ${size}, stride ${stride}, ${pad}, values up to ${top}: gradient`, async () => {
          // The cpu backend has the same mistake at borders that is corrected here.
          const judges = pad === 'same' ? references.filter((name) => name !== 'cpu') : references;
          const compute = () =>
            gradients((x) => tf.avgPool(x as Tensor4D, size, stride, pad), values([2, 7, 6, 3], 3, top));
          await assertSame(compute, judges);
        });
      }
    }
  }

  it('avgPool: windows over the border share among the pixels inside', async () => {
    const image = () => tf.ones([1, 3, 3, 1]) as Tensor4D;
    const [dx] = await on('wasm', () => [tf.grad((x) => tf.sum(tf.avgPool(x as Tensor4D, 2, 2, 'same')))(image())]);
    assert.deepEqual(dx!.data, [0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 1]);
  });

  it('maxPool: of equal values the first gets the gradient', async () => {
    await assertSame(() => gradients((x) => tf.maxPool(x as Tensor4D, 2, 2, 'valid'), tf.zeros([1, 4, 4, 2])));
  });

  it('gather: gradient', async () => {
    await assertSame(() =>
      gradients((x) => tf.gather(x, tf.tensor2d([0, 3, 3, 1, 0, 0], [2, 3], 'int32')), values([5, 2, 3], 4)),
    );
    await assertSame(() => gradients((x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'), 1), values([4, 3, 2], 5)));
  });

  it('unsortedSegmentSum drops ids out of range', async () => {
    const ids = () => tf.tensor1d([1, 0, -1, 1], 'int32');
    await tf.setBackend('wasm');
    const sums = tf.tidy(() =>
      tf.unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]), ids(), 3).dataSync(),
    );
    assert.deepEqual([...sums], [3, 4, 8, 10, 0, 0]);
  });

  for (const [equation, ...shapes] of [
    ['ij,jk->ik', [3, 4], [4, 5]],
    ['ij,jk->ki', [3, 4], [4, 5]],
    ['bij,bjk->bik', [2, 3, 4], [2, 4, 5]],
    ['abc,cde->abde', [2, 3, 4], [4, 2, 3]],
    ['aecd,abcd->acbe', [2, 3, 2, 4], [2, 5, 2, 4]],
    ['acbe,aecd->abcd', [2, 2, 5, 3], [2, 3, 2, 4]],
    ['i,j->ij', [3], [4]],
    ['ij,ij->', [3, 4], [3, 4]],
    ['ijk->ki', [2, 3, 4]],
    ['ij->', [2, 3]],
  ] as [string, ...number[][]][]) {
    it(`einsum ${equation}`, async () => {
      await assertSame(() => [tf.einsum(equation, ...shapes.map((shape, i) => values(shape, i + 6)))]);
    });
  }

  it('everything else that trains a small network agrees', async () => {
    await assertSame(() => gradients((x) => tf.softmax(x), values([4, 7], 10)));
    await assertSame(() => gradients((x) => tf.logSumExp(x, 1), values([4, 7], 10)));
    await assertSame(() =>
      gradients((x, y) => tf.div(x, tf.add(tf.square(y), 1)), values([4, 7], 10), values([1, 7], 11)),
    );
    await assertSame(() => gradients((x) => tf.relu(x), values([4, 7], 10)));
    await assertSame(() => gradients((x) => tf.leakyRelu(x, 0.1), values([4, 7], 10)));
    await assertSame(() => gradients((x) => tf.tanh(x), values([4, 7], 10)));
    await assertSame(() => gradients((x) => tf.sigmoid(x), values([4, 7], 10)));
    await assertSame(() =>
      gradients(
        (x) =>
          tf.pad(x, [
            [1, 2],
            [0, 1],
          ]),
        values([4, 7], 10),
      ),
    );
    await assertSame(() => gradients((x, y) => tf.concat([x, y], 1), values([4, 7], 10), values([4, 2], 11)));
    await assertSame(() => gradients((x) => tf.slice(x, [1, 2], [2, 3]), values([4, 7], 10)));
    await assertSame(() => gradients((x) => tf.max(x, 1), values([4, 7], 10)));
    await assertSame(() => gradients((x, y) => tf.matMul(x, y, false, true), values([4, 7], 10), values([5, 7], 11)));
    await assertSame(() =>
      gradients(
        (x, m, v, o, s) =>
          tf.batchNorm4d(x as Tensor4D, m as never, tf.add(tf.square(v), 0.1) as never, o as never, s as never),
        values([2, 4, 4, 3], 12),
        values([3], 13),
        values([3], 14),
        values([3], 15),
        values([3], 16),
      ),
    );
  });
});
