import { Argument, Command } from 'commander';
import { DATASETS, reproduceConfig } from '../study/reproduce.js';
import { applySettings } from '../study/settings.js';
import { wholeNumber } from './arguments.js';
import { studyCommand, studyOptions } from './study.js';

const NOTES = `
Every row that has something to choose is tuned first: nine candidates each, on tuning seeds of their own, by validation
accuracy alone. Then every seed trains one teacher and one student a row, from the same first weights and batches.

Runs are kept in OUT/runs: interrupted, or asked for more seeds, the same command goes on from there.`;

/** `qrkd reproduce`: the paper's table on one data set, tuned, over seeds. */
export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .description(
      "The paper's table on a data set: teacher, scratch, KD, RKD, QRKD with several maps, classical controls.",
    )
    .addArgument(new Argument('<dataset>', 'what to train on').choices(DATASETS))
    .option(
      '--data <folder>',
      "folder with the data set's files (default: where `qrkd data fetch` puts them; mnist: 10,000 installed digits)",
    )
    .option('--seeds <n>', 'number of seeds (default: 10, with --quick 2)', wholeNumber)
    .option('--quick', 'a first look in minutes: 2,048 samples, two epochs, nothing tuned')
    .option('--out <folder>', 'folder for the results (default: qrkd-DATASET)');
  return studyOptions(command)
    .addHelpText('after', NOTES)
    .action(async (dataset, { data, seeds, quick = false, set, out = `qrkd-${dataset}`, ...options }) => {
      const config = reproduceConfig(dataset, { seeds: seeds ?? (quick ? 2 : 10), quick });
      const given = applySettings(data === undefined ? config : { ...config, data: folderOf(dataset, data) }, set);
      const title = `${quick ? 'quick ' : ''}reproduction, ${dataset}`;
      await studyCommand(given, `reproduce ${dataset}`, { out, ...options, title });
    });
}

function folderOf(dataset: (typeof DATASETS)[number], folder: string): object {
  return dataset === 'cifar10' ? { cifar10: folder } : { idx: folder };
}
