import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it, mock } from 'node:test';
import { duration, startProgress } from '#dist/progress.js';

function lines(run: (stream: NodeJS.WriteStream, tick: (ms: number) => void) => void): string[] {
  const stream = new PassThrough();
  let now = 1000;
  mock.method(performance, 'now', () => now);
  try {
    run(stream as unknown as NodeJS.WriteStream, (ms) => {
      now += ms;
    });
  } finally {
    mock.restoreAll();
  }
  return String(stream.read() ?? '')
    .split('\n')
    .slice(0, -1);
}

describe('progress where there is no terminal', () => {
  it('writes a line at most every two seconds, with what is done and what is left', () => {
    const written = lines((stream, tick) => {
      const progress = startProgress('training', 40, { unit: 'steps', stream });
      for (let step = 1; step <= 40; step++) {
        tick(250);
        progress.update(step, `loss ${step}`);
      }
      progress.stop('loss 40');
    });
    assert.deepEqual(written, [
      'training: 8/40 steps (20 %), 8 s left, loss 8',
      'training: 16/40 steps (40 %), 6 s left, loss 16',
      'training: 24/40 steps (60 %), 4 s left, loss 24',
      'training: 32/40 steps (80 %), 2 s left, loss 32',
      'training: 40/40 steps (100 %), 0 s left, loss 40',
      'training: 10 s, loss 40',
    ]);
  });

  it('says nothing about what is over at once', () => {
    const written = lines((stream, tick) => {
      const progress = startProgress('training', 2, { stream });
      tick(100);
      progress.update(2);
      progress.stop();
    });
    assert.deepEqual(written, []);
  });
});

describe('duration', () => {
  it('takes the units that a person would', () => {
    assert.deepEqual([400, 59_000, 125_000, 4_800_000].map(duration), ['0 s', '59 s', '2 min 05 s', '1 h 20 min']);
  });
});
