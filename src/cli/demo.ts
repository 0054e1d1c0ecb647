import { Command } from 'commander';
import { demoConfig } from '../study/recipe.js';
import { applySettings } from '../study/settings.js';
import { wholeNumber } from './arguments.js';
import { studyCommand, studyOptions } from './study.js';

/** `qrkd demo`: from real digits to a checked student.onnx, with every method of the paper's table. */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description(
      'Trains the teacher on real MNIST digits, then students from scratch, with KD, RKD, KD+RKD and QRKD (and two controls),\n' +
        'exports the best, checks it in onnxruntime, and writes teacher.onnx, student.onnx, metrics.json and report.html.\n' +
        'Interrupted, it goes on from the runs that are finished when started again.',
    )
    .option('--out <folder>', 'folder for the results', 'qrkd-demo')
    .option('--quick', 'under a minute: one seed, a third of the digits, fewer epochs')
    .option('--seeds <n>', 'number of seeds (default: 3, with --quick 1)', wholeNumber);
  return studyOptions(command).action(async ({ quick = false, seeds, set, ...options }) => {
    const given = demoConfig(quick, seeds ?? (quick ? 1 : 3));
    await studyCommand(applySettings(given, set), 'demo', {
      ...options,
      title: quick ? 'quick demo, MNIST digits' : 'demo, MNIST digits',
    });
  });
}
