import { basename } from 'node:path';
import { Command } from 'commander';
import { applySettings, readConfigFile } from '../study/settings.js';
import { studyCommand, studyOptions } from './study.js';

const EXAMPLE = `
A configuration (YAML or JSON), all keys but methods with defaults:

  seeds: [0, 1, 2]
  student: { embedding: linear, epochs: 5, learningRate: 0.003 }
  teacher: { epochs: 10 }            # or { model: FOLDER } with a saved tf.LayersModel
  methods:
    Scratch: { ce: 1 }
    QRKD:
      { ce: 1, kd: 1, temperature: 4, distance: 1, angle: 2, quantum: 30, scale: 2,
        kernels: { teacher: { type: zz, features: 8, reps: 1, bandwidth: 0.1 },
                   student: { type: zz, features: 4, reps: 1, bandwidth: 0.1 } } }

Editors complete and check it with this first line (YAML language server):

  # yaml-language-server: $schema=node_modules/qrkd/schema/study.schema.json

Weights default to ce 1 and 0 for the others. A method without terms that need the teacher is the baseline of "Dist. Gain".`;

/** `qrkd distill`: a study from one configuration file. */
export function distillCommand(): Command {
  const command = new Command('distill')
    .description(
      'Distils students as a configuration says: any methods, weights, kernels and seeds; same results as `qrkd demo`.',
    )
    .requiredOption('--config <file>', 'required: configuration, YAML or JSON')
    .option('--out <folder>', 'folder for the results', 'qrkd-distill');
  return studyOptions(command)
    .addHelpText('after', EXAMPLE)
    .action(async ({ config: file, set, ...options }) => {
      const given = applySettings(readConfigFile(file), set);
      await studyCommand(given, `config ${file}`, { ...options, title: basename(file) });
    });
}
