// Running other programs from the install scripts: quiet while all goes well, a line every few seconds when it takes
// long, and the end of their output when it fails. Everything goes to stderr: stdout belongs to the command that was asked for.
import { spawn } from 'node:child_process';

const FIRST_LINE_MS = 1500;
const NEXT_LINES_MS = 5000;
const TAIL_LINES = 30;

export function say(line) {
  process.stderr.write(`qrkd: ${line}\n`);
}

/** Whole seconds since `start` (of performance.now), for messages. */
export function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/**
 * Runs a program to its end and returns its stdout. While it runs, `what` is announced after 1.5 s and then every 5 s
 * with the time so far and, if given, what `progress(last line of its output)` returns. A failure throws an Error with the end of its output.
 */
export function run(command, args, { what, progress, cwd, env, timeout } = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { cwd, env: env ?? process.env, timeout, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    let timer;
    const tick = () => {
      const extra = progress?.(output.slice(output.trimEnd().lastIndexOf('\n') + 1));
      say(`${what} ... ${seconds(start)}${extra ? `, ${extra}` : ''}`);
      timer = setTimeout(tick, NEXT_LINES_MS);
    };
    if (what) timer = setTimeout(tick, FIRST_LINE_MS);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(stdout);
      const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
      const error = new Error(`${command} ${signal ? `was ended by ${signal}` : `failed with exit code ${code}`}`);
      error.output = tail;
      reject(error);
    });
  });
}

/** The first of `candidates` (each [command, ...arguments]) that answers `--version`, or undefined. */
export async function firstWorking(candidates) {
  for (const [command, ...args] of candidates) {
    if (!command) continue;
    try {
      await run(command, [...args, '--version'], { timeout: 20_000 });
      return [command, ...args];
    } catch {
      // Not installed, or broken: the next one may do.
    }
  }
  return undefined;
}
