import { Command, InvalidArgumentError, Option } from 'commander';
import { type TuneOptions, type TuneResult, tuneBandwidth } from '../analysis/tuneBandwidth.js';
import type { Precision } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import { readLabelsFile, readMatrixFile } from '../files/index.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { startProgress } from '../progress.js';
import { addMapOptions, addParametersOption, type MapOptions, mapFromOptions, readParameters } from './mapOptions.js';
import { checkPicture, writePicture } from './pictures.js';

interface Options extends MapOptions {
  parameters?: string;
  labels?: string;
  by?: 'alignment' | 'spread';
  method: 'grid' | 'gradient';
  bandwidths?: number[];
  precision: Precision;
  plot?: string;
  json?: boolean;
}

/** `qrkd tune`: the bandwidth at which a kernel tells most about the samples in a file. */
export function tuneCommand(): Command {
  const command = new Command('tune')
    .summary('the bandwidth at which a kernel tells most about the samples in a file')
    .description(
      'Scores bandwidths of the fidelity kernel by its alignment with labels, or by the spread of its entries, and names the best.',
    )
    .argument('<X>', 'samples by rows: .npy, .npz or .csv')
    .option('--labels <file>', 'one class label a sample: .npy, .npz, or .csv with a number or name a line')
    .addOption(
      new Option('--by <score>', 'what is maximised (default: alignment if there are labels)').choices([
        'alignment',
        'spread',
      ]),
    )
    .addOption(
      new Option('--method <how>', 'score a grid, or go on from its best with the exact gradient')
        .choices(['grid', 'gradient'])
        .default('grid'),
    )
    .option('--bandwidths <list>', 'numbers with commas between them (default 0.01 to 10)', list)
    .addOption(
      new Option('--precision <type>', 'of the computation').choices(['float32', 'float64']).default('float64'),
    )
    .option('--plot <file.svg>', 'draw the scores')
    .option('--json', 'print everything as one JSON document');
  addParametersOption(addMapOptions(command)).action(run);
  // What is sought is no option to show; given all the same, it is refused with a hint.
  command.options.find(({ long }) => long === '--bandwidth')?.hideHelp();
  return command;
}

async function run(path: string, options: Options): Promise<void> {
  if (options.bandwidth !== undefined) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', '--bandwidth is what is sought; give --bandwidths, the list to try');
  }
  await checkPicture('--plot', options.plot);
  const X = await readMatrixFile(path);
  const map = mapFromOptions(options, X.shape[1]);
  if (X.shape[1] !== map.features) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${path}: has ${X.shape[1]} columns, the feature map takes ${map.features}`,
    );
  }
  const labels = options.labels === undefined ? undefined : await readLabelsFile(options.labels);
  if (labels && labels.length !== X.shape[0]) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `${options.labels}: has ${labels.length} labels, ${path} has ${X.shape[0]} rows`,
    );
  }
  const { by, method, bandwidths } = options;
  const settings: TuneOptions = {
    method,
    ...(labels && { labels }),
    ...(by && { by }),
    ...(bandwidths && { bandwidths }),
  };
  const kernel = new FidelityKernel(map, { precision: options.precision });
  kernel.parameters.set(await readParameters(options.parameters, map));
  const progress = startProgress('tune', 100, { unit: '%' });
  let result: TuneResult;
  try {
    result = await tuneBandwidth(kernel, X, {
      ...settings,
      onProgress: (fraction) => progress.update(Math.round(100 * fraction)),
    });
  } finally {
    progress.stop();
  }
  await writePicture(options.plot, result.plot);
  print(result, options.json === true);
}

function print({ bandwidth, score, by, atEdge, table }: TuneResult, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ bandwidth, score, by, atEdge, table })}\n`);
    return;
  }
  const row = (cells: readonly string[]) => `${cells.map((cell) => cell.padStart(10)).join('')}\n`;
  const digits = (value: number) => value.toPrecision(4);
  process.stdout.write(row(['bandwidth', by, 'mean', 'deviation']));
  for (const { bandwidth, score, mean, deviation } of table) {
    process.stdout.write(row([digits(bandwidth), score.toFixed(4), mean.toFixed(4), deviation.toFixed(4)]));
  }
  process.stdout.write(`best bandwidth ${digits(bandwidth)} (${by} ${score.toFixed(4)})\n`);
  if (atEdge) process.stderr.write('the best lies at the edge of what was tried; try --bandwidths beyond it\n');
}

function list(text: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (numbers.every((n) => Number.isFinite(n) && n > 0)) return numbers;
  throw new InvalidArgumentError('expected positive numbers with commas between them.');
}
