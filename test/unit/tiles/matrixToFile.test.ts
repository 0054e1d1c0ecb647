// A matrix written in tiles is the matrix: to the bit, for every kernel, shape and precision, however often it was stopped.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { FidelityKernel, featureMap, type Precision, RbfKernel } from 'qrkd';
import { randomMatrices } from '../../matrices.js';
import { KERNELS, LITTLE, onlyTiles, stopAfter, temporaryFolder, tilesOfJournal, wholeFile } from './tiles.js';

const at = temporaryFolder();
const random = randomMatrices('tiles');
const zz = (precision: Precision = 'float64') =>
  new FidelityKernel(featureMap({ type: 'zz', features: 5, bandwidth: 0.4 }), { precision });
const X = random(301, 5);
const Y = random(130, 5);

for (const precision of ['float32', 'float64'] as const) {
  describe(`matrixToFile, ${precision}`, () => {
    for (const [name, make] of KERNELS) {
      for (const [rows, others] of [
        [301, undefined],
        [256, undefined],
        [97, 301],
        [301, 33],
      ] as const) {
        it(`${name}, ${rows}${others ? ` x ${others}` : ''}: the bytes of matrix()`, async () => {
          const kernel = make(precision);
          const [x, y] = [random(rows, 5), others && random(others, 5)];
          const path = at(`${name}-${precision}-${rows}-${others}.npy`);
          const result = await kernel.matrixToFile(path, x, y, { memory: LITTLE });
          const expected = await wholeFile(`${path}.whole.npy`, kernel, x, y);
          assert.ok(readFileSync(path).equals(expected));
          assert.ok(result.tiles > 2, `${result.tiles} tiles test nothing`);
          assert.deepEqual(result, {
            path,
            shape: [rows, others ?? rows],
            bytes: expected.length,
            tiles: result.tiles,
            resumed: 0,
          });
          assert.ok(!existsSync(`${path}.partial`) && !existsSync(`${path}.journal`));
        });
      }
    }
  });
}

