import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type SimdInfo, simdInfo } from 'qrkd';
import { packageVersion } from '#dist/version.js';
import type { ContestResult } from './contest.js';

/** A contest with when, and beside how much other work, it was held. */
export interface Held extends ContestResult {
  /** ISO 8601, in minutes, UTC. */
  at: string;
  /** Processes that wanted to run in the minute before (the load average), on a machine of so many processors. */
  loadBefore: number;
  quick: boolean;
}

/** What results.json holds. */
export interface ResultDocument {
  machine: Machine;
  versions: Record<string, string>;
  contests: Held[];
}

export interface Machine {
  cpu: string;
  processors: number;
  memoryGiB: number;
  system: string;
  simd: SimdInfo;
}

export function thisMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? os.arch(),
    processors: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.arch()}`,
    simd: simdInfo(),
  };
}

/** Versions of what is ours; the peers tell theirs. */
export function ownVersions(): Record<string, string> {
  return { qrkd: `${packageVersion()}${commit()}`, 'Node.js': process.version };
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    // What is not committed is told only where it is part of what was measured.
    const changed = git('status', '--porcelain', '--', 'native', 'src').trim() !== '';
    return ` (commit ${git('rev-parse', '--short', 'HEAD').trim()}${changed ? ', with changes' : ''})`;
  } catch {
    return '';
  }
}

/** `2026-11-22-amd-epyc-2-threads` */
export function folderName(machine: Machine): string {
  const slug = machine.cpu
    .toLowerCase()
    .replace(/\(.*?\)|@.*|\b(processor|cpu|\d+-core)\b/g, ' ')
    .match(/[a-z0-9]+/g)!
    .join('-');
  return `${new Date().toISOString().slice(0, 10)}-${slug}-${machine.simd.threads}-threads`;
}

/** The document of a folder, with contests held again in place of their earlier selves. */
export function merged(folder: string, added: ResultDocument): ResultDocument {
  const file = path.join(folder, 'results.json');
  if (!existsSync(file)) return added;
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as ResultDocument;
  const again = new Map(added.contests.map((contest) => [contest.job, contest]));
  const kept = new Set(earlier.contests.map(({ job }) => job));
  return {
    machine: added.machine,
    versions: { ...earlier.versions, ...added.versions },
    contests: [
      ...earlier.contests.map((contest) => again.get(contest.job) ?? contest),
      ...added.contests.filter(({ job }) => !kept.has(job)),
    ],
  };
}
