import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Turn } from '../turns.js';

export interface Peer<Facts> {
  facts: Facts;
  /** A turn of each of its contenders. */
  turns: Record<string, Turn>;
  stop(): void;
}

/** Starts a Python script of this folder with --serve: it tells its facts, then takes turns when asked. */
export async function startPeer<Facts>(
  python: string,
  script: string,
  options: Record<string, number>,
): Promise<Peer<Facts>> {
  // Compiled to dist-test/bench/peers; the scripts are in bench/peers.
  const path = fileURLToPath(new URL(`../../../bench/peers/${script}`, import.meta.url));
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(python, [path, '--serve', ...given], { stdio: ['pipe', 'pipe', 'inherit'] });
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

  const { contenders, ...facts } = await answer<Facts & { contenders: string[] }>();
  const turn = (name: string) => () => {
    child.stdin.write(`${name}\n`);
    return answer<number[]>();
  };
  return {
    facts: facts as unknown as Facts,
    turns: Object.fromEntries(contenders.map((name) => [name, turn(name)])),
    stop() {
      stopped = true;
      child.stdin.end();
    },
  };
}
