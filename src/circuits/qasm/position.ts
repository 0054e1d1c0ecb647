import { type ErrorCode, isUserError, QrkdRangeError } from '../../errors.js';

/** A place in a text, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Throws an error of the text that names line and column. */
export function failAt(at: Position, code: ErrorCode, message: string): never {
  throw new QrkdRangeError(code, `QASM line ${at.line}, column ${at.column}: ${message}`);
}

/** Runs `make`; errors of the builder, which knows nothing about the text, get its line and column. */
export function located<T>(at: Position, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (isUserError(error) && !error.message.startsWith('QASM line ')) failAt(at, error.code, error.message);
    throw error;
  }
}
