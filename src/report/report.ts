import { stringify } from 'yaml';
import type { ExportedModel, StudyMetrics } from '../study/metrics.js';
import type { RunRecord } from '../study/run.js';
import { COLUMNS, formatSpread, rowCells, TEACHER } from '../study/table.js';
import { byMethod, learningPanels, MOST_BANDS, methodPanels, termPanels, termStyles } from './charts/curves.js';
import { comparisonSection } from './comparisonSection.js';
import { details, escapeHtml, figure, page, type Section, short, table } from './html.js';
import { concentrationSection, featureSection, kernelSection } from './kernelSections.js';
import { lineStyles } from './svg.js';

const studentsOf = ({ runs }: StudyMetrics) => runs.filter(({ method }) => method !== TEACHER);

/** `Mean ± standard deviation over 10 seeds`. */
export function over(seeds: number): string {
  return seeds > 1 ? `Mean ± standard deviation over ${seeds} seeds` : 'One seed';
}

function resultSection(metrics: StudyMetrics): Section {
  const { train, validation, test } = metrics.samples;
  const caption = `Accuracy in per cent. ${over(metrics.config.seeds.length)}; ${train} training, ${validation} validation and ${test} test samples.`;
  return {
    title: 'Results',
    html: `${table(caption, COLUMNS, metrics.table.map(rowCells))}
<p class="note">Acc. Gap = train − test. T&amp;S Gap = teacher’s test − student’s test. Dist. Gain = student’s test − test of the
student trained from scratch. Gaps and gains are taken within a seed. The student’s embedding is
<strong>${metrics.config.student.model ? 'that of the model given' : escapeHtml(metrics.config.student.embedding)}</strong>.</p>`,
  };
}

function finalTable(metrics: StudyMetrics, students: readonly RunRecord[]): string {
  const per = (runs: readonly RunRecord[], accuracy: (run: RunRecord) => number | undefined) =>
    metrics.config.seeds.map((seed) => {
      const run = runs.find((candidate) => candidate.seed === seed);
      const value = run && accuracy(run);
      return value === undefined ? '-' : (100 * value).toFixed(2);
    });
  const head = ['Method', ...metrics.config.seeds.map((seed) => `Seed ${seed}`)];
  const rows = (accuracy: (run: RunRecord) => number | undefined) =>
    [...byMethod(students)].map(([method, runs]) => [method, ...per(runs, accuracy)]);
  return (
    table(
      'Test accuracy in per cent',
      head,
      rows(({ result }) => result.test?.accuracy),
    ) +
    table(
      'Validation accuracy in per cent',
      head,
      rows(({ result }) => result.validation?.accuracy),
    )
  );
}

async function curvesSection(metrics: StudyMetrics): Promise<Section> {
  const students = studentsOf(metrics);
  const methods = [...byMethod(students).keys()];
  const styles = lineStyles(methods);
  const many = methods.length > MOST_BANDS;
  const means = 'Students’ accuracy by epoch. Lines are means over the seeds that reached the epoch';
  const band = 'bands one standard deviation to each side';
  const overview = figure(await learningPanels(students, styles), `${means}${many ? '' : `, ${band}`}.`, {
    legend: styles,
  });
  const each = many
    ? figure(
        await methodPanels(students, styles),
        `Validation accuracy by epoch, method by method (%): the mean, ${band}, the other methods’ means in grey. The scale begins where the second half of training does.`,
        { size: 'narrow' },
      )
    : '';
  return {
    title: 'Learning curves',
    html: `${overview}\n${each}\n${details('Final accuracies, run by run', finalTable(metrics, students))}`,
  };
}

