import { Command } from 'commander';

interface Options {
  out: string;
  json?: boolean;
}

/** `qrkd export`: a saved tfjs model as an ONNX file. */
export function exportCommand(): Command {
  return new Command('export')
    .summary('a saved tf.LayersModel as an ONNX file')
    .description('Writes a saved tf.LayersModel as an ONNX file (opset 17, dynamic batch). `qrkd verify` proves it.')
    .argument('<model>', 'folder with model.json and its weights, or the path of model.json')
    .requiredOption('-o, --out <file>', 'required: the .onnx file; it appears whole or not at all')
    .option('--json', 'describe the result as one JSON document on standard output')
    .action(run);
}

async function run(path: string, options: Options): Promise<void> {
  const { loadModel } = await import('../models/index.js');
  const { exportOnnx } = await import('../onnx/index.js');
  const { ready } = await import('../tensor/backend.js');
  await ready();
  const model = await loadModel(path);
  const { bytes, nodes } = await exportOnnx(model, options.out);
  const parameters = model.countParams();
  if (options.json) process.stdout.write(`${JSON.stringify({ out: options.out, bytes, nodes, parameters })}\n`);
  else process.stderr.write(`${options.out}: ${parameters} parameters, ${nodes} nodes, ${bytes} bytes\n`);
}
