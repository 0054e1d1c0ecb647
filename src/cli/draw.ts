import { extname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import writeFileAtomic from 'write-file-atomic';
import type { Circuit } from '../circuits/circuit.js';
import { QrkdRangeError } from '../errors.js';
import { STDOUT } from '../files/index.js';
import { FEATURE_MAPS } from '../maps/index.js';
import { addMapOptions, addParametersOption, type MapOptions, mapFromOptions, readParameters } from './mapOptions.js';

const FORMATS = ['text', 'svg', 'qasm', 'qasm2'] as const;
type Format = (typeof FORMATS)[number];
const FORMAT_OF_ENDING: Readonly<Record<string, Format>> = { '.txt': 'text', '.svg': 'svg', '.qasm': 'qasm' };

interface Options extends MapOptions {
  features?: number;
  x?: number[];
  parameters?: string;
  format?: Format;
  width?: number;
  out: string;
}

/** `qrkd draw`: the circuit of a feature map as text, SVG or OpenQASM. */
export function drawCommand(): Command {
  const command = new Command('draw')
    .summary('the circuit of a feature map as text, SVG or OpenQASM')
    .description('Draws the circuit of a feature map, or of a .qasm file, or writes it as OpenQASM.')
    .option('--features <n>', 'features of a sample (a file of --map may say it)', whole)
    .option('--x <list>', 'a sample: numbers with commas between them, put in for x0, x1, ...', list)
    .addOption(
      new Option('--format <kind>', 'default: by the ending of --out, else text; qasm is OpenQASM 3').choices(FORMATS),
    )
    .option('--width <n>', 'of a line: characters (text), pixels (svg); default: the terminal, 100 or 1000', whole)
    .option('--out <file>', '.txt, .svg or .qasm; - is standard output', STDOUT);
  return addMapOptions(addParametersOption(command)).action(run);
}

async function run(options: Options): Promise<void> {
  const { out, x, parameters } = options;
  const format = options.format ?? formatOf(out);
  if (options.features === undefined && FEATURE_MAPS.some(({ type }) => type === options.map)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `--map ${options.map}: needs --features, the number of features`);
  }
  const map = mapFromOptions(options, options.features);
  if (options.features !== undefined && options.features !== map.features) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `--features ${options.features}: --map ${options.map} takes ${map.features}`,
    );
  }
  if (!map.circuit) throw new QrkdRangeError('ERR_QRKD_UNSUPPORTED', `--map ${options.map}: this map has no circuit`);
  const bound = x || parameters ? map.circuit.bind(x ?? [], await readParameters(parameters, map)) : map.circuit;
  const text = write(bound, format, options, `Feature map ${map.type}`);
  if (out !== STDOUT) await writeFileAtomic(out, text);
  else process.stdout.write(text);
}

function write(circuit: Circuit, format: Format, { width, out }: Options, title: string): string {
  if (format === 'svg') return circuit.svg({ title, ...(width !== undefined && { width }) });
  if (format === 'text') {
    const terminal = out === STDOUT && process.stdout.isTTY ? Math.max(20, process.stdout.columns) : undefined;
    return circuit.draw({ width: width ?? terminal ?? 100 });
  }
  return circuit.toQasm({ version: format === 'qasm' ? 3 : 2 });
}

function formatOf(out: string): Format {
  if (out === STDOUT) return 'text';
  const format = FORMAT_OF_ENDING[extname(out).toLowerCase()];
  if (format) return format;
  const known = Object.keys(FORMAT_OF_ENDING).join(', ');
  throw new QrkdRangeError('ERR_QRKD_FILE', `--out ${out}: unknown ending; expected ${known}, or give --format`);
}

function whole(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a whole number of at least 1.');
  }
  return value;
}

function list(text: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (numbers.every(Number.isFinite)) return numbers;
  throw new InvalidArgumentError('expected numbers with commas between them.');
}
