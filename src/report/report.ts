import { stringify } from 'yaml';
import { formatComparison } from '../study/comparisons.js';
import type { ExportedModel, StudyMetrics } from '../study/metrics.js';
import { COLUMNS, rowCells, TEACHER } from '../study/table.js';
import { byMethod, heatMaps, learningCurves, termCurves } from './charts.js';
import { escapeHtml, figure, minus, page, table } from './html.js';

function resultSection(metrics: StudyMetrics): string {
  const seeds = metrics.config.seeds.length;
  const { train, validation, test } = metrics.samples;
  const over = seeds > 1 ? `Mean ± standard deviation over ${seeds} seeds` : 'One seed';
  const caption = `Accuracy in per cent. ${over}; ${train} training, ${validation} validation and ${test} test samples.`;
  const differences = metrics.comparisons.map(
    (comparison) => `<li>${escapeHtml(minus(formatComparison(comparison)))}</li>`,
  );
  const size =
    seeds > 1
      ? 'A difference of 0.5 points with a paired spread of 2 needs about 128 seeds to be told from chance.'
      : 'One seed says nothing about differences between methods.';
  return `<section><h2>Results</h2>
${table(caption, COLUMNS, metrics.table.map(rowCells))}
<p class="note">Acc. Gap = train − test. T&amp;S Gap = teacher’s test − student’s test. Dist. Gain = student’s test − test of the
student trained from scratch. Gaps and gains are taken within a seed. The student’s embedding is
<strong>${metrics.config.student.model ? 'that of the model given' : escapeHtml(metrics.config.student.embedding)}</strong>.</p>
${differences.length > 0 ? `<ul>${differences.join('\n')}</ul>\n<p class="note">${size}</p>` : ''}
</section>`;
}

function exportSection({ exported }: StudyMetrics): string {
  const row = ({ file, method, seed, parameters, test, maxDifference }: ExportedModel) => [
    file,
    `${method}, seed ${seed}`,
    parameters.toLocaleString('en-US'),
    `${test.correct} / ${test.samples}`,
    `${test.onnxruntimeCorrect} / ${test.samples}`,
    maxDifference.toExponential(1),
  ];
  const head = ['File', 'Run', 'Parameters', 'Correct (tfjs)', 'Correct (onnxruntime)', 'Largest difference'];
  return `<section><h2>Exported models</h2>
${table('Best of each kind by validation accuracy; the test part was not used to choose.', head, [row(exported.teacher), row(exported.student)])}
</section>`;
}

async function curvesSection(metrics: StudyMetrics): Promise<string> {
  const students = metrics.runs.filter(({ method }) => method !== TEACHER);
  const final = [...byMethod(students)].map(([method, runs]) => {
    const last = runs.map(({ result }) => 100 * (result.validation?.accuracy ?? Number.NaN));
    return [method, ...last.map((v) => v.toFixed(2))];
  });
  const seeds = metrics.config.seeds.map((seed) => `Seed ${seed}`);
  return `<section><h2>Learning curves</h2>
${figure(await learningCurves(students), 'Students’ accuracy by epoch; lines are means over seeds, bands one standard deviation.')}
<details><summary>Validation accuracy after the last epoch, run by run</summary>
${table('Per cent', ['Method', ...seeds], final)}</details></section>`;
}

async function kernelSection(metrics: StudyMetrics): Promise<string> {
  const withKernels = metrics.runs.filter(({ kernels }) => kernels);
  const headline = withKernels[0]?.method;
  const run = withKernels
    .filter(({ method }) => method === headline)
    .sort((a, b) => (b.result.validation?.accuracy ?? 0) - (a.result.validation?.accuracy ?? 0))[0];
  if (!run?.kernels) return '';
  const { teacher, before, after, labels } = run.kernels;
  const panels = [
    { name: 'Teacher', matrix: teacher },
    { name: 'Student before training', matrix: before },
    { name: 'Student after training', matrix: after },
  ];
  const loss = metrics.config.methods[run.method];
  const mean = (matrix: number[][]) => {
    const n = matrix.length;
    const sum = matrix.flat().reduce((a, b) => a + b, 0) - matrix.reduce((a, row, i) => a + row[i], 0);
    return (sum / (n * (n - 1))).toFixed(3);
  };
  const caption = `${run.method}, seed ${run.seed}: kernel matrices of ${labels.length} validation samples, sorted by class (${[...new Set(labels)].join(', ')}). Mean off the diagonal: teacher ${mean(teacher)}, student ${mean(before)} before and ${mean(after)} after training.`;
  return `<section><h2>Kernel matrices</h2>
${figure(await heatMaps(panels), caption)}
<p class="note">Teacher’s kernel <code>${escapeHtml(JSON.stringify(loss.kernels.teacher))}</code>, student’s
<code>${escapeHtml(JSON.stringify(loss.kernels.student))}</code>.</p></section>`;
}

async function termsSection(metrics: StudyMetrics): Promise<string> {
  const students = metrics.runs.filter(({ method }) => method !== TEACHER);
  const rows = [...byMethod(students)].flatMap(([method, runs]) =>
    Object.entries(runs[0].result.epochs.at(-1)?.terms ?? {}).map(([term, { raw, weighted, gradientNorm }]) => [
      method,
      term,
      raw.toPrecision(3),
      weighted.toPrecision(3),
      gradientNorm.toPrecision(3),
    ]),
  );
  return `<section><h2>Terms of the losses</h2>
${figure(await termCurves(students, 'loss'), 'Weighted loss of every term by epoch (logarithmic), means over seeds.')}
${figure(await termCurves(students, 'gradient'), 'Norm of every weighted term’s gradient with respect to the student’s outputs of a batch (logits or features), means over an epoch’s steps and over seeds (logarithmic).')}
<details><summary>Terms in the last epoch of the first seed</summary>
${table('Means over the steps of the epoch', ['Method', 'Term', 'Raw', 'Weighted', 'Gradient norm (raw)'], rows)}</details></section>`;
}

function configSection(metrics: StudyMetrics): string {
  const versions = Object.entries(metrics.versions).map(([name, version]) => [name, version]);
  return `<section><h2>How this was made</h2>
<p>${metrics.runs.length} runs on ${metrics.processes} processes of one thread each, ${metrics.seconds.toFixed(0)} seconds.</p>
${table('Versions', ['What', 'Version'], versions)}
<details><summary>Configuration</summary><pre>${escapeHtml(stringify(metrics.config))}</pre></details></section>`;
}

/** A study as one HTML page: nothing is loaded from anywhere, charts are SVG, no scripts. */
export async function renderReport(metrics: StudyMetrics): Promise<string> {
  const sections = [
    resultSection(metrics),
    await curvesSection(metrics),
    await kernelSection(metrics),
    await termsSection(metrics),
    exportSection(metrics),
    configSection(metrics),
  ];
  const subtitle = `Quantum relational knowledge distillation with <code>qrkd ${escapeHtml(metrics.versions.qrkd ?? '')}</code>`;
  return page(metrics.title, subtitle, sections);
}
