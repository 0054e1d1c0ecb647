import { Worker } from 'node:worker_threads';
import { QrkdRangeError } from '../errors.js';
import type { FloatTensor, InputTensor } from './runtime.js';

/** What the worker thread is started with: the file's path, or its bytes. */
export interface SessionRequest {
  readonly model: string | Uint8Array;
  readonly threads: number;
}

/** One call of the runtime. */
export interface CallRequest {
  readonly inputs: Record<string, InputTensor>;
  readonly outputs: readonly string[];
}

export type SessionReply = { version: string } | { outputs: Record<string, FloatTensor> } | { problem: string };

export interface BatchOptions {
  /** Samples a call of the runtime. */
  batchSize: number;
  signal?: AbortSignal;
  /** Told how many samples are done, after every call. */
  onProgress?: (samples: number) => void;
}

/**
 * An ONNX file in onnxruntime-node on a worker thread of its own (the runtime's calls block the event loop). The thread does
 * not keep the process alive; `close` ends it.
 */
export class OnnxSession {
  #pending: { resolve: (reply: SessionReply) => void; reject: (error: unknown) => void } | undefined;
  #failure: Error | undefined;

  private constructor(
    private readonly worker: Worker,
    private readonly path: string,
  ) {
    const fail = (error: Error) => {
      this.#failure = error;
      this.#pending?.reject(error);
    };
    worker.on('message', (reply: SessionReply) => this.#pending?.resolve(reply));
    worker.on('error', fail);
    worker.on('exit', (code) => fail(new Error(`onnxruntime's worker ended with code ${code} before it answered`)));
  }

  /**
   * @param path names the file in errors, and is read where `bytes` are not given.
   * @throws RangeError ERR_QRKD_FORMAT for a file that the runtime refuses.
   */
  static async open(path: string, { threads = 1, bytes }: { threads?: number; bytes?: Uint8Array } = {}) {
    const workerData: SessionRequest = { model: bytes ?? path, threads };
    const session = new OnnxSession(new Worker(new URL('./runtimeWorker.js', import.meta.url), { workerData }), path);
    try {
      const reply = await session.#answer();
      return { session, version: (reply as { version: string }).version };
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /**
   * Outputs of all samples, called for in batches along the first axis. Aborting rejects with `signal.reason`.
   *
   * @param feed the inputs of the samples from the first up to the second number.
   */
  async run(
    samples: number,
    feed: (start: number, end: number) => Record<string, InputTensor>,
    outputs: readonly string[],
    { batchSize, signal, onProgress }: BatchOptions,
  ): Promise<Record<string, FloatTensor>> {
    const parts: Record<string, FloatTensor[]> = Object.fromEntries(outputs.map((name) => [name, []]));
    for (let start = 0; start < samples; start += batchSize) {
      signal?.throwIfAborted();
      const end = Math.min(start + batchSize, samples);
      this.worker.postMessage({ inputs: feed(start, end), outputs } satisfies CallRequest);
      const reply = (await this.#answer()) as { outputs: Record<string, FloatTensor> };
      for (const name of outputs) parts[name].push(reply.outputs[name]);
      onProgress?.(end);
    }
    return Object.fromEntries(outputs.map((name) => [name, joined(parts[name])]));
  }

  /** The worker's next message; one call is under way at a time. */
  async #answer(): Promise<SessionReply> {
    if (this.#failure) throw this.#failure;
    this.worker.ref();
    try {
      const reply = await new Promise<SessionReply>((resolve, reject) => {
        this.#pending = { resolve, reject };
      });
      if ('problem' in reply) {
        throw new QrkdRangeError('ERR_QRKD_FORMAT', `${this.path}: refused by onnxruntime (${reply.problem})`);
      }
      return reply;
    } finally {
      this.#pending = undefined;
      this.worker.unref();
    }
  }

  close(): void {
    this.worker.postMessage(null);
  }
}

function joined(parts: readonly FloatTensor[]): FloatTensor {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  const samples = parts.reduce((sum, part) => sum + part.shape[0], 0);
  return { data, shape: [samples, ...parts[0].shape.slice(1)] };
}
