// GPT-2 against transformers: models that it saved, and what it and torch compute with them (test/fixtures/make_gpt2.py).
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import {
  type Gpt2,
  type Gpt2Config,
  gpt2FromTeacher,
  loadGpt2,
  loadModel,
  makeGpt2,
  PositionEmbedding,
  SequencePooling,
  saveGpt2,
  saveModel,
  spacedLayers,
} from 'qrkd/models';
import { openSafetensors } from '#dist/files/safetensors.js';
import { tensorName } from '#dist/models/gpt2/weights.js';
import { ready, tf } from '#dist/tensor/backend.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/gpt2', import.meta.url));
const FACTS: Record<string, { tokens: number[][]; labels: number[] | number[][]; loss: number; greedy?: number[] }> =
  JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8'));

const SMALL: Gpt2Config = { vocab_size: 11, n_positions: 6, n_embd: 8, n_layer: 4, n_head: 2 };

let scratch: string;
before(async () => {
  await ready();
  scratch = mkdtempSync(join(tmpdir(), 'qrkd-gpt2-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** The mean cross-entropy as transformers has it: of the next token, labels of -100 left out; of a classifier's classes. */
function meanLoss(logits: Tensor, labels: number[] | number[][]): Scalar {
  const rows =
    logits.rank === 3 ? (labels as number[][]).flatMap((row) => [...row.slice(1), -100]) : (labels as number[]);
  const classes = logits.shape[logits.rank - 1]!;
  const counted = rows.filter((label) => label >= 0).length;
  const chosen = tf.oneHot(tf.tensor1d(rows, 'int32'), classes);
  const logs = tf.logSoftmax(tf.reshape(logits, [rows.length, classes]));
  return tf.div(tf.neg(tf.sum(tf.mul(logs, tf.cast(chosen, 'float32')))), counted) as Scalar;
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  return Array.from(expected).reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i] - value)), 0);
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.hypot(...Array.from(a, (value, i) => value - b[i]));

const weightsOf = ({ model }: Gpt2) => new Map(model.weights.map((weight) => [tensorName(weight), weight.read()]));

describe('01 models that transformers saved', () => {
  for (const [name, { tokens, labels, loss, greedy }] of Object.entries(FACTS)) {
    it(`${name}: logits, hidden states, loss, gradients of all parameters, greedy continuation`, async () => {
      const gpt2 = await loadGpt2(join(FIXTURES, name));
      const expected = openSafetensors(join(FIXTURES, name, 'expected.safetensors'));
      const logits = gpt2.logits(tokens);
      assert.deepEqual(logits.shape, expected.shape('logits'));
      assert.ok(largestDifference(logits.dataSync(), expected.read('logits').data) < 2e-4);

      const hidden = gpt2.hiddenStates(tf.tensor2d(tokens, undefined, 'int32'));
      assert.equal(hidden.length, gpt2.config.n_layer + 1);
      hidden.forEach((state, i) => {
        assert.ok(largestDifference(state.dataSync(), expected.read(`hidden.${i}`).data) < 2e-4);
      });

      const input = tf.tensor2d(tokens, undefined, 'int32');
      const { value, grads } = tf.variableGrads(() => meanLoss(gpt2.model.apply(input) as Tensor, labels));
      assert.ok(Math.abs(value.dataSync()[0] - loss) < 1e-3 * loss);
      const names = [...weightsOf(gpt2)];
      assert.deepEqual(
        names.map(([weight]) => `gradient.${weight}`).sort(),
        expected.names.filter((key) => key.startsWith('gradient.')).sort(),
      );
      for (const [weight, variable] of names) {
        const gradient = grads[(variable as unknown as { name: string }).name];
        const turned = weight === 'score.weight' ? tf.transpose(gradient) : gradient;
        const { shape, data } = expected.read(`gradient.${weight}`);
        assert.deepEqual(turned.shape, shape);
        const norm = distance(data, new Float32Array(data.length));
        // A query's gradient vanishes where there is nothing to choose between: relative to the larger of the two.
        assert.ok(distance(turned.dataSync(), data) <= 1e-3 * Math.max(norm, 1e-4), weight);
      }

      if (greedy) {
        const ids = await gpt2.generate(greedy.slice(0, 3));
        assert.deepEqual([...ids], untilEnd(greedy, 3, gpt2.config.eos_token_id));
      }
      gpt2.dispose();
    });
  }

  /** transformers was asked not to stop at the end of a text. */
  function untilEnd(ids: number[], start: number, end: number | null): number[] {
    const place = ids.indexOf(end ?? -1, start);
    return place < 0 ? ids : ids.slice(0, place + 1);
  }

  it('are what saveGpt2 writes, tensor for tensor, in one file', async () => {
    for (const name of ['plain', 'classifier', 'half-shards']) {
      const folder = join(scratch, name);
      const gpt2 = await loadGpt2(join(FIXTURES, name));
      await saveGpt2(gpt2, folder);
      const saved = openSafetensors(join(folder, 'model.safetensors'));
      const source = join(FIXTURES, name, 'model.safetensors');
      if (existsSync(source)) {
        const original = openSafetensors(source);
        assert.deepEqual([...saved.names].sort(), [...original.names].sort());
        for (const tensor of original.names) assert.deepEqual(saved.read(tensor), original.read(tensor));
      }
      const again = await loadGpt2(folder);
      assert.deepEqual(again.config, gpt2.config);
      assert.deepEqual(again.logits([[1, 2, 3]]).dataSync(), gpt2.logits([[1, 2, 3]]).dataSync());
    }
  });

  it('become classifiers with a fresh head, and are refused as other classifiers', async () => {
    const folder = join(FIXTURES, 'plain');
    const [one, two] = await Promise.all(
      [1, 2].map((seed) => loadGpt2(folder, { num_labels: 2, pad_token_id: 0, attn_pdrop: 0, seed })),
    );
    assert.deepEqual(one.logits([[1, 2, 0]]).shape, [1, 2]);
    assert.notDeepEqual(one.logits([[1, 2, 0]]).dataSync(), two.logits([[1, 2, 0]]).dataSync());
    const [padded, bare] = [
      [1, 2, 0],
      [1, 2],
    ].map((row) => one.logits([row]).dataSync());
    assert.ok(largestDifference(padded, bare) < 1e-6);
    assert.equal(one.config.attn_pdrop, 0);
    await assert.rejects(loadGpt2(join(FIXTURES, 'classifier'), { num_labels: 2 }), /num_labels is 2, but .* has 3/);
    const language = await loadGpt2(join(FIXTURES, 'classifier'), { num_labels: null });
    assert.deepEqual(language.logits([[1, 2]]).shape, [1, 2, 19]);
  });
});

describe('02 files that do not fit', () => {
  const changed = (name: string, change: (json: Record<string, unknown>) => object): string => {
    const folder = mkdtempSync(join(scratch, 'changed-'));
    cpSync(join(FIXTURES, name), folder, { recursive: true });
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
    return folder;
  };
  const REFUSED: [change: (json: Record<string, unknown>) => object, message: RegExp][] = [
    [(json) => ({ ...json, n_layer: 3 }), /has no tensor h\.2\.ln_1\.weight$/],
    [(json) => ({ ...json, n_layer: 1 }), /holds 12 tensors that this GPT-2 has not, h\.1\./],
    [
      (json) => ({ ...json, n_inner: 16 }),
      /tensor h\.0\.mlp\.c_fc\.weight is \[8, 32\], but config\.json makes it \[8, 16\]$/,
    ],
    [
      (json) => ({ ...json, activation_function: 'relu' }),
      /config\.json: activation_function is "relu"; only gelu_new or/,
    ],
    [
      (json) => ({ ...json, scale_attn_by_inverse_layer_idx: true }),
      /scale_attn_by_inverse_layer_idx is true; only false/,
    ],
    [(json) => ({ ...json, model_type: 'llama' }), /model_type is llama; expected gpt2$/],
    [(json) => ({ ...json, n_head: 3 }), /config\.json: n_embd is 8; expected a multiple of n_head, 3$/],
    [({ n_embd: _, ...json }) => json, /config\.json: n_embd is missing; expected an integer of at least 1$/],
    [(json) => ({ ...json, vocab_size: '13' }), /vocab_size is "13"; expected an integer/],
    [(json) => ({ ...json, layer_norm_epsilon: '1e-5' }), /layer_norm_epsilon is "1e-5"; expected a number greater/],
    [() => [], /config\.json: is no JSON object$/],
  ];
  for (const [change, message] of REFUSED) {
    it(String(message), async () => {
      await assert.rejects(loadGpt2(changed('plain', change)), (error: Error & { code: string }) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return error.code.startsWith('ERR_QRKD_');
      });
    });
  }

  it('an end of text that the vocabulary has not is none', async () => {
    assert.equal(
      (await loadGpt2(changed('plain', (json) => ({ ...json, eos_token_id: 50256 })))).config.eos_token_id,
      null,
    );
  });

  it('no folder, unknown options, a head that is not the embedding', async () => {
    await assert.rejects(loadGpt2(join(scratch, 'nowhere')), /config\.json: no such file$/);
    await assert.rejects(
      loadGpt2(FIXTURES, { num_label: 2 } as object),
      /unknown key "num_label" \(did you mean "num_labels"/,
    );
    const folder = changed('bfloat16', (json) => json);
    const path = join(folder, 'model.safetensors');
    const bytes = readFileSync(path);
    const header = Number(bytes.readBigUInt64LE(0));
    const { data_offsets: offsets } = JSON.parse(bytes.toString('utf8', 8, 8 + header))['lm_head.weight'];
    bytes[8 + header + offsets[0] + 1] ^= 0x80;
    writeFileSync(path, bytes);
    await assert.rejects(
      loadGpt2(folder),
      /lm_head\.weight is not wte\.weight; only GPT-2 whose head is its embedding/,
    );
  });
});

describe('03 fresh models', () => {
  it('begin as GPT-2 does, and are the same for the same seed', () => {
    const config: Gpt2Config = { vocab_size: 200, n_positions: 64, n_embd: 32, n_layer: 8, n_head: 2 };
    const model = makeGpt2(config, { seed: 3 });
    const weights = weightsOf(model);
    const seen = new Set<number>();
    for (const [name, value] of weights) {
      const data = value.dataSync() as Float32Array;
      const scale = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
      if (name.endsWith('bias') || name.includes('ln_')) {
        assert.ok(data.every((x) => x === (name.endsWith('bias') ? 0 : 1)));
        continue;
      }
      const expected = name.includes('c_proj') ? 0.02 / Math.sqrt(16) : 0.02;
      assert.ok(Math.abs(scale / expected - 1) < 0.1, `${name}: ${scale}`);
      seen.add(data[0] / expected);
    }
    assert.equal(seen.size, 2 + 8 * 4, 'matrices with the same numbers');
    assert.deepEqual(makeGpt2(config, { seed: 3 }).logits([1, 2]).dataSync(), model.logits([1, 2]).dataSync());
    assert.notDeepEqual(makeGpt2(config).logits([1, 2]).dataSync(), model.logits([1, 2]).dataSync());
  });

  it('are saved and read as tfjs models, the shared embedding too', async () => {
    for (const num_labels of [undefined, 3]) {
      const { model } = makeGpt2({ ...SMALL, num_labels, pad_token_id: 0 });
      await saveModel(model, scratch);
      const again = await loadModel(scratch);
      const tokens = tf.tensor2d([[1, 2, 3, 0]], undefined, 'int32');
      assert.deepEqual((again.apply(tokens) as Tensor).dataSync(), (model.apply(tokens) as Tensor).dataSync());
      assert.equal(again.countParams(), model.countParams());
      for (const name of ['wte', 'wpe', 'h.1.attn', ...(num_labels ? ['pooled'] : [])]) {
        assert.deepEqual(again.getLayer(name).getConfig(), model.getLayer(name).getConfig());
      }
    }
  });

  it('drop in training only', () => {
    const { model } = makeGpt2({ ...SMALL, embd_pdrop: 0, resid_pdrop: 0, attn_pdrop: 0.5 });
    const tokens = tf.tensor2d([[1, 2, 3, 4]], undefined, 'int32');
    const run = (training: boolean) => (model.apply(tokens, { training }) as Tensor).dataSync();
    assert.deepEqual(run(false), run(false));
    assert.notDeepEqual(run(true), run(true));
  });

  it('refuse what no GPT-2 is', () => {
    assert.throws(() => makeGpt2({ ...SMALL, n_head: 3 }), /makeGpt2: n_embd is 8; expected a multiple of n_head, 3$/);
    assert.throws(() => makeGpt2({ ...SMALL, heads: 3 } as object as Gpt2Config), /unknown key "heads"/);
    assert.throws(() => makeGpt2({ ...SMALL, attn_pdrop: 1 }), /attn_pdrop is 1; expected a number from 0 to less/);
    assert.throws(() => makeGpt2({ ...SMALL, pad_token_id: 11 }), /pad_token_id is 11; expected null or .* 0 to 10$/);
    assert.throws(() => makeGpt2(SMALL, { seed: -1 }), /seed is -1/);
  });

  it('refuse what are no tokens, and texts without a tokenizer', async () => {
    const gpt2 = makeGpt2(SMALL);
    assert.throws(
      () =>
        gpt2.logits([
          [1, 2],
          [3, 11],
        ]),
      /tokenIds has 11 in row 1, place 1; expected ids from 0 to 10$/,
    );
    assert.throws(() => gpt2.logits([[1, 2], [3]]), /row 1 has 1 tokens, row 0 has 2/);
    assert.throws(() => gpt2.logits([1, 2, 3, 4, 5, 6, 7]), /shape \[1, 7\]; expected rows of 1 to 6 tokens$/);
    assert.throws(() => gpt2.logits(tf.tensor1d([1]) as unknown as Tensor2D), /expected 2 axes/);
    await assert.rejects(gpt2.generate('text'), /has no tokenizer: give makeGpt2 one, or use token ids$/);
    await assert.rejects(gpt2.generate([]), /to begin with is 0; expected 1 to 6$/);
    await assert.rejects(gpt2.generate([1], { topk: 3 } as object), /unknown key "topk" \(did you mean "topK"/);
    await assert.rejects(makeGpt2({ ...SMALL, num_labels: 2 }).generate([1]), /is a classifier/);
    assert.throws(
      () => new PositionEmbedding({ positions: 3, width: 2 }).apply(tf.zeros([1, 4, 2])),
      /got sequences of 4 tokens; expected at most 3$/,
    );
  });
});

describe('04 continuations', () => {
  it('of texts need vocab.json and merges.txt, at the first use of text and not before', async () => {
    const bare = await loadGpt2(join(FIXTURES, 'plain'));
    assert.equal((await bare.generate([1, 2], { maxNewTokens: 1 })).length, 3);
    await assert.rejects(
      bare.generate('text'),
      /vocab\.json: no such file; a byte-level BPE needs vocab\.json and merges/,
    );
    const bpe = fileURLToPath(new URL('../../../../test/fixtures/bpe', import.meta.url));
    const small = makeGpt2(SMALL, { tokenizer: bpe });
    assert.throws(() => small.tokenizer, /the tokenizer in .* has 900 tokens; this GPT-2 knows 11$/);
    const model = makeGpt2({ ...SMALL, n_layer: 1, vocab_size: 900, n_positions: 20 }, { tokenizer: bpe });
    const text = await model.generate('the ', { maxNewTokens: 3 });
    assert.ok(text.startsWith('the ') && model.tokenizer.encode(text).length > 1);
    await saveGpt2(model, join(scratch, 'with-text'));
    assert.equal(await (await loadGpt2(join(scratch, 'with-text'))).generate('the ', { maxNewTokens: 3 }), text);
  });

  const gpt2 = () => makeGpt2({ ...SMALL, n_layer: 1, n_positions: 12 }, { seed: 1 });
  it('are drawn by a seed, from the most likely tokens only', async () => {
    const model = gpt2();
    const draw = async (options: object) => (await model.generate([1], options)).join(' ');
    const one = await draw({ temperature: 1, seed: 4 });
    assert.equal(await draw({ temperature: 1, seed: 4 }), one);
    assert.notEqual(await draw({ temperature: 1, seed: 5 }), one);
    assert.equal(await draw({ temperature: 1, topK: 1 }), await draw({}));
    assert.equal(await draw({ temperature: 1e-6 }), await draw({}));
  });

  it('are as long as asked, or as the longest sequence, and can be stopped', async () => {
    const model = makeGpt2({ ...SMALL, n_layer: 1, n_positions: 9 });
    assert.equal((await model.generate([1, 2], { maxNewTokens: 3 })).length, 5);
    assert.equal((await model.generate([1, 2])).length, 9);
    await assert.rejects(model.generate([1], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});

describe('05 students of a teacher', () => {
  it('take blocks evenly spaced, as DistilGPT2', () => {
    assert.deepEqual(spacedLayers(12, 6), [0, 2, 4, 7, 9, 11]);
    assert.deepEqual(spacedLayers(4, 2), [0, 3]);
    assert.deepEqual(spacedLayers(4, 1), [0]);
    assert.deepEqual(spacedLayers(3, 3), [0, 1, 2]);
  });

  it('begin as the blocks chosen, with fewer positions where asked', () => {
    const teacher = makeGpt2({ ...SMALL, num_labels: 2 });
    const student = gpt2FromTeacher(teacher, { n_layer: 2, n_positions: 4 }, { layers: [1, 3] });
    const [taught, learnt] = [weightsOf(teacher), weightsOf(student)];
    for (const [name, value] of learnt) {
      const source = name.replace(/^h\.(\d)/, (_, block) => `h.${[1, 3][block]}`);
      const data = taught.get(source)!.dataSync();
      assert.deepEqual(value.dataSync(), data.slice(0, value.size));
    }
    const same = gpt2FromTeacher(teacher, { n_layer: 4 });
    assert.deepEqual(same.logits([1, 2, 3]).dataSync(), teacher.logits([1, 2, 3]).dataSync());
    const other = gpt2FromTeacher(teacher, { n_layer: 1, num_labels: 3 }, { seed: 4 });
    assert.ok(
      weightsOf(other)
        .get('score.weight')!
        .dataSync()
        .some((x) => x !== 0),
    );
  });

  it('are refused at another width', () => {
    const teacher = makeGpt2(SMALL);
    assert.throws(
      () => gpt2FromTeacher(teacher, { n_layer: 2, n_embd: 4, n_inner: null }),
      /n_embd is 4, the teacher's is 8; layers can be copied only where they are the same/,
    );
    assert.throws(() => gpt2FromTeacher(teacher, { n_layer: 2, n_positions: 7 }), /expected at most the teacher's 6$/);
    assert.throws(
      () => gpt2FromTeacher(teacher, { n_layer: 2 }, { layers: [0, 4] }),
      /layers is \[0, 4\]; expected 2 bl/,
    );
  });
});

describe('06 one vector for a sequence', () => {
  const values = () => tf.tensor3d([1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60], [2, 3, 2]);
  const tokens = () =>
    tf.tensor2d(
      [
        [7, 7, 0],
        [0, 0, 0],
      ],
      undefined,
      'int32',
    );
  const pooled = (mode: 'mean' | 'last', padToken: number | null) => [
    ...(new SequencePooling({ mode, padToken }).apply([values(), tokens()]) as Tensor).dataSync(),
  ];

  it('is the mean over tokens, or the last of them', () => {
    assert.deepEqual(pooled('mean', 0), [1.5, 15, 0, 0]);
    assert.deepEqual(pooled('last', 0), [2, 20, 4, 40]);
    assert.deepEqual(pooled('mean', null), [2, 20, 5, 50]);
    assert.deepEqual(pooled('last', null), [3, 30, 6, 60]);
  });

  it('is the one there is of a single token', () => {
    const pooling = new SequencePooling({ mode: 'last', padToken: 0 });
    const one = pooling.apply([tf.tensor3d([3, 4], [1, 1, 2]), tf.tensor2d([[5]], undefined, 'int32')]) as Tensor;
    assert.deepEqual([...one.dataSync()], [3, 4]);
  });

  it('is no other pooling', () => {
    assert.throws(() => new SequencePooling({ mode: 'max' as 'mean' }), /mode is "max"; expected 'mean' or 'last'$/);
    assert.throws(() => new SequencePooling({ mode: 'last', padToken: -1 }), /padToken is -1; expected a token's id/);
  });
});
