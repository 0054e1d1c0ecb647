import { SingleBar } from 'cli-progress';

/** Progress of one longish piece of work, shown on stderr. */
export interface Progress {
  /** Tells how much is done so far, in the units of `total`; `note` is shown behind the figures. */
  update(done: number, note?: string): void;
  /** Ends the display; say something about the result on the line that remains. */
  stop(note?: string): void;
}

export interface ProgressOptions {
  /** What is counted, for example 'steps'. */
  unit?: string;
  stream?: NodeJS.WriteStream;
}

const LINE_INTERVAL_MS = 2000;

/** A bar on a terminal, a line every two seconds elsewhere; both with the time that is left. */
export function startProgress(label: string, total: number, options: ProgressOptions = {}): Progress {
  const { unit = '', stream = process.stderr } = options;
  return stream.isTTY ? bar(label, total, unit, stream) : lines(label, total, unit, stream);
}

function bar(label: string, total: number, unit: string, stream: NodeJS.WriteStream): Progress {
  const display = new SingleBar({
    stream,
    format: `${label} [{bar}] {percentage}% | {value}/{total}${unit && ` ${unit}`} | {eta_formatted} left {note}`,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    hideCursor: true,
    fps: 5,
  });
  let last = { note: '' };
  display.start(total, 0, last);
  return {
    update(done, note) {
      last = { note: note ? `| ${note}` : last.note };
      display.update(done, last);
    },
    stop(note) {
      if (note) display.update({ note: `| ${note}` });
      display.stop();
    },
  };
}

function lines(label: string, total: number, unit: string, stream: NodeJS.WritableStream): Progress {
  const start = performance.now();
  let lastLine = start;
  let written = false;
  const counted = (done: number) => `${label}: ${done}/${total}${unit && ` ${unit}`}`;
  return {
    update(done, note) {
      const now = performance.now();
      if (now - lastLine < LINE_INTERVAL_MS) return;
      lastLine = now;
      written = true;
      // The first steps are slower than the rest: no forecast from those alone.
      const left = done >= 0.02 * total ? `, ${duration(((now - start) / done) * (total - done))} left` : '';
      stream.write(`${counted(done)} (${Math.floor((100 * done) / total)} %)${left}${note ? `, ${note}` : ''}\n`);
    },
    stop(note) {
      // Work that was over before the first line stays silent unless it has something to say.
      if (!written && !note) return;
      stream.write(`${label}: ${duration(performance.now() - start)}${note ? `, ${note}` : ''}\n`);
    },
  };
}

/** Milliseconds as "4 s", "2 min 05 s" or "1 h 20 min". */
export function duration(milliseconds: number): string {
  const s = Math.round(milliseconds / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
}