async function termsSection(metrics: StudyMetrics): Promise<Section | undefined> {
  const students = studentsOf(metrics);
  if (students.every(({ result }) => result.epochs.length === 0)) return undefined;
  const rows = [...byMethod(students)].flatMap(([method, runs]) =>
    Object.entries(runs[0].result.epochs.at(-1)?.terms ?? {}).map(([term, { raw, weighted, gradientNorm }]) => [
      `${method}, ${term}`,
      short(raw),
      short(weighted),
      short(gradientNorm),
    ]),
  );
  const options = { size: 'narrow', legend: termStyles(students) } as const;
  const gradients = figure(
    await termPanels(students, 'gradient'),
    'Weighted gradient norms of every term by epoch: with respect to the student’s outputs (logits or features) for a batch; means over an epoch’s steps and over seeds, logarithmic.',
    options,
  );
  const losses = figure(
    await termPanels(students, 'loss'),
    'Weighted loss of every term by epoch; means over an epoch’s steps and over seeds, logarithmic.',
    options,
  );
  return {
    title: 'Terms of the losses',
    html: `${gradients}
${details('Weighted losses', losses)}
${details('Terms in the last epoch of the first seed', table('Means over the steps of the epoch', ['Term', 'Raw', 'Weighted', 'Gradient norm (raw)'], rows))}`,
  };
}

function tuningSection({ tuning }: StudyMetrics): Section | undefined {
  if (!tuning || tuning.length === 0) return undefined;
  const rows = tuning.flatMap(({ method, candidates, chosen }) =>
    candidates.map(({ settings, validation }, c) => [
      method,
      JSON.stringify(settings).replace(/[{}"]/g, '').replace(/,/g, ', '),
      formatSpread(validation),
      c === chosen ? 'taken' : '',
    ]),
  );
  const seeds = tuning[0].seeds.join(', ');
  return {
    title: 'Tuning',
    html: table(
      `Candidates of every tuned method by validation accuracy in per cent, on seeds of their own (${seeds}); the test part was not read.`,
      ['Method', 'Settings', 'Validation', ''],
      rows,
    ),
  };
}

function exportSection({ exported }: StudyMetrics): Section {
  const row = ({ file, method, seed, parameters, test, maxDifference }: ExportedModel) => [
    file,
    `${method}, seed ${seed}`,
    parameters.toLocaleString('en-US'),
    `${test.correct} / ${test.samples}`,
    `${test.onnxruntimeCorrect} / ${test.samples}`,
    maxDifference.toExponential(1),
  ];
  const head = ['File', 'Run', 'Parameters', 'Correct (tfjs)', 'Correct (onnxruntime)', 'Largest difference'];
  return {
    title: 'Exported models',
    html: table('Best of each kind by validation accuracy; the test part was not used to choose.', head, [
      ...(exported.teacher ? [row(exported.teacher)] : []),
      row(exported.student),
    ]),
  };
}

/** Versions, machine and configuration of a study or sweep; `how` is a sentence in HTML. */
export function madeSection(metrics: Pick<StudyMetrics, 'versions' | 'environment' | 'config'>, how: string): Section {
  return {
    title: 'How this was made',
    html: `<p>${how}</p>
${table('Versions', ['What', 'Version'], Object.entries(metrics.versions))}
${table('Machine', ['What', 'Found'], Object.entries(metrics.environment))}
${details('Configuration', `<pre tabindex="0">${escapeHtml(stringify(metrics.config))}</pre>`)}`,
  };
}

export const subtitle = (version = '') =>
  `Quantum relational knowledge distillation with <code>qrkd ${escapeHtml(version)}</code>`;

/** A study as one HTML page: nothing is loaded from anywhere, charts are SVG, no scripts. */
export async function renderReport(metrics: StudyMetrics): Promise<string> {
  const how = `${metrics.runs.length} runs on ${metrics.processes} processes of one thread each, ${metrics.seconds.toFixed(0)} seconds.`;
  const sections = [
    resultSection(metrics),
    await comparisonSection(metrics),
    await curvesSection(metrics),
    kernelSection(metrics),
    await concentrationSection(metrics),
    await featureSection(metrics),
    await termsSection(metrics),
    tuningSection(metrics),
    exportSection(metrics),
    madeSection(metrics, how),
  ];
  return page(
    metrics.title,
    subtitle(metrics.versions.qrkd),
    sections.filter((section) => section !== undefined),
  );
}
