// Ours and the peers in turns, after a check that all give the same numbers, with a result page at the end:
//   npm run bench:peers -- [gram|gradient|reuploading|states|growth|file|training ...] [--quick] [--out FOLDER]
// Tables go to standard error, one JSON document to standard output; bench/peers/README.md tells the options.
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { ContestResult } from './contest.js';
import type { Context } from './jobs/context.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string' },
  },
});
const { quick } = values;
const threads = Number(values.threads);
const rounds = Number(values.rounds ?? (quick ? 3 : 7));
// Before the engine and TensorFlow are loaded: both read it once.
process.env.QRKD_THREADS = values.threads;
process.env.TF_NUM_INTRAOP_THREADS = values.threads;

const { prepare } = await import('./environment.js');
const { Context: PeerContext } = await import('./jobs/context.js');
const { folderName, merged, ownVersions, thisMachine } = await import('./document.js');
const { writePage } = await import('./page.js');
const { printContest } = await import('./tables.js');
const { file } = await import('./jobs/file.js');
const { forward } = await import('./jobs/forward.js');
const { gram } = await import('./jobs/gram.js');
const { gradient } = await import('./jobs/gradient.js');
const { growth } = await import('./jobs/growth.js');
const { reuploading } = await import('./jobs/reuploading.js');
const { states } = await import('./jobs/states.js');
const { NETWORK_NAMES, training } = await import('./jobs/training.js');
const { epoch } = await import('./jobs/epoch.js');
const { gpt2 } = await import('./jobs/gpt2.js');
const { independent } = await import('./jobs/independent.js');

type Held = (context: Context) => Promise<ContestResult>;
type Size = readonly [rows: number, qubits: number];

/** What a quick run leaves out is left out of the end. */
const some = <T>(all: readonly T[], inQuickRun: number): readonly T[] => (quick ? all.slice(0, inQuickRun) : all);

const GRAM: readonly Size[] = [[8, 8], [64, 8], [256, 10], [1024, 10], [1024, 12]]; // biome-ignore format: a table
const GRADIENT: readonly Size[] = [[64, 8], [256, 10]]; // biome-ignore format: a table
const FORWARD: readonly Size[] = [[64, 8], [256, 10]]; // biome-ignore format: a table
const STATES: readonly Size[] = [[16, 16], [1, 20], [1, 24]]; // biome-ignore format: a table
const SAMPLES = [256, 512, 1024, 2048, 4096, 8192, 16384].map((rows): Size => [rows, 10]);
const QUBITS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16].map((qubits): Size => [1024, qubits]);

/** A contest for each size. */
const each = (job: (context: Context, ...size: Size) => Promise<ContestResult>, sizes: readonly Size[]) =>
  sizes.map(
    (size): Held =>
      (context) =>
        job(context, ...size),
  );

const SUITES: Record<string, Held[]> = {
  gram: each(gram, some(GRAM, 3)),
  gradient: [...each(gradient, some(GRADIENT, 1)), ...each(forward, some(FORWARD, 1))],
  reuploading: [(context) => reuploading(context, 256)],
  states: each(states, some(STATES, 2)),
  growth: [
    (context) => growth(context, 'samples', some(SAMPLES, 4)),
    (context) => growth(context, 'qubits', some(QUBITS, 9)),
  ],
  file: [(context) => file(context, quick ? 10_000 : 60_000)],
  ...Object.fromEntries(
    NETWORK_NAMES.map((network): [string, Held[]] => [
      `training-${network}`,
      [(context) => training(context, network, 64)],
    ]),
  ),
  'training-epoch': [epoch],
  'training-gpt2': [
    (context) => gpt2(context, { layers: 4, width: 128 }),
    (context) => gpt2(context, { layers: 2, width: 64 }, { layers: 4, width: 128 }),
  ],
  'training-independent': [independent],
};

/** All suites of a name, or of its beginning: `training` is all that start with `training-`. */
const named = (name: string) => Object.keys(SUITES).filter((suite) => suite === name || suite.startsWith(`${name}-`));
const unknown = positionals.find((name) => named(name).length === 0);
if (unknown !== undefined) {
  console.error(`unknown suite "${unknown}" (known: ${Object.keys(SUITES).join(', ')}; training: all of its kind)`);
  process.exit(2);
}
const wanted = positionals.length > 0 ? [...new Set(positionals.flatMap(named))] : Object.keys(SUITES);

const machine = thisMachine();
const folder = values.out ?? path.join('bench', 'results', folderName(machine));
const context = new PeerContext({ ...prepare(values.python), threads, rounds });
const contests = [];
for (const suite of wanted) {
  for (const hold of SUITES[suite]!) {
    const at = `${new Date().toISOString().slice(0, 16)}`;
    const loadBefore = loadavg()[0]!;
    const contest = { ...(await hold(context)), at, loadBefore, quick };
    printContest(contest);
    contests.push(contest);
    // Written after each: a run is long, and may be stopped.
    const document = merged(folder, { machine, versions: { ...ownVersions(), ...context.versions }, contests });
    await writePage(folder, document);
  }
}
console.error(`\n${path.join(folder, 'index.html')}`);
console.log(JSON.stringify(contests));
