// Many `qrkd` command lines in one process: starting it takes most of the time of those that are refused.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { main } from '#dist/cli/main.js';

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

const own = fileURLToPath(import.meta.url);

/** Runs command lines (without `qrkd`) one after the other in a process that is started for them, in the folder `cwd`. */
export function runCommandLines(lines: readonly (readonly string[])[], cwd: string, env = process.env): Ended[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [own], {
    cwd,
    env,
    input: JSON.stringify(lines),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the process of the command lines ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Ended[];
}

/** One command line, with what it writes caught. */
async function run(args: string[]): Promise<Ended> {
  const ended: Ended = { status: 0, stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const writers = streams.map((name) => process[name].write);
  for (const name of streams) {
    process[name].write = ((text: string | Uint8Array, ...rest: unknown[]) => {
      ended[name] += text;
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    }) as typeof process.stdout.write;
  }
  process.exitCode = 0;
  await main(args);
  ended.status = Number(process.exitCode);
  process.exitCode = 0;
  streams.forEach((name, s) => {
    process[name].write = writers[s]!;
    process[name].removeAllListeners('error');
  });
  process.removeAllListeners('uncaughtException');
  return ended;
}

if (process.argv[1] === own) {
  let input = '';
  for await (const text of process.stdin.setEncoding('utf8')) input += text;
  const ended: Ended[] = [];
  for (const args of JSON.parse(input) as string[][]) ended.push(await run(args));
  process.stdout.write(JSON.stringify(ended));
}
