import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { comparisonSection } from '#dist/report/comparisonSection.js';
import { renderReport } from '#dist/report/report.js';
import { renderSweep } from '#dist/report/sweep.js';
import { METHODS, studyMetrics, sweepMetrics } from '../studyMetrics.js';

const AWKWARD = '<QRKD> & "co"_50%';
const few = (...names: (keyof typeof METHODS)[]) => Object.fromEntries(names.map((name) => [name, METHODS[name]]));
const METHODS_FEW = few('Scratch', 'KD+RKD', AWKWARD, 'RBF control');
const headings = (html: string) => [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, text]) => text);

function isSelfContained(html: string): void {
  assert.match(html, /^<!doctype html>\n<html lang="en">/);
  assert.doesNotMatch(html, /<script|<link|<iframe|@import|url\((?!#)|\son\w+=/);
  assert.doesNotMatch(html, /src="(?!data:image\/png;base64,)/);
  const addresses = html.match(/https?:\/\/[^\s"'<]+/g) ?? [];
  assert.deepEqual(
    [...new Set(addresses)].filter((a) => !a.startsWith('http://www.w3.org/')),
    [],
  );
  assert.doesNotMatch(html, /NaN|undefined|Infinity|\[object/);
  assert.ok(html.includes('&lt;QRKD&gt; &amp; &quot;co&quot;_50%'));
  assert.ok(!html.includes('<QRKD>'));
}

describe('report', () => {
  const metrics = studyMetrics({ seeds: 3, epochs: 2, methods: METHODS_FEW });

  it('is one page that loads nothing, runs nothing, and escapes what a config may contain', async () => {
    const html = await renderReport(metrics);
    isSelfContained(html);
    assert.deepEqual(headings(html), [
      'Results',
      'Paired differences',
      'Learning curves',
      'Kernel matrices',
      'Concentration',
      'Features',
      'Terms of the losses',
      'Exported models',
      'How this was made',
    ]);
    for (const column of ['Train', 'Test', 'Acc. Gap', 'T&amp;S Gap', 'Dist. Gain']) {
      assert.ok(html.includes(`<th scope="col">${column}</th>`), column);
    }
    const [, , { test }] = metrics.table;
    assert.ok(
      html.includes(`<td>${test.mean.toFixed(2)} <span class="pm">± ${test.deviation!.toFixed(2)}</span></td>`),
    );
    // One panel for each part, method or side; teacher and four students in the plane of features.
    assert.equal(html.match(/<svg role="img"/g)?.length, 2 + 2 + 3 + 5 + 2 * 4);
    assert.equal(html.match(/<img src/g)?.length, 2 * 3);
  });

  it('says which comparisons are told from chance, and what one seed is worth', async () => {
    const html = (await comparisonSection(metrics))!.html;
    assert.match(html, /<strong>(None|\d) of the 3 comparisons diff/);
    const one = await comparisonSection(studyMetrics({ seeds: 1, epochs: 1, methods: METHODS_FEW }));
    assert.match(one!.html, /One seed says nothing about differences between methods\./);
  });

  it('does without what a study has not: kernel terms, pictures, epochs', async () => {
    const study = studyMetrics({ seeds: 2, epochs: 0, methods: few('Scratch', 'KD', 'RKD') });
    const runs = study.runs.map(({ features: _, ...run }) => run);
    const tuning = [
      {
        method: 'KD',
        seeds: [1000],
        candidates: [0.5, 2].map((kd) => ({ settings: { kd }, validation: { mean: 90 + kd, deviation: null } })),
        chosen: 1,
      },
    ];
    const html = await renderReport({ ...study, runs, tuning });
    assert.deepEqual(headings(html), [
      'Results',
      'Paired differences',
      'Learning curves',
      'Tuning',
      'Exported models',
      'How this was made',
    ]);
    assert.match(html, /<th scope="row">KD<\/th><td>kd:2<\/td><td>92\.00<\/td><td>taken<\/td>/);
    assert.doesNotMatch(html, /NaN|undefined|Infinity/);
  });
});

describe('page of a sweep', () => {
  it('has a chart, a table of methods by values, and differences at every value', async () => {
    const sweep = sweepMetrics([0.02, 0.1, 1], { seeds: 3, methods: METHODS_FEW });
    const html = await renderSweep(sweep);
    isSelfContained(html);
    assert.deepEqual(headings(html), ['Test accuracy', 'Paired differences', 'How this was made']);
    assert.match(html, /<th scope="col">Method<\/th><th scope="col">0\.02<\/th><th scope="col">0\.1<\/th>/);
    assert.equal(html.match(/<svg role="img"/g)?.length, 1 + 3);
    assert.match(html, /over all 9 comparisons of all values together/);
  });

  it('takes values that are names, and one seed', async () => {
    const html = await renderSweep(sweepMetrics(['linear', 'relu'], { seeds: 1, methods: METHODS_FEW }));
    isSelfContained(html);
    assert.match(html, /Nothing can be tested/);
  });
});