describe('matrixToFile', () => {
  it('one sample, and one tile', async () => {
    for (const rows of [1, 17]) {
      const x = random(rows, 5);
      await zz().matrixToFile(at('small.npy'), x);
      assert.ok(readFileSync(at('small.npy')).equals(await wholeFile(at('whole.npy'), zz(), x)));
    }
  });

  it('tiles of any size make the same file', async () => {
    const expected = await wholeFile(at('any-whole.npy'), zz(), X);
    const counts = new Set<number>();
    for (const memory of [75_000, 160_000, 300_000, '2MiB', undefined]) {
      const { tiles } = await zz().matrixToFile(at('any.npy'), X, undefined, { ...(memory && { memory }) });
      counts.add(tiles);
      assert.ok(readFileSync(at('any.npy')).equals(expected), `${tiles} tiles`);
    }
    assert.ok(counts.size >= 4, `${[...counts]}`);
  });

  it('many qubits: a last tile of few samples is laid out as the others', async () => {
    for (const [kernel, n, m, memory] of [
      [
        new FidelityKernel(featureMap({ type: 'zz', features: 14, reps: 1 }), { precision: 'float32' }),
        130,
        undefined,
        '16MiB',
      ],
      [new FidelityKernel(featureMap({ type: 'iqp', features: 14 })), 66, 130, '24MiB'],
    ] as const) {
      const [x, y] = [random(n, 14), m && random(m, 14)];
      const { tiles } = await kernel.matrixToFile(at('wide.npy'), x, y, { memory });
      assert.ok(tiles > 3, `${tiles} tiles`);
      assert.ok(readFileSync(at('wide.npy')).equals(await wholeFile(at('wide-whole.npy'), kernel, x, y)));
    }
  });

  it('few samples of many qubits, which share the lanes of a panel', async () => {
    const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 14, reps: 1 }));
    const x = random(3, 14);
    await kernel.matrixToFile(at('few.npy'), x);
    assert.ok(readFileSync(at('few.npy')).equals(await wholeFile(at('few-whole.npy'), kernel, x)));
  });

  it('trainable parameters: their values are those of the call, and belong to the journal', async () => {
    const map = featureMap({ type: 'hardwareEfficient', features: 5 });
    assert.ok(map.parameters > 0);
    const kernel = new FidelityKernel(map);
    kernel.parameters.forEach((_, k) => {
      kernel.parameters[k] = Math.sin(k);
    });
    const path = at('trained.npy');
    const expected = await wholeFile(at('trained-whole.npy'), kernel, X);
    await stopAfter(2, kernel, path, X, undefined, { memory: LITTLE });
    const changed = new FidelityKernel(map);
    await assert.rejects(
      changed.matrixToFile(path, X, undefined, { memory: LITTLE }),
      /the kernel's parameters differs/,
    );
    changed.parameters.set(kernel.parameters);
    const writing = changed.matrixToFile(path, X, undefined, { memory: LITTLE });
    changed.parameters.fill(0);
    assert.equal((await writing).resumed, 2);
    assert.ok(readFileSync(path).equals(expected));
  });

  it('reads what it is given when it is called', async () => {
    const x = { data: X.data.slice(), shape: X.shape };
    const writing = zz().matrixToFile(at('copied.npy'), x, undefined, { memory: LITTLE });
    x.data.fill(0);
    await writing;
    assert.ok(readFileSync(at('copied.npy')).equals(await wholeFile(at('copied-whole.npy'), zz(), X)));
  });

  it('replaces an older file only when the new one is complete', async () => {
    writeFileSync(at('old.npy'), 'old');
    const controller = new AbortController();
    const stop = () => controller.abort();
    await assert.rejects(
      zz().matrixToFile(at('old.npy'), random(3000, 5), undefined, {
        memory: 400_000,
        signal: controller.signal,
        onProgress: stop,
      }),
      { name: 'AbortError' },
    );
    assert.equal(readFileSync(at('old.npy'), 'utf8'), 'old');
  });

  it('tells its progress', async () => {
    const told: [number, number, number | undefined][] = [];
    let totalBytes = 0;
    const x = random(2500, 5);
    const { bytes } = await zz().matrixToFile(at('progress.npy'), x, undefined, {
      memory: '1MiB',
      onProgress(fraction, progress) {
        told.push([fraction, progress.bytes, progress.secondsLeft]);
        totalBytes = progress.totalBytes;
      },
    });
    assert.equal(totalBytes, 2500 * 2500 * 8);
    assert.ok(bytes > totalBytes && bytes < totalBytes + 200);
    assert.deepEqual(told.at(-1), [1, totalBytes, 0]);
    for (let i = 1; i < told.length; i++) {
      assert.ok(told[i]![0] >= told[i - 1]![0] && told[i]![1] >= told[i - 1]![1], 'it runs backwards');
    }
  });

  it('rejects with what onProgress throws, and goes on from there', async () => {
    const x = random(3000, 5);
    const onProgress = () => {
      throw new Error('no more');
    };
    await assert.rejects(zz().matrixToFile(at('thrown.npy'), x, undefined, { memory: '1MiB', onProgress }), /no more/);
    await zz().matrixToFile(at('thrown.npy'), x, undefined, { memory: '1MiB' });
    assert.ok(readFileSync(at('thrown.npy')).equals(await wholeFile(at('thrown-whole.npy'), zz(), x)));
  });

  it('names the row of a sample that cannot be used, in X and in Y', async () => {
    const kernel = new FidelityKernel(featureMap({ type: 'amplitude', features: 5 }));
    const x = random(301, 5);
    x.data.fill(0, 200 * 5, 201 * 5);
    const refused = (row: string) => ({ name: 'RangeError', code: 'ERR_QRKD_VALUE', message: new RegExp(row) });
    await assert.rejects(kernel.matrixToFile(at('bad.npy'), x, undefined, { memory: LITTLE }), refused('^X: row 200 '));
    await assert.rejects(
      kernel.matrixToFile(at('bad.npy'), X, x, { memory: LITTLE, resume: false }),
      refused('^Y: row 200 '),
    );
  });
});

