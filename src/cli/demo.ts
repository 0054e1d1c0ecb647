import { Command, InvalidArgumentError } from 'commander';
import { demoConfig } from '../study/recipe.js';
import { applySettings } from '../study/settings.js';
import { studyCommand } from './study.js';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return value;
}

export const collect = (value: string, previous: string[]): string[] => [...previous, value];

/** `qrkd demo`: from real digits to a checked student.onnx, with every method of the paper's table. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Trains the teacher on real MNIST digits, then students from scratch, with KD, RKD, KD+RKD and QRKD (and two controls),\n' +
        'exports the best, checks it in onnxruntime, and writes teacher.onnx, student.onnx, metrics.json and report.html.\n' +
        'Interrupted, it goes on from the runs that are finished when started again.',
    )
    .option('--out <folder>', 'folder for the results', 'qrkd-demo')
    .option('--quick', 'under a minute: one seed, a third of the digits, fewer epochs')
    .option('--seeds <n>', 'number of seeds (default: 3, with --quick 1)', wholeNumber)
    .option('--set <key=value>', 'change a setting, for example student.embedding=relu (repeatable)', collect, [])
    .option('--json', 'one JSON document on standard output')
    .action(async ({ out, quick = false, seeds, set, json }) => {
      const given = demoConfig(quick, seeds ?? (quick ? 1 : 3));
      await studyCommand(applySettings(given, set), 'demo', {
        out,
        json,
        title: quick ? 'quick demo, MNIST digits' : 'demo, MNIST digits',
      });
    });
}
