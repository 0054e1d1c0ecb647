import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Contender, Precision } from './contest.js';

export interface Peer {
  /** What the script tells about its job. */
  facts: unknown;
  contenders: Record<string, Contender>;
  /** Of the interpreter and its libraries. */
  versions: Record<string, string>;
  stop(): void;
}

interface Opening {
  contenders: Record<string, Precision>;
  versions: Record<string, string>;
}

/** A file of bench/peers; this module is compiled to dist-test/bench/peers. */
export function sourcePath(file: string): string {
  return fileURLToPath(new URL(`../../../bench/peers/${file}`, import.meta.url));
}

/**
 * Starts a script of this folder with --serve: it tells its facts, then its contenders take turns when asked.
 *
 * @param command The interpreter, with arguments of its own before the script's.
 */
export async function startPeer(
  command: readonly string[],
  script: string,
  options: Record<string, number | string>,
): Promise<Peer> {
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const [program, ...before] = command;
  const child = spawn(program!, [...before, sourcePath(script), '--serve', ...given], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let stopped = false;
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (!stopped) reject(new Error(`${script} ended with exit code ${code}`));
    });
  });

  async function answer<T>(): Promise<T> {
    const line = await Promise.race([lines.next(), failed]);
    // Its output is closed: the exit code is about to follow and says why.
    return line.done ? failed : (JSON.parse(line.value) as T);
  }

  const { contenders, versions, ...facts } = await answer<Opening>();
  const contender = ([name, precision]: [string, Precision]): [string, Contender] => [
    name,
    {
      precision,
      turn: () => {
        child.stdin.write(`${name}\n`);
        return answer<number[]>();
      },
    },
  ];
  return {
    facts,
    contenders: Object.fromEntries(Object.entries(contenders).map(contender)),
    versions,
    stop() {
      stopped = true;
      child.stdin.end();
    },
  };
}
