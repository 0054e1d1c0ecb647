import { isUserError } from '../errors.js';
import { ready } from '../tensor/backend.js';
import { type RunRecord, type RunSpec, runOne } from './run.js';

/** What a worker process tells its parent. */
export type WorkerMessage =
  | { type: 'steps'; steps: number }
  | { type: 'done'; record: RunRecord }
  | { type: 'failed'; message: string; code?: string; stack?: string };

const REPORT_MS = 200;

function send(message: WorkerMessage): void {
  process.send?.(message);
}

async function work(spec: RunSpec): Promise<void> {
  let last = 0;
  try {
    await ready();
    const record = await runOne(spec, (steps) => {
      const now = performance.now();
      if (now - last < REPORT_MS) return;
      last = now;
      send({ type: 'steps', steps });
    });
    send({ type: 'done', record });
  } catch (error) {
    const { message, stack, code } = error as Error & { code?: string };
    send({ type: 'failed', message, ...(stack && { stack }), ...(isUserError(error) && code && { code }) });
  }
}

// A parent that is gone, however it went, needs nothing any more.
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches every process of the terminal; the parent decides what it means.
process.on('SIGINT', () => undefined);
process.on('message', (spec: RunSpec) => void work(spec));
