// A training run killed with SIGKILL at random moments: the same call ends with the same student and the same metrics, to the bit.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import seedrandom from 'seedrandom';
import { readEvents } from '#dist/distill/log/eventFile.js';

// By hand with more: KILLS=10 ENGINE=tfjs SEED=2 node --test dist-test/test/e2e/killedTraining.test.js
const { KILLS = '2', ENGINE = 'native', SEED = '1' } = process.env;
const EPOCHS = 40;
const EPOCH = 12; // steps
const script = fileURLToPath(new URL('../killedRun.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'qrkd-killed-training-'));
after(() => rmSync(root, { recursive: true }));

/** Starts the run, which says when it begins and when it has taken a step. */
function start(folder: string) {
  // The engine does the work; the WebAssembly backend loads in half the time.
  const env = { ...process.env, ...(ENGINE === 'native' && { QRKD_TENSORFLOW: 'wasm' }) };
  const args = [script, folder, ENGINE, String(EPOCHS)];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  const ended = once(child, 'close').then(() => stdout.split('\n').find((line) => line.startsWith('{')));
  const says = async (word: string) => {
    // A run that had nothing left to do takes no step.
    while (!stdout.includes(word) && child.exitCode === null) await Promise.race([once(child.stdout, 'data'), ended]);
  };
  return { child, says, ended };
}

const withoutSeconds = <T extends object>(metrics: T) => ({ ...metrics, seconds: 0 });
const linesOf = (folder: string) => {
  const lines = readFileSync(join(folder, 'run.jsonl'), 'utf8').split('\n');
  assert.equal(lines.pop(), '', 'the last line is whole');
  return lines.map((line) => withoutSeconds(JSON.parse(line)));
};
const eventsOf = (folder: string) => {
  const file = readFileSync(join(folder, 'events', 'events.out.tfevents.qrkd'));
  const events = [...readEvents(file)];
  assert.equal(events.at(-1)!.end, file.length);
  return events.map(({ event }) => ({ ...event, wall_time: 0 }));
};
const outcome = (line: string | undefined) => {
  assert.ok(line, 'a run ended without a result');
  const { epochs, stepMilliseconds: _, ...result } = JSON.parse(line);
  return { ...result, epochs: epochs.map(withoutSeconds) };
};

it(`${KILLS} times, engine ${ENGINE}`, { timeout: 60_000 * (Number(KILLS) + 2) }, async () => {
  const [undisturbed, folder] = [join(root, 'undisturbed'), join(root, 'killed')];
  const reference = start(undisturbed);
  await reference.says('trains');
  const begin = performance.now();
  const expected = outcome(await reference.ended);
  let time = performance.now() - begin;
  const random = seedrandom(`moments of ${SEED}`);
  const moments: number[] = [];
  // At least one of them when there was something to go on from.
  const isEnough = () => moments.length >= Number(KILLS) && moments.some((epoch) => epoch > 0 && epoch < EPOCHS);
  for (let runs = 0; !isEnough(); runs++) {
    assert.ok(runs < 10 * Number(KILLS), `${moments.length} of ${runs} runs were killed, checkpoints at ${moments}`);
    const { child, says, ended } = start(folder);
    // Some while it finds out where it is, most while it goes on; each leaves about so much of the run to the others.
    await says(random() < 0.3 ? 'begins' : 'trains');
    await setTimeout((random() * time * 2) / (Number(KILLS) + 1));
    child.kill('SIGKILL');
    const result = await ended;
    if (!result) {
      const checkpoint = join(folder, 'run.json');
      moments.push(existsSync(checkpoint) ? JSON.parse(readFileSync(checkpoint, 'utf8')).epoch : 0);
      continue;
    }
    // Machines have other work: it was faster than the killer. What it made counts, and another one begins.
    assert.deepEqual(outcome(result), expected);
    rmSync(folder, { recursive: true });
    time *= 0.7;
  }
  const last = start(folder);
  assert.deepEqual(outcome(await last.ended), expected);
  assert.ok(expected.keptEpoch < EPOCHS, 'another epoch than the last was best, or its weights were not needed');

  const lines = linesOf(folder);
  assert.deepEqual(lines, linesOf(undisturbed));
  const steps = lines.map(({ type, step }) => `${type} ${step}`);
  assert.equal(new Set(steps).size, steps.length);
  assert.equal(steps.length, EPOCHS + Math.floor((EPOCHS * EPOCH) / 5));
  assert.deepEqual(eventsOf(folder), eventsOf(undisturbed));
  assert.deepEqual(readdirSync(folder).sort(), ['events', 'run.json', 'run.jsonl'], 'nothing else is left');
  if (process.env.KILLS) console.log(`engine ${ENGINE}: killed ${KILLS} times, checkpoints at epochs ${moments}`);
});
