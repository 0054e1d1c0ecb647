import { existsSync, readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { QrkdRangeError, suggest } from '../errors.js';
import { FEATURE_MAPS, type FeatureMap, type FeatureMapSpec, featureMap } from '../maps/index.js';

/** What the options of `addMapOptions` parse to. */
export interface MapOptions {
  map: string;
  reps?: number;
  repeats?: number;
  entanglement?: string | [number, number][];
  alpha?: number;
  bandwidth?: number;
  axis?: string;
}

/** Gives a command the options that choose a feature map, and the list of maps behind its help. */
export function addMapOptions(command: Command): Command {
  return command
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
    .addHelpText('after', () => `\nFeature maps:\n${FEATURE_MAPS.map(describeMap).join('\n')}\n`);
}

function describeMap({ type, summary, formula, source }: (typeof FEATURE_MAPS)[number]): string {
  return `  ${type.padEnd(10)} ${summary}\n             ${formula}\n             ${source}`;
}

/** The feature map that the options ask for; the number of features is that of the data unless a file says otherwise. */
export function mapFromOptions(options: MapOptions, features: number): FeatureMap {
  return featureMap(specification(options, features));
}

function specification(options: MapOptions, features: number): FeatureMapSpec {
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

/** A finite number of the command line. */
export function number(text: string): number {
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
