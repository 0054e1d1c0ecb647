import { appendFileSync, closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../../errors.js';
import type { LogEntry, LogFormat } from './entries.js';
import { EVENT_FILE, eventFile } from './eventFile.js';
import { jsonLines } from './jsonLines.js';

/** Files that metrics are written to while a run goes on. Folders are made where they are missing. */
export interface LogOptions {
  /** A file of JSON, one object a line: `{ "type": "epoch", "step", "learningRate", ... }` with the epoch's metrics. */
  jsonl?: string;
  /** A folder for TensorBoard: the run's own, a subfolder of `tensorboard --logdir`. */
  tensorboard?: string;
  /** Also logs every so many steps, the values of the step's batch: lines of type "step", tags under `step/`. */
  everySteps?: number;
}

/** Checks the option; `where` names the caller in errors. */
export function checkLog(options: LogOptions, where: string): void {
  rejectUnknownKeys(options, ['jsonl', 'tensorboard', 'everySteps'], `${where}: log`);
  const { jsonl, tensorboard, everySteps = 1 } = options;
  for (const [key, path] of Object.entries({ jsonl, tensorboard })) {
    if (path === undefined || (typeof path === 'string' && path !== '')) continue;
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: log.${key} must be a path, got ${describe(path)}`);
  }
  if (jsonl === undefined && tensorboard === undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: log must have the path jsonl or tensorboard, or both, got neither`,
    );
  }
  if (!Number.isInteger(everySteps) || everySteps < 1) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${where}: log.everySteps must be a whole number of at least 1, got ${describe(everySteps)}`,
    );
  }
}

/** The log files of one run. Entries are in the files when `write` returns, so that a killed run loses none. */
export class RunLog {
  readonly #files: { format: LogFormat; descriptor: number }[] = [];

  /**
   * @param step how far the run has come: files are cut back to it, or begun anew where it is 0.
   */
  constructor(
    private readonly options: LogOptions,
    step: number,
  ) {
    const { jsonl, tensorboard } = options;
    try {
      if (jsonl !== undefined) this.#open(jsonl, jsonLines, step);
      if (tensorboard !== undefined) this.#open(join(tensorboard, EVENT_FILE), eventFile, step);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(path: string, format: LogFormat, step: number): void {
    mkdirSync(dirname(path), { recursive: true });
    // For appending: what is written goes behind the cut.
    const descriptor = openSync(path, 'a+');
    this.#files.push({ format, descriptor });
    const kept = step === 0 ? 0 : format.keptBytes(readFileSync(descriptor), step);
    ftruncateSync(descriptor, kept);
    if (kept === 0) appendFileSync(descriptor, format.header);
  }

  /** Whether a step is one of those that are logged. */
  wants(step: number): boolean {
    const { everySteps } = this.options;
    return everySteps !== undefined && step % everySteps === 0;
  }

  write(entry: LogEntry): void {
    for (const { format, descriptor } of this.#files) appendFileSync(descriptor, format.encode(entry));
  }

  /** What was written is on the disk: before a checkpoint that does not have to be repeated. */
  sync(): void {
    for (const { descriptor } of this.#files) fsyncSync(descriptor);
  }

  close(): void {
    for (const { descriptor } of this.#files.splice(0)) closeSync(descriptor);
  }
}
