// The perplexity of a GPT-2 that transformers saved, against transformers' own losses in the same windows.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadGpt2 } from 'qrkd/models';
import { perplexity } from 'qrkd/text';
import { ready, tf } from '#dist/tensor/backend.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../../test/fixtures/${name}`, import.meta.url));

it("a GPT-2's perplexity is transformers'", async () => {
  await ready();
  const { ids, gpt2: cases } = JSON.parse(readFileSync(fixture('perplexity.json'), 'utf8')) as {
    ids: number[];
    gpt2: { context: number; stride: number; recipe: number; token: number; tokens: number }[];
  };
  const gpt2 = await loadGpt2(fixture('gpt2/plain'));
  const before = tf.memory().numTensors;
  for (const { context, stride, recipe, token, tokens } of cases) {
    const result = await perplexity(Int32Array.from(ids), (rows) => gpt2.logits(rows), { context, stride, batch: 4 });
    assert.equal(result.tokens, tokens);
    assert.ok(Math.abs(result.pplRecipe / recipe - 1) < 1e-5, `${result.pplRecipe}, expected ${recipe}`);
    assert.ok(Math.abs(result.pplToken / token - 1) < 1e-5, `${result.pplToken}, expected ${token}`);
  }
  assert.equal(tf.memory().numTensors, before);
  gpt2.dispose();
});
