import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderReport } from '#dist/report/report.js';
import { compareMethods } from '#dist/study/comparisons.js';
import { parseConfig } from '#dist/study/config.js';
import type { StudyMetrics } from '#dist/study/metrics.js';
import type { RunRecord } from '#dist/study/run.js';
import { paperTable, TEACHER } from '#dist/study/table.js';

const evaluation = (accuracy: number) => ({ samples: 100, correct: 100 * accuracy, accuracy, crossEntropy: 0.3 });

function run(method: string, seed: number, kernels: boolean): RunRecord {
  const term = { raw: 0.1, weighted: 0.2, gradientNorm: 0.01 };
  const epochs = [1, 2].map((epoch) => ({
    epoch,
    steps: 10,
    seconds: 1,
    loss: 1 / epoch,
    terms: kernels ? { ce: term, quantum: term } : { ce: term },
    runningAccuracy: 0.4 * epoch,
    zeroVectors: 0,
    validation: evaluation(0.45 * epoch),
  }));
  const matrix = [
    [1, 0.5],
    [0.5, 1],
  ];
  return {
    method,
    seed,
    parameters: 1725,
    seconds: 2,
    result: {
      epochs,
      steps: 20,
      stepMilliseconds: 20,
      train: evaluation(0.92),
      validation: evaluation(0.9),
      test: evaluation(0.9),
    },
    ...(kernels && { kernels: { labels: [0, 1], teacher: matrix, before: matrix, after: matrix } }),
  };
}

describe('report', () => {
  const name = '<QRKD> & "co"';
  const config = parseConfig({ seeds: [0, 1], methods: { Scratch: {}, [name]: { quantum: 30 } } }, 'test');
  const runs = [0, 1].flatMap((seed) => [
    run(TEACHER, seed, false),
    run('Scratch', seed, false),
    run(name, seed, true),
  ]);
  const accuracies = runs.map(({ method, seed }) => ({ method, seed, train: 0.92, test: 0.9 }));
  const exported = (method: string) => ({
    file: 'model.onnx',
    method,
    seed: 0,
    parameters: 1725,
    validationAccuracy: 0.9,
    test: { samples: 100, correct: 90, onnxruntimeCorrect: 90 },
    maxDifference: 1e-6,
  });
  const metrics: StudyMetrics = {
    title: 'a study',
    versions: { qrkd: '0.1.0', node: 'v20' },
    environment: { processor: 'one' },
    config,
    samples: { train: 1000, validation: 100, test: 100 },
    processes: 2,
    seconds: 12,
    table: paperTable(accuracies, 'Scratch'),
    comparisons: compareMethods(config, accuracies),
    exported: { teacher: exported(TEACHER), student: exported(name) },
    runs,
  };

  it('is one page that loads nothing and runs nothing', async () => {
    const html = await renderReport(metrics);
    assert.match(html, /^<!doctype html>\n<html lang="en">/);
    assert.doesNotMatch(html, /<script|<link|<img|<iframe|@import|url\((?!#)/);
    const addresses = html.match(/https?:\/\/[^\s"'<]+/g) ?? [];
    assert.deepEqual(
      [...new Set(addresses)].filter((a) => !a.startsWith('http://www.w3.org/')),
      [],
    );
    assert.equal(html.match(/<svg /g)?.length, 4);
    assert.equal(html.match(/<figcaption>/g)?.length, 4);
    assert.doesNotMatch(html, /NaN|undefined|\[object/);
  });

  it('holds the table, and escapes what a config may contain', async () => {
    const html = await renderReport(metrics);
    assert.ok(html.includes('&lt;QRKD&gt; &amp; &quot;co&quot;'));
    assert.ok(!html.includes('<QRKD>'));
    for (const column of ['Train', 'Test', 'Acc. Gap', 'T&amp;S Gap', 'Dist. Gain']) {
      assert.ok(html.includes(`<th scope="col">${column}</th>`), column);
    }
    assert.ok(html.includes('<td>90.00 ± 0.00</td>'));
  });

  it('does without kernel matrices where no method has any', async () => {
    const plain = runs.map(({ kernels: _, ...rest }) => rest);
    const html = await renderReport({ ...metrics, runs: plain });
    assert.doesNotMatch(html, /Kernel matrices/);
  });
});
