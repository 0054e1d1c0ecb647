import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { formatComparison } from '../study/comparisons.js';
import { parseConfig } from '../study/config.js';
import { sweepCsv } from '../study/csv.js';
import { sweepLatex } from '../study/latex.js';
import { measureOf, signNote } from '../study/measure.js';
import type { SweepMetrics } from '../study/metrics.js';
import { applySettings, parseValues, readConfigFile, splitSetting } from '../study/settings.js';
import { runStudy } from '../study/study.js';
import { finishSweep, sweepVariants } from '../study/sweep.js';
import { formatTable } from '../study/table.js';
import { collect } from './arguments.js';
import { studyOptions, withStudySession, writeTables } from './study.js';

const NOTES = `
Examples, from the configuration that a study left behind:

  qrkd sweep --config qrkd-mnist/config.yaml --runs qrkd-mnist/runs --over student.width=4,16,64
  qrkd sweep --config qrkd-mnist/config.yaml --over 'methods.*.kernels.*.bandwidth=0.03,0.1,0.3,1'

  qrkd sweep --config qrkd-mnist/config.yaml --over samples+student.epochs=[1000,60],[6000,10]

A * stands for every key that is there; keys joined by + change together. Several --over are combined, each value with each. Runs that values have in common, or
that the folder of --runs already has, are done once.`;

/** `qrkd sweep`: the same study for several values of a configuration's key. */
export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description('The same study for several values of any key of its configuration, paired by seed.')
    .requiredOption('--config <file>', 'required: configuration, YAML or JSON')
    .requiredOption(
      '--over <key=values>',
      'required: a key and its values, for example student.width=4,16,64',
      collect,
      [],
    )
    .option('--out <folder>', 'folder for the results', 'qrkd-sweep');
  return studyOptions(command)
    .addHelpText('after', NOTES)
    .action(async ({ config: file, over, set, out, runs, logs, latex, csv, json }) => {
      const where = `config ${file}`;
      const base = parseConfig(applySettings(readConfigFile(file), set), where);
      const keys = (over as string[]).map((setting) => {
        const [path, values] = splitSetting(setting, '--over');
        return { path, values: parseValues(values, `--over ${setting}`) };
      });
      const variants = sweepVariants(base, keys, where);
      const named = keys.map(({ path }) => path).join(', ');
      const title = `sweep over ${named}, ${basename(file)}`;
      const metrics = await withStudySession({ out, runs, logs, latex, csv }, async ({ options, announce }) => {
        announce(title);
        const finished = await runStudy(
          variants.map(({ config }) => config),
          options,
        );
        return finishSweep(base, variants, finished, { out: resolve(out), title, over: named });
      });
      await writeTables({ latex: [latex, () => sweepLatex(metrics)], csv: [csv, () => sweepCsv(metrics)] });
      if (json) process.stdout.write(`${JSON.stringify({ out, ...metrics, runs: undefined })}\n`);
      else process.stdout.write(`${describe(metrics, out)}\n`);
    });
}

function describe({ over, points, config }: SweepMetrics, out: string): string {
  const measure = measureOf(config);
  const compared = points.some(({ comparisons }) => comparisons.length > 0);
  return [
    ...points.map(({ value, table, comparisons }) =>
      [
        '',
        `${over} = ${value}`,
        formatTable(table, measure),
        ...comparisons.map((c) => `${formatComparison(c, measure)}.`),
      ].join('\n'),
    ),
    ...(compared ? ['', signNote(measure)] : []),
    '',
    `${out}/sweep.json, ${out}/report.html`,
  ].join('\n');
}
