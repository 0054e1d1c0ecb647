import { Argument, Command } from 'commander';
import { QrkdRangeError } from '../errors.js';
import type { StudyConfigInput } from '../study/config.js';
import { DATASETS, type Dataset, reproduceConfig } from '../study/reproduce.js';
import { isTextSet, reproduceTextConfig, TEXT_SETS, type TextSetName } from '../study/reproduceText.js';
import { applySettings } from '../study/settings.js';
import { wholeNumber } from './arguments.js';
import { studyCommand, studyOptions } from './study.js';

const NOTES = `
Every row that has something to choose is tuned first, on tuning seeds of their own, by the validation part alone: nine
candidates each for images, three for texts. Then every seed trains one teacher and one student a row, from the same first weights and batches.

Runs are kept in OUT/runs: interrupted, or asked for more seeds, the same command goes on from there.`;

/** `qrkd reproduce`: the paper's table on one data set, tuned, over seeds. */
export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .description(
      "The paper's table on images or text: teacher, scratch, KD, RKD, QRKD with several maps, classical controls.",
    )
    .addArgument(new Argument('<dataset>', 'what to train on').choices([...DATASETS, ...TEXT_SETS]))
    .option(
      '--data <folder>',
      "folder with the data set's files (default: where `qrkd data fetch` puts them; mnist: 10,000 installed digits)",
    )
    .option(
      '--teacher <folder>',
      "texts: a GPT-2 in transformers' files that is the teacher as it is (--set teacher.fineTune=true: trained on the data first)",
    )
    .option('--student <folder>', 'texts: a GPT-2 that every student begins as')
    .option('--seeds <n>', 'number of seeds (default: 10, for texts 5, with --quick 2)', wholeNumber)
    .option('--quick', 'a first look in minutes: 2,048 images or 256 texts, two epochs, nothing tuned')
    .option('--out <folder>', 'folder for the results (default: qrkd-DATASET)');
  return studyOptions(command)
    .addHelpText('after', NOTES)
    .action(
      async (dataset, { data, teacher, student, seeds, quick = false, set, out = `qrkd-${dataset}`, ...options }) => {
        const config = configOf(dataset, { data, teacher, student, seeds, quick });
        const given = applySettings(config, set);
        const title = `${quick ? 'quick ' : ''}reproduction, ${dataset}`;
        await studyCommand(given, `reproduce ${dataset}`, { out, ...options, title });
      },
    );
}

interface Choices {
  data?: string;
  teacher?: string;
  student?: string;
  seeds?: number;
  quick: boolean;
}

function configOf(dataset: Dataset | TextSetName, { data, teacher, student, seeds, quick }: Choices): StudyConfigInput {
  const full = isTextSet(dataset) ? 5 : 10;
  const size = { seeds: seeds ?? (quick ? 2 : full), quick };
  const models = { ...(teacher !== undefined && { teacher }), ...(student !== undefined && { student }) };
  if (!isTextSet(dataset) && Object.keys(models).length > 0) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `reproduce ${dataset}: --teacher and --student are for texts; for images use --set teacher.model=FOLDER`,
    );
  }
  const config = isTextSet(dataset)
    ? reproduceTextConfig(dataset, { ...size, ...models })
    : reproduceConfig(dataset, size);
  return data === undefined ? config : { ...config, data: FOLDERS[dataset](data) };
}

/** What a folder of a data set's files is called in configurations. */
const FOLDERS: Record<Dataset | TextSetName, (folder: string) => StudyConfigInput['data']> = {
  mnist: (idx) => ({ idx }),
  'fashion-mnist': (idx) => ({ idx }),
  cifar10: (cifar10) => ({ cifar10 }),
  wikitext2: (wikitext) => ({ wikitext }),
  ptb: (ptb) => ({ ptb }),
  brown: (brown) => ({ brown }),
  imdb: (imdb) => ({ imdb }),
  'spam-assassin': (spamAssassin) => ({ spamAssassin }),
};
