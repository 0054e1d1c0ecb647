import { concentration } from '../analysis/concentration.js';
import { featureMap } from '../maps/index.js';
import type { StudyMetrics } from '../study/metrics.js';
import type { KernelPictures, Picture } from '../study/pictures.js';
import type { RunRecord } from '../study/run.js';
import { classStyles, featurePanel } from './charts/features.js';
import { type IntervalRow, intervalChart } from './charts/intervals.js';
import { details, escapeHtml, figure, type Section, short, table } from './html.js';
import { colorBar, matrixRow } from './matrices.js';
import { PANEL_WIDTH } from './svg.js';

type Pictured = RunRecord & { kernels: KernelPictures };

/** The pictures of each method with a kernel term. */
function pictured({ runs }: StudyMetrics): Pictured[] {
  const found = runs.filter((run): run is Pictured => run.kernels !== undefined);
  return found.filter(({ method }, i) => found.findIndex((run) => run.method === method) === i);
}

const SIDES = [
  { side: 'teacher', key: 'teacher', name: 'teacher', title: 'Teacher’s kernel' },
  { side: 'student', key: 'before', name: 'student before', title: 'Student’s kernel before training' },
  { side: 'student', key: 'after', name: 'student after', title: 'Student’s kernel after training' },
] as const;

export function kernelSection(metrics: StudyMetrics): Section | undefined {
  const [headline, ...others] = pictured(metrics);
  if (!headline) return undefined;
  const row = ({ method, kernels }: Pictured) =>
    matrixRow(
      SIDES.map(({ key, name }) => ({ name, matrix: kernels[key] })),
      method,
    );
  const specs = ({ method }: Pictured) => {
    const { teacher, student } = metrics.config.methods[method].kernels;
    return `<code>${escapeHtml(JSON.stringify(teacher))}</code> and <code>${escapeHtml(JSON.stringify(student))}</code>`;
  };
  const { labels } = headline.kernels;
  const classes = [...new Set(labels)];
  const thumbnails = others.map(
    (run) => `<div class="panel"><p class="title">${escapeHtml(run.method)}</p>${row(run)}</div>`,
  );
  return {
    title: 'Kernel matrices',
    html: `<figure><p class="title">${escapeHtml(headline.method)}</p>${row(headline)}${colorBar()}
<figcaption>Kernel matrices of ${labels.length} validation samples${classes.length > 1 ? `, sorted by class (${classes.join(', ')})` : ''}, of seed
${headline.seed}: the teacher’s, and the student’s before and after training. Kernels of teacher and student: ${specs(headline)}.</figcaption></figure>
${
  others.length > 0
    ? `<figure><div class="panels narrow">${thumbnails.join('\n')}</div><figcaption>The same for the other kernels, on the same scale.</figcaption></figure>
${details('Kernels of teacher and student', `<ul>${others.map((run) => `<li>${escapeHtml(run.method)}: ${specs(run)}</li>`).join('')}</ul>`)}`
    : ''
}`,
  };
}

/** Qubits of a fidelity kernel; a classical one has none. */
function qubitsOf(spec: { type: string }): number | undefined {
  return spec.type === 'rbf' || spec.type === 'cosine'
    ? undefined
    : featureMap(spec as Parameters<typeof featureMap>[0]).qubits;
}

function diagnose(metrics: StudyMetrics, { method, kernels }: Pictured) {
  return SIDES.map(({ side, key, name }) => {
    const matrix: Picture = kernels[key];
    const qubits = qubitsOf(metrics.config.methods[method].kernels[side]);
    return { method, name, qubits, ...concentration(matrix, qubits === undefined ? {} : { qubits }) };
  });
}

/** Whether the kernels still tell samples apart: entries off the diagonal against those of random states. */
export async function concentrationSection(metrics: StudyMetrics): Promise<Section | undefined> {
  const runs = pictured(metrics);
  if (runs.length === 0) return undefined;
  const all = runs.flatMap((run) => diagnose(metrics, run));
  const panels = await Promise.all(
    SIDES.map(async ({ name, title }) => {
      const rows = all
        .filter((report) => report.name === name)
        .map(({ method, mean, variance, haar }): IntervalRow => {
          const deviation = Math.sqrt(variance);
          const interval: [number, number] = [Math.max(0, mean - deviation), Math.min(1, mean + deviation)];
          return { name: method, mean, interval, points: [], ...(haar && { reference: haar.mean }) };
        });
      const options = {
        title: 'Entry off the diagonal',
        domain: [0, 1] as [number, number],
        width: PANEL_WIDTH.narrow,
      };
      return { title, html: await intervalChart(rows, options) };
    }),
  );
  const caption =
    'Entries off the diagonal of the matrices above: diamonds are means, bars one standard deviation to each side, ticks 1/2ⁿ, where random states of n qubits would be.';
  const digits = (value: number | undefined) => (value === undefined ? '-' : short(value));
  const rows = all.map(({ method, name, qubits, mean, variance, haar, effectiveRank, shots, shape }) => [
    method,
    name,
    qubits === undefined ? '-' : String(qubits),
    digits(mean),
    digits(variance),
    digits(haar?.mean),
    digits(haar?.variance),
    effectiveRank.toFixed(1),
    qubits === undefined ? '-' : shots.toSeparate.toLocaleString('en-US'),
    shape,
  ]);
  const head = [
    'Kernel',
    'Of',
    'Qubits',
    'Mean',
    'Variance',
    '1/2ⁿ',
    'Random variance',
    'Effective rank',
    'Shots',
    'Shape',
  ];
  const samples = all[0].samples;
  return {
    title: 'Concentration',
    html: `${figure(panels, caption, { size: 'narrow' })}
<p class="note">A kernel whose entries all lie at 1/2ⁿ has concentrated: nothing can be learned from it. Shots: how many measurements of an
entry it takes on a device for the entries’ spread to exceed the noise. Effective rank: of ${samples} samples.</p>
${details('Numbers', table(`Entries off the diagonal, ${samples} samples`, head, rows))}`,
  };
}

/** Features of teacher and students in a plane each. */
export async function featureSection({ runs }: StudyMetrics): Promise<Section | undefined> {
  const found = runs.flatMap(({ method, seed, features }) => (features ? [{ method, seed, ...features }] : []));
  if (found.length === 0) return undefined;
  const { labels, seed } = found[0];
  const withTeacher = found.find(({ teacher }) => teacher);
  const panels = await Promise.all([
    ...(withTeacher?.teacher ? [featurePanel('Teacher', withTeacher.teacher, withTeacher.labels)] : []),
    ...found.map(({ method, student, labels: own }) => featurePanel(method, student, own)),
  ]);
  const caption = `Features of ${labels.length} validation samples after training (seed ${seed}), each model’s on its own first two principal components. Beside the names: the share of the variance that they hold.`;
  return {
    title: 'Features',
    html: figure(panels, caption, { size: 'small', legend: classStyles(labels) }),
  };
}
