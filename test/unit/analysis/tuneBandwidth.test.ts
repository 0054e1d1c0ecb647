// The search for a bandwidth: scores against kernels made with it, maxima against a fine grid.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BandwidthScore,
  CosineKernel,
  FidelityKernel,
  featureMap,
  RbfKernel,
  type TuneOptions,
  targetAlignment,
  tuneBandwidth,
} from 'qrkd';
import { assertClose } from '../../golden/fixtures.js';
import { randomMatrices } from '../../matrices.js';

const random = randomMatrices('tune');
const X = random(24, 3);
// Two classes that a smooth kernel can tell apart: the sign of the first feature.
const labels = Array.from({ length: 24 }, (_, i) => (X.data[3 * i]! > 0 ? 'plus' : 'minus'));
const spec = { type: 'zz', features: 3, reps: 1 } as const;
const refused = (run: Promise<unknown>, code: string, part: RegExp) =>
  assert.rejects(run, (error: Error & { code?: string }) => {
    assert.equal(error.code, `ERR_QRKD_${code}`);
    assert.match(error.message, part);
    return true;
  });

/** The best of many bandwidths near `around`. */
async function finest(kernel: RbfKernel | typeof spec, around: number, options: TuneOptions): Promise<BandwidthScore> {
  const bandwidths = Array.from({ length: 801 }, (_, i) => around * 10 ** ((i - 400) / 8000));
  const { table, bandwidth } = await tuneBandwidth(kernel, X, { ...options, method: 'grid', bandwidths });
  return table.find((row) => row.bandwidth === bandwidth)!;
}

