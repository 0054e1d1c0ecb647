import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import writeFileAtomic from 'write-file-atomic';
import { stringify } from 'yaml';
import { simdInfo } from '../engine/native.js';
import { startProgress } from '../progress.js';
import { comparisonNote, formatComparison } from '../study/comparisons.js';
import { parseConfig } from '../study/config.js';
import { runsCsv } from '../study/csv.js';
import { studyLatex } from '../study/latex.js';
import { capitalized, measureOf, testCounts } from '../study/measure.js';
import type { StudyMetrics } from '../study/metrics.js';
import { finishStudy } from '../study/outcome.js';
import { checkStudy, runStudy, runsFolder, type StudyOptions } from '../study/study.js';
import { formatTable, hasWords, WORD_COLUMN } from '../study/table.js';
import { tuneStudy } from '../study/tune.js';
import { collect } from './arguments.js';
import { checkFileFolder, checkFolder } from './folders.js';

export interface StudyCommandOptions {
  out: string;
  /** Folder of finished runs, to share between studies; default OUT/runs. */
  runs?: string;
  /** Folder for logs of the runs. */
  logs?: string;
  /** Files for the table in LaTeX, and for the runs as comma-separated values. */
  latex?: string;
  csv?: string;
  json?: boolean;
  title: string;
}

/** What a command needs to run studies: options for them, and Ctrl-C answered. */
interface Session {
  options: StudyOptions;
  /** Names what is trained next. */
  announce(title: string): void;
}

/** Runs studies with progress on stderr; interrupted, it says how to go on. */
export async function withStudySession<T>(
  { out, runs = runsFolder(out), logs, latex, csv }: Omit<StudyCommandOptions, 'json' | 'title'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  for (const [option, folder] of Object.entries({ '--out': out, '--runs': runs, '--logs': logs })) {
    if (folder !== undefined) checkFolder(folder, option);
  }
  for (const [option, file] of Object.entries({ '--latex': latex, '--csv': csv })) {
    if (file !== undefined) checkFileFolder(file, option);
  }
  const controller = new AbortController();
  // Not `once`: write-file-atomic watches for signals while it writes, and ends the process where it is the only listener
  // left, which it would be as soon as ours had removed itself.
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(
      new Error(`interrupted; the runs that are finished are kept in ${runs}, the same command goes on from there`),
    );
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // As many as the engine would use threads: QRKD_THREADS, else the processors that this process may use.
  const processes = simdInfo().threads;
  let title = '';
  let progress: ReturnType<typeof startProgress> | undefined;
  const announce = (next: string) => {
    progress?.stop();
    progress = undefined;
    title = next;
  };
  try {
    return await work({
      announce,
      options: {
        runs: resolve(runs),
        ...(logs !== undefined && { logs: resolve(logs) }),
        processes,
        signal: controller.signal,
        onProgress({ steps, totalSteps, runs: finished, totalRuns }) {
          if (!progress) {
            process.stderr.write(
              `qrkd: ${title}: training ${totalRuns - finished} of ${totalRuns} runs, processes of one thread: ${processes}\n`,
            );
            progress = startProgress('training', totalSteps, { unit: 'steps' });
          }
          progress.update(steps, `${finished}/${totalRuns} runs`);
        },
      },
    });
  } finally {
    progress?.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Options of every command that trains a study. */
export function studyOptions(command: Command): Command {
  return command
    .option('--set <key=value>', 'change a setting, for example student.width=16 (repeatable)', collect, [])
    .option('--runs <folder>', 'folder of finished runs, shared by studies (default: OUT/runs)')
    .option('--logs <folder>', 'write JSON lines and TensorBoard event files of the runs here')
    .option('--latex <file>', 'also write the table for a LaTeX document')
    .option('--csv <file>', 'also write a line for every run, comma-separated')
    .option('--json', 'one JSON document on standard output');
}

/** Writes those tables whose files were named. */
export async function writeTables(
  tables: Record<string, [file: string | undefined, text: () => string]>,
): Promise<void> {
  for (const [file, text] of Object.values(tables)) if (file !== undefined) await writeFileAtomic(file, text());
}

/**
 * Tunes and runs a study, writes its files, prints its table (or one JSON document).
 *
 * @param given the configuration as written; `where` names it in errors.
 */
export async function studyCommand(
  given: unknown,
  where: string,
  { out, runs, logs, latex, csv, json, title }: StudyCommandOptions,
): Promise<void> {
  const start = performance.now();
  parseConfig(given, where);
  const metrics = await withStudySession({ out, runs, logs, latex, csv }, async ({ options, announce }) => {
    const onStage = (methods: readonly string[]) => announce(`${title}, tuning ${methods.join(', ')}`);
    const { config, tuning } = await tuneStudy(given, where, { ...options, onStage });
    // Nothing is written for a study that cannot run.
    await checkStudy(config);
    // What is run from here on, with everything that was chosen or left to a default.
    mkdirSync(resolve(out), { recursive: true });
    await writeFileAtomic(join(out, 'config.yaml'), stringify(config));
    announce(title);
    const [finished] = await runStudy([config], options);
    announce('');
    process.stderr.write('qrkd: exporting, checking in onnxruntime, drawing the report\n');
    return finishStudy(config, finished, { out: resolve(out), title, start, tuning, ...options });
  });
  await writeTables({ latex: [latex, () => studyLatex(metrics)], csv: [csv, () => runsCsv(metrics)] });
  if (json) process.stdout.write(`${JSON.stringify(summary(metrics, out))}\n`);
  else process.stdout.write(`${describe(metrics, out)}\n`);
}

function summary({ runs: _, ...metrics }: StudyMetrics, out: string): object {
  return { out, ...metrics };
}

function describe(metrics: StudyMetrics, out: string): string {
  const { table, comparisons, exported, config, samples, seconds } = metrics;
  const seeds = config.seeds.length;
  const measure = measureOf(config);
  const { model, embedding } = config.student;
  const facts = [
    `${capitalized(measure.withUnit)}${hasWords(table) ? ` (${WORD_COLUMN}: of a word)` : ''}`,
    seeds === 1 ? 'one seed' : `mean ± standard deviation over ${seeds} seeds`,
    `${samples.train} training, ${samples.validation} validation, ${samples.test} test ${measure.samples}${testCounts(metrics)}`,
    ...(config.text && model === undefined ? [] : [model ?? `student's embedding: ${embedding}`]),
  ];
  const lines = [
    '',
    formatTable(table, measure),
    '',
    `${facts.join('; ')}.`,
    ...(seeds === 1 ? ['One seed shows that it runs, not which method is better.'] : []),
    ...comparisons.map((comparison) => formatComparison(comparison, measure)),
    ...(comparisons.some(({ p }) => p !== null) ? [comparisonNote(measure)] : []),
    '',
    ...[...(exported.teacher ? [exported.teacher] : []), exported.student].map(
      ({ file, method, seed, parameters, test, maxDifference }) =>
        `${out}/${file}: ${method}, seed ${seed}, ${parameters} parameters; ${test.correct} of ${test.samples} test ${measure.counted} ` +
        `right in tfjs, ${test.onnxruntimeCorrect} in onnxruntime (largest difference ${maxDifference.toExponential(1)}).`,
    ),
    `${out}/metrics.json, ${out}/report.html (${seconds.toFixed(0)} s)`,
  ];
  return lines.join('\n');
}
