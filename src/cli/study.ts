import { resolve } from 'node:path';
import { simdInfo } from '../engine/native.js';
import { startProgress } from '../progress.js';
import { formatComparison } from '../study/comparisons.js';
import type { StudyConfig } from '../study/config.js';
import type { StudyMetrics } from '../study/metrics.js';
import { finishStudy } from '../study/outcome.js';
import { runStudy } from '../study/study.js';
import { formatTable } from '../study/table.js';

export interface StudyCommandOptions {
  out: string;
  json?: boolean;
  title: string;
}

/** Runs a study with a progress bar on stderr, writes its files, prints its table (or one JSON document). */
export async function studyCommand(config: StudyConfig, { out, json, title }: StudyCommandOptions): Promise<void> {
  const start = performance.now();
  const folder = resolve(out);
  const controller = new AbortController();
  // Not `once`: write-file-atomic watches for signals while it writes, and ends the process where it is the only listener
  // left, which it would be as soon as ours had removed itself.
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(
      new Error(`interrupted; the runs that are finished are kept in ${out}, the same command goes on from there`),
    );
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // As many as the engine would use threads: QRKD_THREADS, else the processors that this process may use.
  const processes = simdInfo().threads;

  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const runs = await runStudy(config, {
      out: folder,
      processes,
      signal: controller.signal,
      onProgress({ steps, totalSteps, runs: finished, totalRuns }) {
        if (!progress) {
          process.stderr.write(
            `qrkd: ${title}: ${totalRuns - finished} models on ${processes} processes of one thread each\n`,
          );
          progress = startProgress('training', totalSteps, { unit: 'steps' });
        }
        progress.update(steps, `${finished}/${totalRuns} runs`);
      },
    });
    progress?.stop();
    progress = undefined;
    process.stderr.write('qrkd: exporting, checking in onnxruntime, drawing the report\n');
    const metrics = await finishStudy(config, runs, { out: folder, title, start, processes });
    if (json) process.stdout.write(`${JSON.stringify(summary(metrics, out))}\n`);
    else process.stdout.write(`${describe(metrics, out)}\n`);
  } finally {
    progress?.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function summary({ runs: _, ...metrics }: StudyMetrics, out: string): object {
  return { out, ...metrics };
}

function describe(metrics: StudyMetrics, out: string): string {
  const { table, comparisons, exported, config, samples, seconds } = metrics;
  const seeds = config.seeds.length;
  const lines = [
    '',
    formatTable(table),
    '',
    `Per cent; ${seeds === 1 ? 'one seed' : `mean ± standard deviation over ${seeds} seeds`}; ` +
      `${samples.train} training, ${samples.validation} validation, ${samples.test} test samples; ` +
      `${config.student.model ?? `student's embedding: ${config.student.embedding}`}.`,
    ...(seeds === 1 ? ['One seed shows that it runs, not which method is better.'] : []),
    ...comparisons.map((comparison) => `${formatComparison(comparison)}.`),
    '',
    ...[exported.teacher, exported.student].map(
      ({ file, method, seed, parameters, test, maxDifference }) =>
        `${out}/${file}: ${method}, seed ${seed}, ${parameters} parameters; ${test.correct} of ${test.samples} test samples ` +
        `right in tfjs, ${test.onnxruntimeCorrect} in onnxruntime (largest difference ${maxDifference.toExponential(1)}).`,
    ),
    `${out}/metrics.json, ${out}/report.html (${seconds.toFixed(0)} s)`,
  ];
  return lines.join('\n');
}
