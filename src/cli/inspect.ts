import { Command, InvalidArgumentError } from 'commander';
import { targetAlignment } from '../analysis/alignment.js';
import { type ConcentrationReport, concentration } from '../analysis/concentration.js';
import { QrkdRangeError } from '../errors.js';
import { readLabelsFile, readMatrixFile } from '../files/index.js';
import { duration } from '../progress.js';
import { checkPicture, writePicture } from './pictures.js';

interface Options {
  qubits?: number;
  labels?: string;
  plot?: string;
  json?: boolean;
}

/** Of the eigenvalues, for N^3 = 1; measured at N = 1024. */
const EIGENVALUE_SECONDS = 1e-8;

/** `qrkd inspect`: what a kernel matrix in a file can tell. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('what a kernel matrix in a file can tell, and how many shots it takes to read it')
    .description(
      'Mean and variance off the diagonal against random states, effective rank, spectrum, alignment with labels, shots needed, and a verdict.',
    )
    .argument('<K>', 'a symmetric kernel matrix: .npy, .npz or .csv')
    .option('--qubits <n>', 'of the states behind it, to compare with random states', wholeNumber)
    .option('--labels <file>', 'one class label a sample: .npy, .npz, or .csv with a number or name a line')
    .option('--plot <file.svg>', 'draw the histogram of the entries and the spectrum')
    .option('--json', 'print everything as one JSON document')
    .action(run);
}

async function run(path: string, { qubits, labels: labelsPath, plot, json }: Options): Promise<void> {
  await checkPicture('--plot', plot);
  const K = await readMatrixFile(path);
  const labels = labelsPath === undefined ? undefined : await readLabelsFile(labelsPath);
  if (labels && labels.length !== K.shape[0]) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${labelsPath}: has ${labels.length} labels, ${path} has ${K.shape[0]} rows`,
    );
  }
  const seconds = EIGENVALUE_SECONDS * K.shape[0] ** 3;
  if (seconds > 5) process.stderr.write(`the eigenvalues take about ${duration(1000 * seconds)}\n`);
  const report = concentration(K, qubits === undefined ? {} : { qubits });
  const alignment = labels && {
    target: targetAlignment(K, labels),
    centered: targetAlignment(K, labels, { centered: true }),
    offDiagonal: targetAlignment(K, labels, { centered: true, diagonal: false }),
  };
  await writePicture(plot, async () => (await import('../report/kernelCharts.js')).kernelPortrait(K, report));
  if (json) {
    // JSON has no Infinity: no number of shots is null.
    process.stdout.write(
      `${JSON.stringify({ ...report, spectrum: Array.from(report.spectrum), ...(alignment && { alignment }) })}\n`,
    );
    return;
  }
  const lines = describeReport(report);
  if (alignment) {
    lines.push([
      'alignment',
      `${figure(alignment.target)} with the labels, centred ${figure(alignment.centered)}, off the diagonal ${figure(alignment.offDiagonal)}`,
    ]);
  }
  for (const [name, text] of lines) process.stdout.write(`${name.padEnd(16)}${text}\n`);
}

function describeReport({
  samples,
  mean,
  variance,
  haar,
  spectrum,
  effectiveRank,
  shots,
  verdict,
}: ConcentrationReport) {
  const random = (value: number | undefined) => (value === undefined ? '' : ` (random states ${figure(value)})`);
  const [largest, smallest] = [spectrum[0], spectrum[spectrum.length - 1]];
  const lines: [name: string, text: string][] = [
    ['samples', String(samples)],
    [
      'off-diagonal',
      `mean ${figure(mean)}${random(haar?.mean)}, variance ${figure(variance)}${random(haar?.variance)}`,
    ],
    [
      'eigenvalues',
      `${figure(largest)} to ${figure(smallest)}${smallest < -1e-8 * largest ? ', not positive semi-definite' : ''}`,
    ],
    ['effective rank', `${effectiveRank.toFixed(1)} of ${samples}`],
    [
      'shots an entry',
      `${count(shots.toSeparate)} to tell entries apart, ${count(shots.toMeasure)} for the mean to 10 %`,
    ],
    ['verdict', verdict],
  ];
  return lines;
}

const figure = (value: number): string => String(Number(value.toPrecision(3)));
const count = (shots: number): string => (Number.isFinite(shots) ? shots.toLocaleString('en-US') : 'no number');

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return value;
}
