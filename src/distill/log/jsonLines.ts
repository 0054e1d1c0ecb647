import type { LogEntry, LogFormat } from './entries.js';

const NEWLINE = 0x0a;

/** One JSON object a line. */
export const jsonLines: LogFormat = {
  header: new Uint8Array(0),

  encode: (entry) => Buffer.from(`${JSON.stringify(entry)}\n`),

  keptBytes(file, step) {
    let kept = 0;
    for (;;) {
      const end = file.indexOf(NEWLINE, kept);
      if (end === -1 || !isUpTo(file.toString('utf8', kept, end), step)) return kept;
      kept = end + 1;
    }
  },
};

function isUpTo(line: string, step: number): boolean {
  try {
    return (JSON.parse(line) as LogEntry).step <= step;
  } catch {
    return false;
  }
}
