import { extname, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { simdInfo } from '../engine/native.js';
import type { Matrix, Precision } from '../engine/types.js';
import { QrkdRangeError } from '../errors.js';
import {
  checkMatrixOutput,
  checkMatrixSize,
  matrixFileOf,
  readMatrixFile,
  STDOUT,
  writeMatrixFile,
} from '../files/index.js';
import { FidelityKernel } from '../kernels/FidelityKernel.js';
import { startProgress } from '../progress.js';
import { addDeviceOptions, type DeviceFlags, deviceFromOptions } from './deviceOptions.js';
import { withFileProgress } from './kernelFile.js';
import { kernelMergeCommand } from './kernelMerge.js';
import { addMapOptions, addParametersOption, type MapOptions, mapFromOptions, readParameters } from './mapOptions.js';

interface Options extends MapOptions, DeviceFlags {
  parameters?: string;
  precision: Precision;
  out: string;
  memory?: string;
  resume?: boolean;
  shard?: string;
  json?: boolean;
}

/** From here on a matrix is written in tiles, so that it can be stopped and resumed. */
const LARGE_BYTES = 2 ** 28;

/** `qrkd kernel`: the fidelity kernel matrix of samples in a file. */
export function kernelCommand(): Command {
  const command = new Command('kernel')
    .summary('the fidelity kernel matrix of the samples in a .npy, .npz or .csv file')
    .description('Writes the kernel matrix K[i][j] = |<psi(y_j)|psi(x_i)>|^2 of the rows of X, or of X against Y.')
    .argument('<X>', 'samples by rows: .npy, .npz (file.npz:name where it has several arrays), or .csv without header')
    .argument('[Y]', 'other samples: the cross matrix [X rows, Y rows]');
  return addDeviceOptions(addParametersOption(addMapOptions(command)))
    .addOption(
      new Option('--precision <type>', 'of the computation and the result')
        .choices(['float32', 'float64'])
        .default('float64'),
    )
    .option('--out <file>', 'required: .npy, .npz (array K) or .csv; - writes CSV to standard output')
    .option('--memory <size>', "for a large matrix, such as 4GiB (default: a quarter of the machine's)")
    .option('--resume', 'go on with what an earlier run of a large matrix has left (default)')
    .option('--no-resume', 'start a large matrix anew')
    .option('--shard <i/n>', 'compute the i-th of n parts, for `qrkd kernel merge`')
    .option('--json', 'describe the result as one JSON document on standard output')
    .addCommand(kernelMergeCommand())
    .action(run);
}

async function run(xPath: string, yPath: string | undefined, options: Options, command: Command): Promise<void> {
  // Commander would want its own required options for `kernel merge` too.
  if (options.out === undefined) command.error("error: required option '--out <file>' not specified");
  if (options.json && options.out === STDOUT) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', '--json and --out - both want standard output; give --out a file');
  }
  await checkMatrixOutput(options.out);
  const { memory, shard, resume } = options;
  const tiled = memory !== undefined || shard !== undefined || resume !== undefined;
  const npy = extname(options.out).toLowerCase() === '.npy';
  if (tiled && !npy) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `--out ${options.out}: a matrix is written in tiles (--memory, --resume, --shard) to .npy only`,
    );
  }
  for (const input of [xPath, yPath]) {
    if (input !== undefined && options.out !== STDOUT && resolve(matrixFileOf(input)) === resolve(options.out)) {
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
  const device = deviceFromOptions(options);
  const kernel = new FidelityKernel(map, { precision: options.precision, ...device });
  kernel.parameters.set(await readParameters(options.parameters, map));
  const start = performance.now();
  const entries = X.shape[0] * (Y ?? X).shape[0];
  const bytes = entries * (kernel.precision === 'float32' ? 4 : 8);
  checkMatrixSize(options.out, bytes);
  const large = npy && (tiled || bytes >= LARGE_BYTES);
  const out = large
    ? await withFileProgress('kernel', (watch) =>
        kernel.matrixToFile(options.out, X, Y, { ...watch, memory, resume, shard }),
      )
    : await wholeMatrix(kernel, X, Y, options.out);
  const seconds = (performance.now() - start) / 1000;
  const { shape } = out;
  const path = out.path === STDOUT ? 'standard output' : out.path;
  if (options.json) {
    const result = {
      ...out,
      out: out.path,
      precision: kernel.precision,
      map: map.toJSON(),
      ...device,
      seconds,
      ...simdInfo(),
    };
    process.stdout.write(`${JSON.stringify({ ...result, path: undefined })}\n`);
  } else {
    process.stderr.write(
      `${path}: ${shard === undefined ? '' : `shard ${shard} of `}${shape.join(' x ')} in ${seconds.toFixed(2)} s\n`,
    );
  }
}

async function wholeMatrix(
  kernel: FidelityKernel,
  X: Matrix,
  Y: Matrix | undefined,
  path: string,
): Promise<{ path: string; shape: [number, number] }> {
  const progress = startProgress('kernel', 100, { unit: '%' });
  try {
    const K = await kernel.matrixAsync(X, Y, { onProgress: (fraction) => progress.update(Math.round(100 * fraction)) });
    progress.stop();
    await writeMatrixFile(path, K);
    return { path, shape: K.shape };
  } catch (error) {
    progress.stop();
    throw error;
  }
}
