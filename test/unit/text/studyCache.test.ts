import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { parseConfig } from '#dist/study/config.js';
import { planJobs } from '#dist/study/plan.js';

it("a study's teacher.cacheTopK belongs to the runs that use logits, and to no others", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-cache-keys-'));
  try {
    const text = join(folder, 'text.txt');
    writeFileSync(text, 'One word after the other. '.repeat(400));
    const methods = { alone: {}, rkd: { distance: 1 }, kd: { kd: 1 } };
    const keys = async (teacher: object) => {
      const config = parseConfig({ data: { text }, text: { vocabulary: 260 }, seeds: [1], teacher, methods }, 'x');
      const jobs = await planJobs(config, folder, { test: true, logs: undefined });
      return Object.fromEntries(jobs.map(({ key, spec }) => [spec.method, key]));
    };
    const [none, some, more] = [await keys({}), await keys({ cacheTopK: 8 }), await keys({ cacheTopK: 16 })];
    assert.equal(new Set([none.kd, some.kd, more.kd]).size, 3);
    assert.deepEqual(
      [
        { ...none, kd: '' },
        { ...none, kd: '' },
      ],
      [some, more].map((plan) => ({ ...plan, kd: '' })),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('teacher.cacheTopK is refused where no token has logits', () => {
  const config = { data: 'brown', teacher: { cacheTopK: 8 }, methods: { kd: { kd: 1 } } };
  const message = /^x: teacher\.cacheTopK is for text of the task language/;
  assert.throws(() => parseConfig({ ...config, text: { task: 'classification' } }, 'x'), { message });
  assert.throws(() => parseConfig(config, 'x'), { code: 'ERR_QRKD_VALUE', message });
});
