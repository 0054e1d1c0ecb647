import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

let realTime = false;

/** From now on turns are taken at real-time priority: for machines that have other work, as root on Linux. */
export function useRealTime(): void {
  realTime = true;
}

/** Runs `body` with this process and all below it at that priority, if it was asked for, and at the usual one after. */
export async function raised<R>(body: () => Promise<R>): Promise<R> {
  if (!realTime) return body();
  schedule('--fifo', 10);
  try {
    return await body();
  } finally {
    schedule('--other', 0);
  }
}

function schedule(policy: '--fifo' | '--other', priority: number): void {
  for (const pid of family()) execFileSync('chrt', [policy, '--all-tasks', '--pid', String(priority), String(pid)]);
}

/** This process, its children and theirs. */
function family(): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      // pid (command) state parent ...; a command may have spaces and brackets of its own.
      const fields = readFileSync(`/proc/${entry}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
      parents.set(Number(entry), Number(fields[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [process.pid];
  // The list grows as it is walked.
  for (const one of found) for (const [pid, parent] of parents) if (parent === one) found.push(pid);
  return found;
}
