import { distance } from 'fastest-levenshtein';

/** Codes of the errors that the library raises; every one of them means "the caller can mend this". */
export type ErrorCode =
  | 'ERR_QRKD_TYPE'
  | 'ERR_QRKD_SHAPE'
  | 'ERR_QRKD_VALUE'
  | 'ERR_QRKD_NOT_FINITE'
  | 'ERR_QRKD_UNKNOWN_KEY'
  | 'ERR_QRKD_MEMORY'
  | 'ERR_QRKD_ISA'
  | 'ERR_QRKD_DISPOSED'
  | 'ERR_QRKD_ADDON'
  | 'ERR_QRKD_BACKEND'
  | 'ERR_QRKD_FILE'
  | 'ERR_QRKD_FORMAT'
  | 'ERR_QRKD_UNSUPPORTED'
  | 'ERR_QRKD_NAN_LOSS';

/** A wrong kind of argument; `code` says which rule was broken. */
export class QrkdTypeError extends TypeError {
  override readonly name = 'TypeError';
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** An argument of the right kind with a value that cannot be used; `code` says which rule was broken. */
export class QrkdRangeError extends RangeError {
  override readonly name = 'RangeError';
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** True for errors that name a mistake in what the caller gave (the command line exits 2 for these). */
export function isUserError(error: unknown): error is QrkdTypeError | QrkdRangeError {
  return error instanceof QrkdTypeError || error instanceof QrkdRangeError;
}

/** ` (did you mean "x"?)` for the nearest known word, or the list of all when none is near. */
export function suggest(word: string, known: readonly string[]): string {
  const ranked = known.map((k) => ({ k, d: distance(word.toLowerCase(), k.toLowerCase()) })).sort((a, b) => a.d - b.d);
  const best = ranked[0];
  if (best && best.d <= Math.max(2, Math.floor(best.k.length / 3))) return ` (did you mean "${best.k}"?)`;
  return ` (known: ${known.join(', ')})`;
}

/** Refuses what is no object, and keys of `given` that are not in `known`, naming the nearest one. */
export function rejectUnknownKeys(given: unknown, known: readonly string[], where: string): asserts given is object {
  if (given === null || typeof given !== 'object') {
    throw new QrkdTypeError('ERR_QRKD_TYPE', `${where}: the options must be an object, got ${describe(given)}`);
  }
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) {
      throw new QrkdTypeError('ERR_QRKD_UNKNOWN_KEY', `${where}: unknown key "${key}"${suggest(key, known)}`);
    }
  }
}

/** Text out of a file, as it may appear in a message: on one line, without control characters, and not for ever. */
export function excerpt(text: string, length = 40): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  return text.slice(0, length).replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ');
}

/** A short name of a value for error messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return value.constructor?.name ?? 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
