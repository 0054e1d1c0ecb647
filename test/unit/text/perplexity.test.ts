// Perplexity by sliding windows, against the published recipe run in PyTorch on the same function.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type PerplexityOptions, perplexity } from 'qrkd/text';
import { refusesLater } from '../data/refused.js';

interface Fixture {
  tables: Record<'token' | 'previous' | 'place', number[][]>;
  ids: number[];
  cases: { context: number; stride: number; recipe: number; token: number; nll: number; tokens: number }[];
}
const { tables, ids, cases } = JSON.parse(
  readFileSync(new URL('../../../../test/fixtures/perplexity.json', import.meta.url), 'utf8'),
) as Fixture;
const text = Int32Array.from(ids);
const V = tables.token.length;

/** The function of the fixture's script. */
const model = (rows: Int32Array[]): Float32Array =>
  Float32Array.from(
    rows.flatMap((row) =>
      [...row].flatMap((id, t) =>
        tables.token[id].map((z, k) => z + tables.place[t][k] + (t > 0 ? tables.previous[row[t - 1]][k] : 0)),
      ),
    ),
  );
const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= 1e-6 * expected, `${actual}, expected ${expected}`);

describe('perplexity', () => {
  for (const { context, stride, recipe, token, nll, tokens } of cases) {
    it(`context ${context}, stride ${stride}: the recipe's number, and the mean over every predicted token`, async () => {
      const calls: number[] = [];
      const result = await perplexity(
        text,
        (rows) => {
          calls.push(rows.length);
          return model(rows);
        },
        { context, stride, batch: 3, words: 40 },
      );
      close(result.pplRecipe, recipe);
      close(result.pplToken, token);
      close(result.nll, nll);
      assert.equal(result.tokens, tokens);
      close(result.pplWord!, Math.exp(((nll / tokens) * text.length) / 40));
      const { words, textTokens } = result;
      assert.deepEqual({ words, textTokens, context: result.context }, { words: 40, textTokens: 83, context });
      assert.ok(calls.some((rows) => rows > 1) || calls.length < 4);
    });
  }

  it('takes tensors and disposes them, tells its progress, and does not depend on the batch', async () => {
    let disposed = 0;
    const tensor = (rows: Int32Array[]) => ({
      shape: [rows.length, rows[0].length, V],
      data: async () => model(rows),
      dispose: () => void disposed++,
    });
    const progress: number[] = [];
    const options = { context: 16, stride: 3 };
    const one = await perplexity(text, tensor, { ...options, onProgress: (done) => progress.push(done) });
    assert.deepEqual(await perplexity(text, model, { ...options, batch: 7 }), one);
    assert.equal(progress.at(-1), 1);
    assert.equal(disposed, progress.length);
  });

  it('windows without overlap leave out their first tokens, and the mean stands for them', async () => {
    // Of a uniform model each of 100 tokens costs log 5, counted or not.
    const uniform = (rows: Int32Array[]) => new Float32Array(5 * rows.length * rows[0].length);
    const result = await perplexity(new Int32Array(100), uniform, { context: 30, words: 50 });
    assert.equal(result.tokens, 96);
    close(result.pplToken, 5);
    close(result.pplWord!, 25);
    // A last window of one token predicts nothing.
    assert.equal((await perplexity(new Int32Array(31), uniform, { context: 30 })).tokens, 29);
  });

  it('refuses options, ids and logits that do not fit, and stops when asked', async () => {
    const refused = (options: object, code: string, message: RegExp, tokens: unknown = text, f: unknown = model) =>
      refusesLater(perplexity(tokens as Int32Array, f as typeof model, options as PerplexityOptions), code, message);
    await refused({}, 'ERR_QRKD_VALUE', /context is undefined; expected an integer of 2 or more/);
    await refused({ context: 8, stride: 9 }, 'ERR_QRKD_VALUE', /stride is 9; expected an integer from 1 to 8/);
    await refused({ context: 8, batch: 0 }, 'ERR_QRKD_VALUE', /batch is 0/);
    await refused({ context: 8, words: 0.5 }, 'ERR_QRKD_VALUE', /words is 0.5/);
    await refused({ contxt: 8 }, 'ERR_QRKD_UNKNOWN_KEY', /did you mean "context"/);
    await refused({ context: 8 }, 'ERR_QRKD_TYPE', /ids must be an Int32Array/, [1, 2]);
    await refused({ context: 8 }, 'ERR_QRKD_SHAPE', /there are 1 ids/, Int32Array.of(1));
    const uniform = (rows: Int32Array[]) => new Float32Array(V * rows.length * rows[0].length);
    const outside = /ids\[1\] is 6; the model has logits for 0 to 5/;
    await refused({ context: 8 }, 'ERR_QRKD_VALUE', outside, Int32Array.of(1, 6), uniform);
    const shape = /the model gave 7 logits for 1 x 8 tokens/;
    await refused({ context: 8 }, 'ERR_QRKD_SHAPE', shape, text, () => new Float32Array(7));
    const nan = () => new Float32Array(8 * V).fill(Number.NaN);
    await refused({ context: 8 }, 'ERR_QRKD_NOT_FINITE', /the loss of ids\[1\] is/, text, nan);
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(perplexity(text, model, { context: 8, signal }), /^Error: enough$/);
  });
});
