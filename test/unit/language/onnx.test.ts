// GPT-2 as ONNX files, in onnxruntime-node beside tfjs. test/fixtures/check_onnx.py holds such files against the official checker.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import { type Gpt2, loadGpt2, makeGpt2, paperStudent, SequencePooling } from 'qrkd/models';
import { exportGpt2, exportOnnx, generateOnnx, readOnnx, runOnnx, toOnnx, verifyOnnx } from 'qrkd/onnx';
import { ready, tf } from '#dist/tensor/backend.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/gpt2', import.meta.url));
let scratch: string;
before(async () => {
  await ready();
  scratch = mkdtempSync(join(tmpdir(), 'qrkd-gpt2-onnx-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

const random = (n: number, t: number, vocabulary: number) =>
  tf.randomUniform([n, t], 0, vocabulary, 'int32', 7 * n + t).dataSync() as Int32Array;

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  return Array.from(expected).reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i] - value)), 0);
}

describe('01 exported GPT-2', () => {
  for (const name of ['plain', 'bare', 'classifier']) {
    it(`${name}: any batch, any length up to the longest`, async () => {
      const gpt2: Gpt2 = await loadGpt2(join(FIXTURES, name));
      const { n_positions: longest, vocab_size: vocabulary, num_labels: labels } = gpt2.config;
      const path = join(scratch, `${name}.onnx`);
      await exportGpt2(gpt2, path, { metadata: { note: 'here' } });
      const { inputs, outputs, metadata } = readOnnx(path);
      assert.deepEqual(inputs, [{ name: 'input_ids', shape: ['batch', 'sequence'] }]);
      const shape = labels === null ? ['batch', 'sequence', vocabulary] : ['batch', labels];
      assert.deepEqual(outputs, [{ name: 'logits', shape }]);
      assert.equal(metadata.note, 'here');
      assert.deepEqual(JSON.parse(metadata.gpt2), gpt2.config);
      for (const [n, t] of [
        [1, 1],
        [2, longest],
        [4, 3],
      ]) {
        // In the classifier's, 0 is padding: some of it is within, and one row has nothing else.
        const data = random(n, t, vocabulary);
        if (n === 4) data.fill(0, 0, t);
        const { outputs: results } = await runOnnx(path, { input_ids: { data, shape: [n, t] } });
        const expected = gpt2.logits(tf.tensor2d(data, [n, t], 'int32'));
        assert.deepEqual(results.logits.shape, expected.shape);
        assert.ok(largestDifference(results.logits.data, expected.dataSync()) < 1e-4);
      }
      const report = await verifyOnnx(path, gpt2.model);
      assert.ok(report.ok && report.random.samples === 4, JSON.stringify(report));
      gpt2.dispose();
    });
  }

  it('goes on with the same tokens as tfjs', async () => {
    for (const [name, options] of [
      ['plain', {}],
      ['bare', {}],
      ['bare', { temperature: 0.7, topK: 4, seed: 3 }],
    ] as const) {
      const gpt2 = await loadGpt2(join(FIXTURES, name));
      const path = join(scratch, `${name}.onnx`);
      assert.deepEqual(await generateOnnx(path, [2, 3], options), await gpt2.generate([2, 3], options));
    }
  });

  it('has the embedding once', async () => {
    const { model } = makeGpt2({ vocab_size: 5000, n_positions: 4, n_embd: 8, n_layer: 1, n_head: 1 });
    assert.ok(toOnnx(model).length < 1.2 * 4 * 5000 * 8);
  });

  it('generates from language models of ours alone, and from tokens', async () => {
    const student = join(scratch, 'student.onnx');
    await exportOnnx(paperStudent(), student);
    await assert.rejects(generateOnnx(student, [1]), /student\.onnx: is no language model that exportGpt2 wrote$/);
    await assert.rejects(generateOnnx(join(scratch, 'classifier.onnx'), [1]), /is no language model/);
    await assert.rejects(generateOnnx(join(scratch, 'plain.onnx'), [1, 13]), /prompt has 13 in it; .* 0 to 12$/);
    await assert.rejects(generateOnnx(join(scratch, 'plain.onnx'), [1], { seed: -1 }), /seed is -1/);
  });
});

describe('02 layers of their own', () => {
  it('pooling of sequences, each way', async () => {
    for (const mode of ['mean', 'last'] as const) {
      for (const padToken of [0, null]) {
        const values = tf.input({ shape: [null, 3], name: 'values' });
        const tokens = tf.input({ shape: [null], dtype: 'int32', name: 'tokens' });
        const pooled = new SequencePooling({ mode, padToken }).apply([values, tokens]) as SymbolicTensor;
        const model = tf.model({ inputs: [values, tokens], outputs: pooled });
        const path = join(scratch, 'pooling.onnx');
        await exportOnnx(model, path, { names: { [model.outputNames[0]]: 'vector' } });
        const ids = Int32Array.of(5, 6, 0, 0, 0, 0, 7, 0, 8);
        const numbers = tf.randomNormal([3, 3, 3], 0, 1, 'float32', 4);
        const { outputs } = await runOnnx(path, {
          values: { data: numbers.dataSync() as Float32Array, shape: [3, 3, 3] },
          tokens: { data: ids, shape: [3, 3] },
        });
        const expected = model.predict([numbers, tf.tensor2d(ids, [3, 3], 'int32')]) as typeof numbers;
        assert.ok(largestDifference(outputs.vector.data, expected.dataSync()) < 1e-6);
      }
    }
  });

  it('normalisation of layers over another axis is refused', () => {
    const input = tf.input({ shape: [4, 5] });
    const output = tf.layers.layerNormalization({ axis: 1 }).apply(input) as SymbolicTensor;
    assert.throws(() => toOnnx(tf.model({ inputs: input, outputs: output })), /axis is \[1\], not the last$/);
  });
});
