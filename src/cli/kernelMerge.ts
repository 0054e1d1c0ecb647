import { Command } from 'commander';
import { checkMatrixOutput } from '../files/index.js';
import { mergeParts } from '../tiles/merge.js';
import { withFileProgress } from './kernelFile.js';

interface Options {
  resume?: boolean;
  json?: boolean;
}

/** `qrkd kernel merge`: one matrix from the parts that `qrkd kernel --shard` has made. */
export function kernelMergeCommand(): Command {
  return new Command('merge')
    .summary('puts the parts made with --shard together')
    .description('Writes the kernel matrix whose parts were made with --shard: the same bytes as without shards.')
    .argument('<OUT>', '.npy file to write')
    .argument('<parts...>', 'the files of all shards, in any order')
    .option('--no-resume', 'start anew instead of going on with what an earlier merge has left')
    .option('--json', 'describe the result as one JSON document on standard output')
    .action(async (out: string, parts: string[], { resume, json }: Options) => {
      await checkMatrixOutput(out);
      const start = performance.now();
      const result = await withFileProgress('merge', (options) => mergeParts(out, parts, { ...options, resume }));
      const seconds = (performance.now() - start) / 1000;
      if (json) process.stdout.write(`${JSON.stringify({ ...result, seconds })}\n`);
      else
        process.stderr.write(
          `${out}: ${result.shape.join(' x ')} of ${parts.length} parts in ${seconds.toFixed(2)} s\n`,
        );
    });
}
