import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { simdInfo } from '../engine/native.js';
import type { Precision } from '../engine/types.js';
import { QrkdRangeError, suggest } from '../errors.js';
import { checkMatrixOutput, readMatrixFile, STDOUT, writeMatrixFile } from '../files/index.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { FEATURE_MAPS, type FeatureMapSpec, featureMap } from '../maps/index.js';
import { startProgress } from '../progress.js';

interface Options {
  map: string;
  reps?: number;
  repeats?: number;
  entanglement?: string | [number, number][];
  alpha?: number;
  bandwidth?: number;
  axis?: string;
  precision: Precision;
  out: string;
  json?: boolean;
}

/** `qrkd kernel`: the fidelity kernel matrix of samples in a file. */
export function kernelCommand(): Command {
  return new Command('kernel')
    .summary('the fidelity kernel matrix of the samples in a .npy or .csv file')
    .description('Writes the kernel matrix K[i][j] = |<psi(y_j)|psi(x_i)>|^2 of the rows of X, or of X against Y.')
    .argument('<X>', 'samples by rows: .npy, or .csv without header')
    .argument('[Y]', 'other samples: the cross matrix [X rows, Y rows]')
    .option(
      '--map <name|file>',
      `feature map (${FEATURE_MAPS.map((m) => m.type).join(', ')}), or a JSON file with one`,
      'zz',
    )
    .option('--reps <n>', 'repetitions of the circuit (zz, z; default 2)', number)
    .option('--repeats <n>', 'repetitions of the circuit (iqp; default 1)', number)
    .option('--entanglement <name>', 'pairs that interact (zz): a pattern, or JSON such as [[0,1],[1,2]]', entanglement)
    .option('--alpha <number>', 'factor of the angles (zz, z; default 2)', number)
    .option('--bandwidth <number>', 'multiplies the features first (default 1)', number)
    .option('--axis <X|Y|Z>', 'rotation axis (angle; default X)')
    .addOption(
      new Option('--precision <type>', 'of the computation and the result')
        .choices(['float32', 'float64'])
        .default('float64'),
    )
    .requiredOption('--out <file>', '.npy or .csv; - writes CSV to standard output')
    .option('--json', 'describe the result as one JSON document on standard output')
    .addHelpText('after', () => `\nFeature maps:\n${FEATURE_MAPS.map(describeMap).join('\n')}\n`)
    .action(run);
}

function describeMap({ type, summary, formula, source }: (typeof FEATURE_MAPS)[number]): string {
  return `  ${type.padEnd(10)} ${summary}\n             ${formula}\n             ${source}`;
}

async function run(xPath: string, yPath: string | undefined, options: Options): Promise<void> {
  if (options.json && options.out === STDOUT) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', '--json and --out - both want standard output; give --out a file');
  }
  await checkMatrixOutput(options.out);
  for (const input of [xPath, yPath]) {
    if (input !== undefined && options.out !== STDOUT && resolve(input) === resolve(options.out)) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `--out ${options.out} is an input; the matrix would replace it`);
    }
  }
  const X = await readMatrixFile(xPath);
  const Y = yPath === undefined ? undefined : await readMatrixFile(yPath);
  const map = featureMap(specification(options, X.shape[1]));
  for (const [path, matrix] of [
    [xPath, X],
    [yPath, Y],
  ] as const) {
    if (matrix && matrix.shape[1] !== map.features) {
      throw new QrkdRangeError(
        'ERR_QRKD_SHAPE',
        `${path}: has ${matrix.shape[1]} columns, the feature map takes ${map.features}`,
      );
    }
  }
  const kernel = new FidelityKernel(map, { precision: options.precision });
  const progress = startProgress('kernel', 100, { unit: '%' });
  const start = performance.now();
  try {
    const K = await kernel.matrixAsync(X, Y, { onProgress: (fraction) => progress.update(Math.round(100 * fraction)) });
    const seconds = (performance.now() - start) / 1000;
    progress.stop();
    await writeMatrixFile(options.out, K);
    const result = {
      out: options.out,
      shape: K.shape,
      precision: kernel.precision,
      map: map.toJSON(),
      seconds,
      ...simdInfo(),
    };
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else
      process.stderr.write(
        `${options.out === STDOUT ? 'standard output' : options.out}: ${K.shape.join(' x ')} in ${seconds.toFixed(2)} s\n`,
      );
  } catch (error) {
    progress.stop();
    throw error;
  }
}

/** The map's specification from --map and the options that were given; the number of features is that of the data. */
function specification(options: Options, features: number): FeatureMapSpec {
  const { reps, repeats, entanglement, alpha, bandwidth, axis } = options;
  const given = Object.fromEntries(
    Object.entries({ reps, repeats, entanglement, alpha, bandwidth, axis }).filter(([, value]) => value !== undefined),
  );
  const types = FEATURE_MAPS.map((m) => m.type as string);
  if (types.includes(options.map)) return { type: options.map, features, ...given } as FeatureMapSpec;
  if (!existsSync(options.map)) {
    const what = /\.json$/i.test(options.map) ? 'no such file' : `no such feature map${suggest(options.map, types)}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `--map ${options.map}: ${what}`);
  }
  try {
    return { features, ...JSON.parse(readFileSync(options.map, 'utf8')), ...given };
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `--map ${options.map}: ${(error as Error).message}`);
  }
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

function entanglement(text: string): string | [number, number][] {
  if (!text.startsWith('[')) return text;
  try {
    return JSON.parse(text) as [number, number][];
  } catch {
    throw new InvalidArgumentError('expected a pattern or a JSON list of pairs.');
  }
}
