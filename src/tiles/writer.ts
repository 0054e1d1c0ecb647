import { Worker } from 'node:worker_threads';
import type { Tile } from './grid.js';
import type { Layout } from './layout.js';

/** To the thread: a tile to write. From it: the same tile when that is done, with its buffer, or why not. */
export interface WriteRequest {
  tile: Tile;
  buffer: ArrayBuffer;
}
export type WriteReply = WriteRequest & { error?: { message: string; code?: string } };

/**
 * Writes tiles on a thread of its own, in the order given, from a fixed number of buffers: whoever wants another one waits
 * until the disk has caught up.
 */
export class TileWriter {
  private readonly thread: Worker;
  private readonly free: ArrayBuffer[] = [];
  private readonly waiting: (() => void)[] = [];
  private buffers = 0;
  private failure: Error | undefined;

  constructor(
    fd: number,
    private readonly path: string,
    layout: Layout,
    private readonly options: { bufferBytes: number; buffers: number; onWritten: (tile: Tile) => void },
  ) {
    this.thread = new Worker(new URL('./writerThread.js', import.meta.url), { workerData: { fd, layout } });
    this.thread.on('message', (reply: WriteReply) => this.onReply(reply));
    this.thread.on('error', (error) => this.fail(error as Error));
  }

  /** A buffer that nobody uses. @throws Error that ended the writing. */
  async buffer(): Promise<ArrayBuffer> {
    for (;;) {
      if (this.failure) throw this.failure;
      const buffer = this.free.pop();
      if (buffer) return buffer;
      if (this.buffers < this.options.buffers) {
        this.buffers++;
        return new ArrayBuffer(this.options.bufferBytes);
      }
      await this.change();
    }
  }

  /** Hands over a buffer of `buffer()`, filled. */
  write(tile: Tile, buffer: ArrayBuffer): void {
    this.thread.postMessage({ tile, buffer } satisfies WriteRequest, [buffer]);
  }

  /** Takes a buffer back unused. */
  release(buffer: ArrayBuffer): void {
    this.free.push(buffer);
    this.notify();
  }

  /** Waits until everything is written and ends the thread. @throws Error that ended the writing. */
  async close(): Promise<void> {
    while (!this.failure && this.free.length < this.buffers) await this.change();
    await this.thread.terminate();
    if (this.failure) throw this.failure;
  }

  private onReply({ tile, buffer, error }: WriteReply): void {
    if (error) {
      this.fail(Object.assign(new Error(error.message), { code: error.code, path: this.path }));
      return;
    }
    this.free.push(buffer);
    this.options.onWritten(tile);
    this.notify();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.notify();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private notify(): void {
    for (const resume of this.waiting.splice(0)) resume();
  }
}
