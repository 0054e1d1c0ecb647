import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { simdInfo } from '../engine/native.js';
import type { Precision } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import { checkMatrixOutput, readMatrixFile, STDOUT, writeMatrixFile } from '../files/index.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { startProgress } from '../progress.js';
import { addMapOptions, type MapOptions, mapFromOptions } from './mapOptions.js';

interface Options extends MapOptions {
  precision: Precision;
  out: string;
  json?: boolean;
}

/** `qrkd kernel`: the fidelity kernel matrix of samples in a file. */
export function kernelCommand(): Command {
  const command = new Command('kernel')
    .summary('the fidelity kernel matrix of the samples in a .npy or .csv file')
    .description('Writes the kernel matrix K[i][j] = |<psi(y_j)|psi(x_i)>|^2 of the rows of X, or of X against Y.')
    .argument('<X>', 'samples by rows: .npy, or .csv without header')
    .argument('[Y]', 'other samples: the cross matrix [X rows, Y rows]');
  return addMapOptions(command)
    .addOption(
      new Option('--precision <type>', 'of the computation and the result')
        .choices(['float32', 'float64'])
        .default('float64'),
    )
    .requiredOption('--out <file>', '.npy or .csv; - writes CSV to standard output')
    .option('--json', 'describe the result as one JSON document on standard output')
    .action(run);
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
  const map = mapFromOptions(options, X.shape[1]);
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
