import { Command, InvalidArgumentError } from 'commander';
import type { Comparison, VerifyReport } from '../onnx/index.js';
import { loadSaved } from './savedModel.js';

interface Options {
  model: string;
  data?: string;
  samples?: number;
  tolerance: number;
  json?: boolean;
}

/** `qrkd verify`: an ONNX file against the tfjs model that it came from. Exits 1 where they differ. */
export function verifyCommand(): Command {
  return new Command('verify')
    .summary('an ONNX file against the saved model that it came from')
    .description(
      'Runs an ONNX file in onnxruntime and a saved tf.LayersModel in tfjs on the same inputs; exits 1 if they differ.',
    )
    .argument('<file>', 'the .onnx file')
    .requiredOption(
      '--model <folder>',
      'required: the saved tf.LayersModel, a folder with model.json, or the path of model.json; or the folder of a GPT-2',
    )
    .option(
      '--data <name|folder>',
      'compare on a test set too: mnist or another set by name, or a folder with IDX files',
    )
    .option(
      '--samples <n>',
      'number of random inputs, uniform in 0..1 (default: 64), or of tokens (default: 4)',
      positiveInteger,
    )
    .option('--tolerance <number>', 'largest absolute difference that passes', positive, 1e-4)
    .option('--json', 'print the report as one JSON document on standard output')
    .action(run);
}

async function run(file: string, { model: path, data, samples, tolerance, json }: Options): Promise<void> {
  const { readOnnx, verifyOnnx } = await import('../onnx/index.js');
  // The quick checks first: a bad file is told before TensorFlow is loaded.
  readOnnx(file);
  const real = data === undefined ? {} : await testSet(data);
  const { model } = await loadSaved(path);
  const report = await verifyOnnx(file, model, { samples, tolerance, ...real });
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(describe(report, data));
  if (!report.ok) process.exitCode = 1;
}

async function testSet(source: string) {
  const { isSetName, loadData } = await import('../data/index.js');
  const { test } = loadData(isSetName(source) ? source : { idx: source });
  return { inputs: { data: test.images, shape: test.shape }, labels: test.labels };
}

function describe(report: VerifyReport, data: string | undefined): string {
  const lines = [
    `${report.path}: ${report.ok ? 'agrees' : 'DIFFERS'} (${report.runtime}, tolerance ${report.tolerance})`,
    `  random    ${summary(report.random)}`,
  ];
  if (report.real) lines.push(`  ${String(data).padEnd(9)} ${summary(report.real)}`);
  return `${lines.join('\n')}\n`;
}

function summary({ samples, maxDifference, argmaxAgreement, accuracy }: Comparison): string {
  const same = `${samples} samples, largest difference ${maxDifference.toExponential(1)}, same class ${percent(argmaxAgreement)}`;
  if (!accuracy) return same;
  const { onnx, tfjs, onnxCorrect, tfjsCorrect } = accuracy;
  return `${same}, accuracy ${percent(onnx)} (${onnxCorrect}) against ${percent(tfjs)} (${tfjsCorrect}) in tfjs`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a positive integer.');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a positive number.');
  return value;
}
