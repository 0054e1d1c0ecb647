import { type ChildProcess, fork } from 'node:child_process';
import { type ErrorCode, QrkdRangeError } from '../errors.js';
import type { Job } from './plan.js';
import type { RunRecord, RunSpec } from './run.js';
import type { WorkerMessage } from './worker.js';

export interface PoolOptions {
  /** Number of processes, each of one thread. */
  processes: number;
  signal?: AbortSignal;
  onSteps: (key: string, steps: number) => void;
  onRecord: (job: Job, record: RunRecord) => void | Promise<void>;
}

/** Each worker is one thread: small models keep two single threads busier than one pair, by nearly a factor of two. */
const ENVIRONMENT = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  QRKD_THREADS: '1',
};

const STDERR_KEPT = 4000;

class Worker {
  readonly #child: ChildProcess;
  #stderr = '';
  #name = '';
  #job:
    | { onSteps: (steps: number) => void; resolve: (record: RunRecord) => void; reject: (error: Error) => void }
    | undefined;

  constructor() {
    this.#child = fork(new URL('./worker.js', import.meta.url), {
      // TensorFlow turns oneDNN on by itself only on some processors; on the others too it nearly halves a convolution's
      // time. Asked for, it says so on stderr, which is kept for the case of failure.
      env: { TF_ENABLE_ONEDNN_OPTS: '1', ...process.env, ...ENVIRONMENT },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    this.#child.on('message', (message: WorkerMessage) => this.#receive(message));
    this.#child.on('error', (error) => this.#job?.reject(error));
    // 'close', not 'exit': by then all of stderr has been read.
    this.#child.on('close', (code, signal) => {
      this.#job?.reject(
        new Error(`${this.#name}: the training process ended (${signal ?? `exit code ${code}`})\n${this.#complaint()}`),
      );
    });
  }

  run(spec: RunSpec, onSteps: (steps: number) => void): Promise<RunRecord> {
    this.#name = `${spec.method}, seed ${spec.seed}`;
    return new Promise((resolve, reject) => {
      this.#job = { onSteps, resolve, reject };
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        reject(new Error(`${this.#name}: the training process ended at its start\n${this.#complaint()}`));
      } else {
        this.#child.send(spec);
      }
    });
  }

  #receive(message: WorkerMessage): void {
    const job = this.#job;
    if (message.type === 'steps') job?.onSteps(message.steps);
    if (message.type === 'done') {
      this.#job = undefined;
      job?.resolve(message.record);
    }
    if (message.type === 'failed') {
      this.#job = undefined;
      const { code } = message;
      if (code) job?.reject(new QrkdRangeError(code as ErrorCode, `${this.#name}: ${message.message}`));
      else job?.reject(new Error(`${this.#name}: ${message.message}\n${this.#complaint()}`));
    }
  }

  /** What the process wrote to stderr, without TensorFlow's greeting. */
  #complaint(): string {
    return this.#stderr.replace(/^(WARNING: All log messages before absl|I\d{4} ).*\n/gm, '').trim();
  }

  stop(): void {
    this.#job = undefined;
    this.#child.kill();
  }
}

/**
 * Runs jobs on processes of one thread each; earlier jobs first, each after the one that it waits for, if that is among
 * them. The first failure, or an abort, stops all of them.
 */
export async function runPool(jobs: readonly Job[], options: PoolOptions): Promise<void> {
  const unfinished = new Set(jobs.map(({ key }) => key));
  const waiting = [...jobs];
  if (waiting.length === 0) return;
  options.signal?.throwIfAborted();

  const workers = Array.from({ length: Math.min(options.processes, waiting.length) }, () => new Worker());
  let wake: () => void = () => undefined;
  let changed = new Promise<void>((resolve) => (wake = resolve));
  const notify = () => {
    wake();
    changed = new Promise<void>((resolve) => (wake = resolve));
  };
  const loop = async (worker: Worker): Promise<void> => {
    for (;;) {
      const index = waiting.findIndex(({ after }) => after === undefined || !unfinished.has(after));
      if (index < 0) {
        if (waiting.length === 0) return;
        await changed;
        continue;
      }
      const [job] = waiting.splice(index, 1);
      const record = await worker.run(job.spec, (steps) => options.onSteps(job.key, steps));
      await options.onRecord(job, record);
      unfinished.delete(job.key);
      notify();
    }
  };
  const aborted = new Promise<never>((_, reject) => {
    options.signal?.addEventListener('abort', () => reject(options.signal!.reason), { once: true });
  });
  try {
    await Promise.race([Promise.all(workers.map(loop)), aborted]);
  } finally {
    for (const worker of workers) worker.stop();
  }
}
