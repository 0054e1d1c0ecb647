import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { simdInfo } from '../engine/native.js';

/** The machine that a study ran on, as names and values for a table. */
export function environment(): Record<string, string> {
  return {
    processor: cpus()[0]?.model.trim() ?? arch(),
    'processors that this process may use': String(availableParallelism()),
    'instruction set of the engine': simdInfo().active,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
  };
}