describe('matrixToFile goes on', () => {
  // One more tile a time: the journal says which are there, so every call but the first resumes.
  it('after an abort at any moment', async () => {
    const path = at('aborted.npy');
    const expected = await wholeFile(at('aborted-whole.npy'), zz(), X);
    let resumed = 0;
    for (let attempt = 0; ; attempt++) {
      assert.ok(attempt < 200);
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), 2 * attempt);
      try {
        const result = await zz().matrixToFile(path, X, undefined, { memory: 75_000, signal: controller.signal });
        resumed = result.resumed;
        break;
      } catch (error) {
        assert.equal((error as Error).name, 'AbortError');
        assert.ok(!existsSync(path));
      } finally {
        clearTimeout(timer);
      }
    }
    assert.ok(resumed > 0, 'nothing was resumed');
    assert.ok(readFileSync(path).equals(expected));
  });

  it('from every prefix of its journal, even torn in the middle of a line', async () => {
    const path = at('prefix.npy');
    const x = random(100, 5);
    const memory = 65_000;
    const expected = await wholeFile(at('prefix-whole.npy'), zz(), x);
    await stopAfter(14, zz(), path, x, undefined, { memory });
    const partial = readFileSync(`${path}.partial`);
    const text = readFileSync(`${path}.journal`, 'utf8');
    const [header, ...lines] = text.split('\n');
    // A line a tile, as if every one had become durable by itself.
    const journal = `${header}\n${lines.join(' ').trim().replaceAll(' ', '\n')}\n`;
    assert.equal(journal.split('\n').length, 1 + 14 + 1);
    for (let length = header!.length + 1; length <= journal.length; length++) {
      const left = journal.slice(0, length);
      const kept = left.slice(header!.length, left.lastIndexOf('\n')).split('\n').filter(Boolean).map(Number);
      // Data of tiles that the journal does not name may be anything.
      writeFileSync(`${path}.partial`, onlyTiles(partial, tilesOfJournal(left), kept));
      writeFileSync(`${path}.journal`, left);
      const { resumed, tiles } = await zz().matrixToFile(path, x, undefined, { memory });
      assert.deepEqual([resumed, tiles], [kept.length, 28]);
      assert.ok(readFileSync(path).equals(expected), `${length} bytes of the journal`);
    }
  });

  it('starts anew where journal or data are missing or not whole', async () => {
    const path = at('anew.npy');
    const x = random(100, 5);
    const memory = 65_000;
    const expected = await wholeFile(at('anew-whole.npy'), zz(), x);
    await stopAfter(14, zz(), path, x, undefined, { memory });
    const [partial, journal] = [readFileSync(`${path}.partial`), readFileSync(`${path}.journal`)];
    for (const [data, tiles] of [
      [partial, undefined],
      [undefined, journal],
      [partial.subarray(0, 1000), journal],
      [partial, journal.subarray(0, 100)],
    ]) {
      for (const [name, content] of [
        [`${path}.partial`, data],
        [`${path}.journal`, tiles],
      ] as const) {
        rmSync(name, { force: true });
        if (content) writeFileSync(name, content);
      }
      const { resumed } = await zz().matrixToFile(path, x, undefined, { memory });
      assert.equal(resumed, 0);
      assert.ok(readFileSync(path).equals(expected));
    }
  });

  it('takes a file that was renamed before its journal was removed as finished', async () => {
    const path = at('renamed.npy');
    const x = random(100, 5);
    // As if the last thing before a crash had been the new name: stopped at the very end, and renamed by hand.
    await stopAfter(Number.POSITIVE_INFINITY, zz(), path, x, undefined, { memory: 65_000 });
    renameSync(`${path}.partial`, path);
    const { resumed, tiles } = await zz().matrixToFile(path, x, undefined, { memory: 65_000 });
    assert.equal(resumed, tiles);
    assert.ok(readFileSync(path).equals(await wholeFile(at('renamed-whole.npy'), zz(), x)));
    assert.ok(!existsSync(`${path}.journal`));
  });

  it('with the tiles of the earlier run, whatever the memory, and says so where they do not fit', async () => {
    const path = at('edges.npy');
    await stopAfter(5, zz(), path, X, undefined, { memory: LITTLE });
    await assert.rejects(zz().matrixToFile(path, X, undefined, { memory: 59_000 }), {
      code: 'ERR_QRKD_MEMORY',
      message: /tiles of .*edges.npy.journal need \d+ bytes, got 59000/,
    });
    assert.equal((await zz().matrixToFile(path, X, undefined, { memory: '1GiB' })).resumed, 5);
  });

  it('never with the journal of another computation', async () => {
    const path = at('foreign.npy');
    await stopAfter(2, zz(), path, X, undefined, { memory: LITTLE });
    const other = { ...X, data: X.data.slice() };
    other.data[7]! += 1e-9;
    const iqp = new FidelityKernel(featureMap({ type: 'iqp', features: 5 }));
    const cases = [
      [zz(), other, undefined, /: X differs/],
      [zz(), random(302, 5), undefined, /: X, the size of the tiles differs/],
      [zz(), X, Y, /: Y, the size of the tiles differs/],
      [zz('float32'), X, undefined, /: the kernel, the precision \(<f8, not <f4\) differs/],
      [iqp, X, undefined, /: the kernel differs/],
      [new RbfKernel({ gamma: 1 }), X, undefined, /: the kernel differs/],
    ] as const;
    for (const [kernel, x, y, message] of cases) {
      await assert.rejects(kernel.matrixToFile(path, x, y, { memory: LITTLE }), (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_QRKD_FILE', error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /foreign\.npy\.journal is that of another computation/);
        assert.ok(!error.message.includes('\n'));
        return true;
      });
    }
    const { resumed } = await zz().matrixToFile(path, other, undefined, { memory: LITTLE, resume: false });
    assert.equal(resumed, 0);
    assert.ok(readFileSync(path).equals(await wholeFile(at('foreign-whole.npy'), zz(), other)));
  });
});

