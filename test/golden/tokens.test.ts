// Losses of tokens, some of which do not count, against PyTorch's float64 (test/fixtures/make_tokens.py).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crossEntropyGradient } from '#dist/losses/crossEntropy.js';
import { hiddenLossGradient } from '#dist/losses/hidden.js';
import { kdLossGradient } from '#dist/losses/kd.js';
import { assertRelative, readFixture } from './fixtures.js';

type Rows = number[][];
interface Golden {
  value: number;
  gradient: number[];
}
const fixture = readFixture<
  Record<'student' | 'teacher' | 'states' | 'others', Rows> &
    Record<'ce' | 'kd' | 'hidden', Golden> & { labels: number[]; embedding: number }
>('tokens.json');

const matrix = (rows: Rows) => ({
  data: Float64Array.from(rows.flat()),
  shape: [rows.length, rows[0].length] as [number, number],
});
const labels = Int32Array.from(fixture.labels);

function check({ loss, gradient }: { loss: number; gradient: { data: ArrayLike<number> } }, golden: Golden): void {
  assertRelative([loss], [golden.value], 1e-12, 'loss');
  // Gradients are float32.
  assertRelative(Array.from(gradient.data), golden.gradient, 1e-6, 'gradient');
}

describe('golden losses of tokens', () => {
  it('cross-entropy', () => check(crossEntropyGradient(matrix(fixture.student), labels), fixture.ce));

  it('logits at temperature 2', () => {
    check(kdLossGradient(matrix(fixture.student), matrix(fixture.teacher), 2, labels), fixture.kd);
  });

  it('hidden states, a zero vector among them', () => {
    // PyTorch's gradient at the zero vector is of the order of 1e8.
    const { value, gradient } = fixture.hidden;
    const rest = gradient.map((entry, k) => (Math.floor(k / 4) === 3 ? 0 : entry));
    assert.ok(rest.some((entry) => entry !== 0) && Math.max(...gradient.map(Math.abs)) > 1e6);
    check(hiddenLossGradient(matrix(fixture.states), matrix(fixture.others), labels), { value, gradient: rest });
  });

  it('hidden states as torch.nn.CosineEmbeddingLoss has them', () => {
    const rows = fixture.labels.flatMap((label, row) => (label === -1 || row === 3 ? [] : [row]));
    const [states, others] = [fixture.states, fixture.others].map((all) => matrix(rows.map((row) => all[row])));
    assertRelative([hiddenLossGradient(states, others).loss], [fixture.embedding], 1e-12, 'loss');
  });

  it('where no token counts there is neither loss nor gradient', () => {
    const none = new Int32Array(7).fill(-1);
    for (const { loss, gradient } of [
      crossEntropyGradient(matrix(fixture.student), none),
      kdLossGradient(matrix(fixture.student), matrix(fixture.teacher), 2, none),
      hiddenLossGradient(matrix(fixture.states), matrix(fixture.others), none),
    ]) {
      assert.equal(loss, 0);
      assert.ok(Array.from(gradient.data).every((value) => value === 0));
    }
  });
});
