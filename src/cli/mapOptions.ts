import { existsSync, readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Circuit } from '../circuits/circuit.js';
import { isUserError, QrkdRangeError, suggest } from '../errors.js';
import { readVectorFile } from '../files/index.js';
import { FEATURE_MAPS, type FeatureMap, type FeatureMapSpec, featureMap } from '../maps/index.js';

/** How each key of a specification is written on the command line; its default and its maps are those of the table of maps. */
const KEYS: Record<string, { argument: string; text: string; parse?: (text: string) => unknown }> = {
  reps: { argument: '<n>', text: 'repetitions of the circuit', parse: number },
  repeats: { argument: '<n>', text: 'repetitions of the circuit', parse: number },
  layers: { argument: '<n>', text: 'layers of the circuit', parse: number },
  qubits: { argument: '<n>', text: 'number of qubits', parse: number },
  degree: { argument: '<n>', text: 'qubits a feature, with growing multiples of the angle', parse: number },
  entanglement: {
    argument: '<name>',
    text: 'qubits that interact: a pattern, or JSON such as [[0,1],[1,2]]',
    parse: entanglement,
  },
  paulis: { argument: '<list>', text: 'Pauli strings with commas between them', parse: (text) => text.split(',') },
  alpha: { argument: '<number>', text: 'factor of the angles', parse: number },
  axis: { argument: '<X|Y|Z>', text: 'rotation axis' },
  localField: { argument: '<X|Y|Z>', text: 'axis of the trained rotations' },
  bandwidth: { argument: '<number>', text: 'multiplies the features first', parse: number },
};

/** Maps that a name alone describes; a circuit comes from a file. */
const MAP_NAMES: readonly string[] = FEATURE_MAPS.map((m) => m.type).filter((type) => type !== 'circuit');

/** What the options of `addMapOptions` parse to: the map, and the keys of {@link KEYS}. */
export interface MapOptions {
  map: string;
  bandwidth?: number;
  [key: string]: unknown;
}

/** Gives a command the options that choose a feature map, and the list of maps behind its help. */
export function addMapOptions(command: Command): Command {
  command.option(
    '--map <name|file>',
    `feature map (${MAP_NAMES.join(', ')}), a JSON file with a map or a circuit, or a .qasm file`,
    'zz',
  );
  for (const [key, { argument, text, parse }] of Object.entries(KEYS)) {
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const option = new Option(`--${flag} ${argument}`, `${text} (${takenBy(key)})`);
    command.addOption(parse ? option.argParser(parse) : option);
  }
  return command.addHelpText('after', () => `\nFeature maps:\n${FEATURE_MAPS.map(describeMap).join('\n')}\n`);
}

/** Gives a command the option that `readParameters` reads. */
export function addParametersOption(command: Command): Command {
  return command.option(
    '--parameters <file>',
    'values of a trainable map, in a list, row or column: .npy, .npz or .csv (default: zeros)',
  );
}

/** The maps that have a key, by its default: `zz, z: default 2; iqp: default 1`. */
function takenBy(key: string): string {
  const byDefault = new Map<string, string[]>();
  for (const { type, defaults } of FEATURE_MAPS) {
    if (!(key in defaults)) continue;
    const value = String(defaults[key] ?? 'as many as features');
    byDefault.set(value, [...(byDefault.get(value) ?? []), type]);
  }
  return [...byDefault].map(([value, types]) => `${types.join(', ')}: default ${value}`).join('; ');
}

function describeMap({ type, summary, formula, source }: (typeof FEATURE_MAPS)[number]): string {
  const indent = ' '.repeat(20);
  return `  ${type.padEnd(17)} ${summary}\n${indent}${formula}\n${indent}${source}`;
}

/** The feature map that the options ask for; the number of features is that of the data unless a file says otherwise. */
export function mapFromOptions(options: MapOptions, features?: number): FeatureMap {
  return featureMap(specification(options, features));
}

/**
 * The values in the file that --parameters names, or zeros.
 *
 * @throws RangeError where the file has another number of them than the map takes.
 */
export async function readParameters(path: string | undefined, map: FeatureMap): Promise<Float64Array> {
  if (path === undefined) return new Float64Array(map.parameters);
  const data = await readVectorFile(path);
  if (data.length !== map.parameters) {
    throw new QrkdRangeError(
      'ERR_QRKD_SHAPE',
      `--parameters ${path}: has ${data.length} numbers, the feature map takes ${map.parameters}`,
    );
  }
  return Float64Array.from(data);
}

function specification(options: MapOptions, features: number | undefined): FeatureMapSpec {
  const given = Object.fromEntries(
    Object.keys(KEYS)
      .filter((key) => options[key] !== undefined)
      .map((key) => [key, options[key]]),
  );
  if (MAP_NAMES.includes(options.map)) {
    return { type: options.map, features, ...given } as FeatureMapSpec;
  }
  if (!existsSync(options.map)) {
    const what = /\.(json|qasm)$/i.test(options.map)
      ? 'no such file'
      : options.map === 'circuit'
        ? 'name a JSON or .qasm file with the circuit instead'
        : `no such feature map${suggest(options.map, MAP_NAMES)}`;
    throw new QrkdRangeError('ERR_QRKD_VALUE', `--map ${options.map}: ${what}`);
  }
  return { ...fromFile(options.map, features), ...given };
}

/** A specification, or one around a circuit, of a JSON or OpenQASM file. */
function fromFile(path: string, features: number | undefined): FeatureMapSpec {
  try {
    const text = readFileSync(path, 'utf8');
    if (/\.qasm$/i.test(path)) return { type: 'circuit', circuit: Circuit.fromQasm(text) };
    const json = JSON.parse(text);
    if (typeof json !== 'object' || json === null) throw new Error('holds neither a feature map nor a circuit');
    if ('operations' in json) return { type: 'circuit', circuit: Circuit.fromJSON(json) };
    return json.type === 'circuit' ? json : { features, ...json };
  } catch (error) {
    const code = isUserError(error) ? error.code : 'ERR_QRKD_FORMAT';
    throw new QrkdRangeError(code, `--map ${path}: ${(error as Error).message}`);
  }
}

/** A finite number of the command line. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

function entanglement(text: string): string | number[][] {
  if (!text.startsWith('[')) return text;
  try {
    return JSON.parse(text) as number[][];
  } catch {
    throw new InvalidArgumentError('expected a pattern or a JSON list of pairs.');
  }
}