describe('tuneBandwidth', () => {
  it('by alignment: the scores of kernels that were made with the bandwidth', async () => {
    for (const [centered, diagonal] of [
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const { table, bandwidth, score, by } = await tuneBandwidth(spec, X, { labels, centered, diagonal });
      assert.equal(by, 'alignment');
      assert.equal(table.length, 31);
      const expected = table.map(({ bandwidth }) =>
        targetAlignment(new FidelityKernel(featureMap({ ...spec, bandwidth })).matrix(X), labels, {
          centered,
          diagonal,
        }),
      );
      const scores = table.map((row) => row.score);
      assertClose(scores, expected, 1e-12, 'scores');
      assert.equal(score, Math.max(...scores));
      assert.equal(bandwidth, table[scores.indexOf(score)]!.bandwidth);
    }
  });

  it('by spread: the standard deviation off the diagonal', async () => {
    const { table, by } = await tuneBandwidth(spec, X, { bandwidths: [0.5, 0.1] });
    assert.equal(by, 'spread');
    assert.deepEqual(
      table.map((row) => row.bandwidth),
      [0.1, 0.5],
    );
    for (const { bandwidth, score, mean, deviation } of table) {
      const K = new FidelityKernel(featureMap({ ...spec, bandwidth })).matrix(X);
      const off = Array.from(K.data).filter((_, k) => k % 25 !== 0);
      const average = off.reduce((a, b) => a + b, 0) / off.length;
      const sd = Math.sqrt(off.reduce((a, b) => a + (b - average) ** 2, 0) / off.length);
      assertClose([mean, deviation, score], [average, sd, sd], 1e-12, `bandwidth ${bandwidth}`);
    }
  });

  it("does not depend on the kernel's own bandwidth, and takes kernels, maps and specifications", async () => {
    const reference = await tuneBandwidth(spec, X, { labels });
    const map = featureMap({ ...spec, bandwidth: 0.3 });
    for (const kernel of [map, new FidelityKernel(map)]) {
      const { table } = await tuneBandwidth(kernel, X, { labels });
      assertClose(
        table.map((row) => row.score),
        reference.table.map((row) => row.score),
        1e-12,
        'scores',
      );
    }
  });

  for (const [name, kernel] of [
    ['zz', spec],
    ['rbf', new RbfKernel({ gamma: 0.7 })],
  ] as const) {
    for (const options of [{ labels }, { labels, diagonal: true }, { labels, centered: false }, {}] as TuneOptions[]) {
      const { labels: _, ...rest } = options;
      it(`gradient, ${name} by ${options.labels ? 'alignment' : 'spread'} ${JSON.stringify(rest)}: the maximum`, async () => {
        const bandwidths = name === 'zz' ? [0.02, 0.06, 0.2, 0.6] : [0.1, 0.4, 1.6, 6];
        const found = await tuneBandwidth(kernel, X, { ...options, method: 'gradient', bandwidths });
        if (found.atEdge) return assert.fail(`the best of ${bandwidths} lies at the edge`);
        const best = await finest(kernel, found.bandwidth, options);
        assert.ok(Math.abs(Math.log(found.bandwidth / best.bandwidth)) < 6e-4, `${found.bandwidth}, ${best.bandwidth}`);
        assert.ok(found.score > best.score - 1e-9);
      });
    }
  }

  it('says where the best lies at the edge', async () => {
    assert.equal((await tuneBandwidth(spec, X, { bandwidths: [0.001, 0.002] })).atEdge, true);
    const out = await tuneBandwidth(spec, X, { bandwidths: [0.001, 0.002], method: 'gradient' });
    assertClose([out.bandwidth], [0.002], 1e-12, 'stays within what was given');
    assert.equal((await tuneBandwidth(spec, X)).atEdge, false);
  });

  it('tells its progress, and can be aborted', async () => {
    for (const method of ['grid', 'gradient'] as const) {
      const fractions: number[] = [];
      await tuneBandwidth(spec, X, { method, onProgress: (fraction) => fractions.push(fraction) });
      assert.ok(fractions.every((f, i) => f > 0 && f <= 1 && (i === 0 || f >= fractions[i - 1]!)));
      assert.ok(fractions.at(-1)! > 0.8);
      const controller = new AbortController();
      const run = tuneBandwidth(spec, X, {
        method,
        signal: controller.signal,
        onProgress: (fraction) => fraction > 0.7 && controller.abort(),
      });
      await assert.rejects(run, { name: 'AbortError' });
    }
  });

  it('takes a measured kernel by grid, not by gradient', async () => {
    const kernel = new FidelityKernel(featureMap(spec), { shots: 200, seed: 4 });
    const first = await tuneBandwidth(kernel, X, { labels });
    assert.deepEqual((await tuneBandwidth(kernel, X, { labels })).table, first.table);
    await refused(tuneBandwidth(kernel, X, { labels, method: 'gradient' }), 'UNSUPPORTED', /shots/);
  });

  it('draws what it tried', async () => {
    const svg = await (await tuneBandwidth(spec, X, { labels })).plot();
    assert.match(svg, /^<svg [^>]*>/);
    for (const text of ['Bandwidth', 'Alignment with the labels', 'best: ']) assert.ok(svg.includes(text), text);
    assert.ok(!svg.includes('NaN'));
  });

  it('refuses what it cannot use', async () => {
    await refused(tuneBandwidth(spec, X, { by: 'alignment' }), 'TYPE', /needs labels/);
    await refused(tuneBandwidth(spec, X, { labels: [1, 2] }), 'SHAPE', /2 entries.*24 rows/);
    await refused(tuneBandwidth(spec, X, { bandwidths: [1] }), 'VALUE', /bandwidths/);
    await refused(tuneBandwidth(spec, X, { bandwidths: [1, -1] }), 'VALUE', /bandwidths/);
    await refused(tuneBandwidth(spec, X, { method: 'newton' as never }), 'VALUE', /grid, gradient/);
    await refused(tuneBandwidth(spec, [[1, 2, 3]]), 'SHAPE', /at least 2/);
    await refused(tuneBandwidth(spec, random(4, 2)), 'SHAPE', /3/);
    await refused(tuneBandwidth(new CosineKernel(), X), 'VALUE', /normalises/);
    await refused(tuneBandwidth({ type: 'amplitude', features: 3 }, X), 'VALUE', /normalises/);
    await refused(tuneBandwidth({ ...spec, bandwidth: 0 }, X), 'VALUE', /bandwidth 0/);
    await refused(tuneBandwidth(null as never, X), 'TYPE', /kernel/);
    await refused(tuneBandwidth(spec, X, { label: labels } as never), 'UNKNOWN_KEY', /"labels"/);
  });
});
