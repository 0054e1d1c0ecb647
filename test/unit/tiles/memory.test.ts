// The option `memory` bounds what a large matrix takes, whether its tiles or its states are what is large.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FeatureMapSpec } from 'qrkd';
import { parseMemory } from '#dist/tiles/options.js';
import { temporaryFolder } from './tiles.js';

const at = temporaryFolder();
const program = fileURLToPath(new URL('footprint.js', import.meta.url));
const MIB = 2 ** 20;
/** A thread with its own heap, and what V8 has not collected yet. */
const NODE = 48 * MIB;

describe('matrixToFile takes no more than `memory`', () => {
  const cases: [spec: FeatureMapSpec, precision: string, n: number, m: number, MiB: number, whole: number][] = [
    // The matrix has 244 MiB, the states 4.
    [{ type: 'zz', features: 6 }, 'float32', 8000, 0, 48, 248],
    [{ type: 'angle', features: 3 }, 'float64', 4000, 8000, 64, 244],
    // The states have 160 MiB, the matrix next to nothing.
    [{ type: 'zz', features: 16, reps: 1 }, 'float32', 320, 0, 64, 160],
    [{ type: 'zz', features: 15, reps: 2 }, 'float64', 100, 200, 64, 150],
  ];
  for (const [spec, precision, n, m, MiB, whole] of cases) {
    it(`${spec.type}, ${n}${m ? ` x ${m}` : ''} samples, ${precision}: ${MiB} MiB instead of ${whole}`, async () => {
      const args = [program, at('K.npy'), JSON.stringify(spec), precision, String(n), String(m), `${MiB}MiB`];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const { taken, tiles } = JSON.parse(stdout) as { taken: number; tiles: number };
      assert.ok(taken < MiB * MIB + NODE, `${Math.round(taken / MIB)} MiB in ${tiles} tiles`);
      assert.ok(tiles > 3, `${tiles} tiles`);
    });
  }
});

describe('memory', () => {
  it('is bytes or a text with a unit', () => {
    for (const [text, bytes] of [
      [4096, 4096],
      ['4096', 4096],
      ['4GiB', 4 * 2 ** 30],
      ['1.5 GiB', 1.5 * 2 ** 30],
      ['500MB', 500e6],
      ['2g', 2 ** 31],
      ['64k', 65536],
      ['10 b', 10],
      ['1TiB', 2 ** 40],
    ] as const) {
      assert.equal(parseMemory(text), bytes, String(text));
    }
    for (const wrong of ['', 'much', '4 GiBs', '-1', '1,5GiB', 'GiB', 0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => parseMemory(wrong), { code: 'ERR_QRKD_VALUE' }, String(wrong));
    }
    assert.throws(() => parseMemory(null), { code: 'ERR_QRKD_TYPE' });
  });
});
