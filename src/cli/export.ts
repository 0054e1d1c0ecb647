import { Command } from 'commander';
import { loadSaved } from './savedModel.js';

interface Options {
  out: string;
  json?: boolean;
}

/** `qrkd export`: a saved model as an ONNX file. */
export function exportCommand(): Command {
  return new Command('export')
    .summary('a saved tf.LayersModel or GPT-2 as an ONNX file')
    .description(
      'Writes a saved tf.LayersModel, or a GPT-2 as transformers saves it, as an ONNX file (opset 17, dynamic batch and sequence). `qrkd verify` proves it.',
    )
    .argument('<model>', 'folder with model.json and its weights, or the path of model.json; or the folder of a GPT-2')
    .requiredOption('-o, --out <file>', 'required: the .onnx file; it appears whole or not at all')
    .option('--json', 'describe the result as one JSON document on standard output')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const { exportGpt2, exportOnnx } = await import('../onnx/index.js');
  const { model, gpt2 } = await loadSaved(path);
  const { bytes, nodes } = await (gpt2 ? exportGpt2(gpt2, options.out) : exportOnnx(model, options.out));
  const parameters = model.countParams();
  if (options.json) process.stdout.write(`${JSON.stringify({ out: options.out, bytes, nodes, parameters })}\n`);
  else process.stderr.write(`${options.out}: ${parameters} parameters, ${nodes} nodes, ${bytes} bytes\n`);
}
