import { stringify } from 'yaml';
import { capitalized, measureOf, shown, testCounts } from '../study/measure.js';
import type { ExportedModel, StudyMetrics } from '../study/metrics.js';
import type { RunRecord } from '../study/run.js';
import { columnsOf, F1_COLUMN, formatSpread, hasF1, hasWords, rowCells, TEACHER, WORD_COLUMN } from '../study/table.js';
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
  const measure = measureOf(metrics.config);
  const caption =
    `${capitalized(measure.withUnit)}. ${over(metrics.config.seeds.length)}; ${train} training, ${validation} validation and ` +
    `${test} test ${measure.samples}${testCounts(metrics)}.`;
  return {
    title: 'Results',
    html: `${table(caption, columnsOf(metrics.table, measure), metrics.table.map(rowCells))}
<p class="note">${columnsNote(metrics)}</p>`,
  };
}

/** What the columns are; HTML. */
function columnsNote({ config, table }: StudyMetrics): string {
  const { direction, gap } = measureOf(config);
  const minus = (better: string, other: string) => (direction > 0 ? [better, other] : [other, better]).join(' − ');
  const words =
    'perplexity of a word on the test part, exp(cross-entropy × tokens / words), whatever the tokens are: for comparing with other tokenizers.';
  return [
    ...(hasWords(table) ? [`${WORD_COLUMN}: ${words}`] : []),
    ...(hasF1(table) ? [`${F1_COLUMN}: F1 in per cent, its mean over the classes.`] : []),
    `${gap} = ${minus('train', 'test')}.`,
    `T&amp;S Gap = ${minus('teacher’s test', 'student’s test')}.`,
    `Dist. Gain = ${minus('student’s test', 'test of the student trained from scratch')}.`,
    ...(direction < 0
      ? ['Less is better; a gap is positive where the student is worse, a gain where it is better.']
      : []),
    'Gaps and gains are taken within a seed.',
    ...(config.text ? [] : [`The student’s embedding is <strong>${embedding(config)}</strong>.`]),
  ].join('\n');
}

const embedding = ({ student }: StudyMetrics['config']) =>
  student.model ? 'that of the model given' : escapeHtml(student.embedding);

function finalTable(metrics: StudyMetrics, students: readonly RunRecord[]): string {
  const measure = measureOf(metrics.config);
  const per = (runs: readonly RunRecord[], part: 'test' | 'validation') =>
    metrics.config.seeds.map((seed) => {
      const run = runs.find((candidate) => candidate.seed === seed);
      const value = run?.result[part];
      return value === undefined ? '-' : shown(measure, value).toFixed(2);
    });
  const head = ['Method', ...metrics.config.seeds.map((seed) => `Seed ${seed}`)];
  const tableOf = (part: 'test' | 'validation') =>
    table(
      `${capitalized(part)} ${measure.withUnit}`,
      head,
      [...byMethod(students)].map(([method, runs]) => [method, ...per(runs, part)]),
    );
  return tableOf('test') + tableOf('validation');
}

async function curvesSection(metrics: StudyMetrics): Promise<Section> {
  const students = studentsOf(metrics);
  const measure = measureOf(metrics.config);
  const methods = [...byMethod(students).keys()];
  const styles = lineStyles(methods);
  const many = methods.length > MOST_BANDS;
  const means = `Students’ ${measure.name} by epoch. Lines are means over the seeds that reached the epoch`;
  const scale =
    measure.direction > 0
      ? 'The scale begins where the second half of training does.'
      : 'The scale ends where the second half of training begins.';
  const band = 'bands one standard deviation to each side';
  const overview = figure(await learningPanels(students, styles, measure), `${means}${many ? '' : `, ${band}`}.`, {
    legend: styles,
  });
  const each = many
    ? figure(
        await methodPanels(students, styles, measure),
        `Validation ${measure.name} by epoch, method by method${measure.symbol}: the mean, ${band}, the other methods’ means in grey. ${scale}`,
        { size: 'narrow' },
      )
    : '';
  return {
    title: 'Learning curves',
    html: `${overview}\n${each}\n${details(`Final ${measure.plural}, run by run`, finalTable(metrics, students))}`,
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

function tuningSection({ tuning, config }: StudyMetrics): Section | undefined {
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
      `Candidates of every tuned method by validation ${measureOf(config).withUnit}, on seeds of their own (${seeds}); the test part was not read.`,
      ['Method', 'Settings', 'Validation', ''],
      rows,
    ),
  };
}

function exportSection({ exported, config }: StudyMetrics): Section {
  const row = ({ file, method, seed, parameters, test, maxDifference }: ExportedModel) => [
    file,
    `${method}, seed ${seed}`,
    parameters.toLocaleString('en-US'),
    `${test.correct} / ${test.samples}`,
    `${test.onnxruntimeCorrect} / ${test.samples}`,
    maxDifference.toExponential(1),
  ];
  const { name, samples, counted } = measureOf(config);
  const head = ['File', 'Run', 'Parameters', 'Correct (tfjs)', 'Correct (onnxruntime)', 'Largest difference'];
  const correct =
    counted === samples ? '' : ` Correct: ${counted} of the test part whose largest logit is the right one.`;
  return {
    title: 'Exported models',
    html: table(`Best of each kind by validation ${name}; the test part was not used to choose.${correct}`, head, [
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