describe('matrixToFile refuses', () => {
  const cases: [string, unknown[], string, RegExp][] = [
    ['another ending', ['K.csv', X], 'ERR_QRKD_FILE', /K\.csv: unknown ending/],
    ['no path', [undefined, X], 'ERR_QRKD_TYPE', /path must be a text, got undefined/],
    ['an unknown option', ['K.npy', X, undefined, { memroy: 1 }], 'ERR_QRKD_UNKNOWN_KEY', /"memroy" .*"memory"/],
    ['a memory without sense', ['K.npy', X, undefined, { memory: '4 apples' }], 'ERR_QRKD_VALUE', /memory .*4 apples/],
    ['no memory', ['K.npy', X, undefined, { memory: 0 }], 'ERR_QRKD_VALUE', /memory must be .* got 0/],
    ['too little memory', ['K.npy', X, undefined, { memory: 100 }], 'ERR_QRKD_MEMORY', /\d+ bytes .* got 100/],
    ['a shard without sense', ['K.npy', X, undefined, { shard: '0/3' }], 'ERR_QRKD_VALUE', /shard must be 'i\/n'/],
    ['a shard beyond the last', ['K.npy', X, undefined, { shard: '4/3' }], 'ERR_QRKD_VALUE', /shard must be 'i\/n'/],
    ['a resume that is no boolean', ['K.npy', X, undefined, { resume: 'no' }], 'ERR_QRKD_TYPE', /resume must be/],
    ['a wrong X', ['K.npy', random(3, 4)], 'ERR_QRKD_SHAPE', /X has 4 columns/],
  ];
  for (const [name, args, code, message] of cases) {
    it(name, () =>
      assert.rejects((zz().matrixToFile as (...args: unknown[]) => Promise<unknown>).apply(zz(), args), {
        code,
        message,
      }),
    );
  }

  it('a folder that does not exist, a path that is one, and a disk too small, leaving nothing', async () => {
    await assert.rejects(zz().matrixToFile(at('none/K.npy'), X), { code: 'ENOENT' });
    mkdirSync(at('folder.npy'));
    await assert.rejects(zz().matrixToFile(at('folder.npy'), random(20, 5)), { code: /EISDIR|ENOTEMPTY|EPERM/ });
    const huge = random(2_500_000, 1);
    const angle = new FidelityKernel(featureMap({ type: 'angle', features: 1 }));
    await assert.rejects(angle.matrixToFile(at('huge.npy'), huge, undefined, { memory: '1GiB' }), {
      code: 'ERR_QRKD_FILE',
      message: /huge\.npy: needs 50000000000\d+ bytes, but its disk has \d+ left/,
    });
    assert.ok(!readdirSync(dirname(at('x'))).some((name) => name.startsWith('huge')));
  });

  it('is aborted before it starts', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(zz().matrixToFile(at('never.npy'), X, undefined, { signal }), { name: 'AbortError' });
    assert.ok(!existsSync(at('never.npy.partial')));
  });
});
