// What a caller may give, and what is refused: by code, argument, what was given and what was expected.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { CosineKernel, FidelityKernel, featureMap, type KernelLossForm, type MatrixLike, RbfKernel } from 'qrkd';
import { ready, tf } from 'qrkd/distill';
import { angleLossGradient, distanceLossGradient } from '#dist/engine/relational.js';
import { assertRefused, randomMatrices, rowsOf } from '../../matrices.js';

const kernel = new FidelityKernel(featureMap({ type: 'zz', features: 2 }));
const rbf = new RbfKernel({ gamma: 0.5 });
const bad = (value: unknown) => value as MatrixLike;
const good = [
  [0.1, 0.2],
  [0.3, 0.4],
];

before(ready);

describe('matrices', () => {
  const refusals: [what: string, given: unknown, type: 'TypeError' | 'RangeError', code: string, ...parts: string[]][] =
    [
      ['nothing', undefined, 'TypeError', 'TYPE', 'X must be number[][]', 'got undefined'],
      ['null', null, 'TypeError', 'TYPE', 'X must be', 'got null'],
      ['a string', 'abc', 'TypeError', 'TYPE', 'X must be', 'got "abc"'],
      ['a number', 5, 'TypeError', 'TYPE', 'X must be', 'got 5'],
      ['a plain object', {}, 'TypeError', 'TYPE', 'X must be', 'got Object'],
      ['a typed array without shape', Float64Array.of(1, 2), 'TypeError', 'TYPE', 'X must be', 'got Float64Array'],
      ['no data', { shape: [1, 2] }, 'TypeError', 'TYPE', 'X must be'],
      ['data of plain numbers', { data: [1, 2], shape: [1, 2] }, 'TypeError', 'TYPE', 'X.data must be a Float32Array'],
      ['data of integers', { data: Int32Array.of(1, 2), shape: [1, 2] }, 'TypeError', 'TYPE', 'X.data must be'],
      ['a flat array', [1, 2], 'TypeError', 'TYPE', 'X: row 0 must be an array of numbers, got 1'],
      ['a row that is text', ['ab', 'cd'], 'TypeError', 'TYPE', 'X: row 0 must be', 'got "ab"'],
      ['a missing row', Array(3).fill([1, 2], 0, 1).fill([1, 2], 2), 'TypeError', 'TYPE', 'X: row 1', 'got undefined'],
      ['a row of raw bytes', [new DataView(new ArrayBuffer(16))], 'TypeError', 'TYPE', 'X: row 0', 'got DataView'],
      [
        'text for a number',
        [
          [1, 2],
          [3, '4'],
        ],
        'TypeError',
        'TYPE',
        'X: row 1, column 1 must be a number, got "4"',
      ],
      ['null for a number', [[1, null]], 'TypeError', 'TYPE', 'X: row 0, column 1', 'got null'],
      ['a hole in a row', [Array(2)], 'TypeError', 'TYPE', 'X: row 0, column 0', 'got undefined'],
      ['a bigint', [[1n, 2]], 'TypeError', 'TYPE', 'X: row 0, column 0', 'got 1'],
      ['no rows', [], 'RangeError', 'SHAPE', 'X has no rows', 'at least one sample'],
      ['a shape without rows', { data: new Float64Array(0), shape: [0, 2] }, 'RangeError', 'SHAPE', 'X has no rows'],
      ['no columns', [[], []], 'RangeError', 'SHAPE', 'X has no columns', 'at least one feature'],
      ['too few columns', [[1], [2]], 'RangeError', 'SHAPE', 'X has 1 columns, expected 2'],
      ['too many columns', [[1, 2, 3]], 'RangeError', 'SHAPE', 'X has 3 columns, expected 2'],
      ['ragged rows', [[1, 2], [3]], 'RangeError', 'SHAPE', 'X: row 1 has 1 columns, row 0 has 2'],
      [
        'too little data',
        { data: new Float64Array(3), shape: [2, 2] },
        'RangeError',
        'SHAPE',
        'X has 3 numbers',
        '[2,2]',
        '4',
      ],
      ['too much data', { data: new Float32Array(5), shape: [2, 2] }, 'RangeError', 'SHAPE', 'X has 5 numbers'],
      [
        'a vector',
        { data: new Float64Array(2), shape: [2] },
        'RangeError',
        'SHAPE',
        'X has shape [2], expected [rows, columns]',
      ],
      [
        'three dimensions',
        { data: new Float64Array(4), shape: [1, 2, 2] },
        'RangeError',
        'SHAPE',
        'X has shape [1,2,2]',
      ],
      ['half a row', { data: new Float64Array(3), shape: [1.5, 2] }, 'RangeError', 'SHAPE', 'X has shape [1.5,2]'],
      ['minus one row', { data: new Float64Array(2), shape: [-1, -2] }, 'RangeError', 'SHAPE', 'X has shape [-1,-2]'],
      [
        'NaN',
        [
          [1, 2],
          [3, Number.NaN],
        ],
        'RangeError',
        'NOT_FINITE',
        'X has NaN at row 1, column 1',
      ],
      ['infinity', [[1, Number.NEGATIVE_INFINITY]], 'RangeError', 'NOT_FINITE', 'X has -Infinity at row 0, column 1'],
    ];
  for (const [what, given, ...expected] of refusals) {
    it(`refuses ${what}`, () => assertRefused(() => kernel.matrix(bad(given)), ...expected));
  }

  it('names the first NaN by row before column', () => {
    const data = new Float32Array(12).fill(0.5);
    data[7] = Number.POSITIVE_INFINITY;
    data[10] = Number.NaN;
    assertRefused(
      () => rbf.matrix({ data, shape: [3, 4] }),
      'RangeError',
      'NOT_FINITE',
      'X has Infinity at row 1, column 3',
    );
  });

  it('names Y, dK, target, student and teacher', () => {
    const nan = [
      [1, 2],
      [Number.NaN, 3],
    ];
    const is = 'has NaN at row 1, column 0';
    assertRefused(() => kernel.matrix(good, nan), 'RangeError', 'NOT_FINITE', `Y ${is}`);
    assertRefused(() => kernel.forward(good, nan), 'RangeError', 'NOT_FINITE', `Y ${is}`);
    assertRefused(() => kernel.gradient(good, nan), 'RangeError', 'NOT_FINITE', `dK ${is}`);
    assertRefused(() => kernel.lossGradient(good, nan), 'RangeError', 'NOT_FINITE', `target ${is}`);
    assertRefused(() => kernel.states(nan), 'RangeError', 'NOT_FINITE', `X ${is}`);
    assertRefused(() => distanceLossGradient(nan, good), 'RangeError', 'NOT_FINITE', `student ${is}`);
    assertRefused(() => angleLossGradient(good, nan), 'RangeError', 'NOT_FINITE', `teacher ${is}`);
  });

  it('refuses samples of different widths', () => {
    assertRefused(() => kernel.matrix(good, [[1, 2, 3]]), 'RangeError', 'SHAPE', 'Y has 3 columns, expected 2');
    assertRefused(() => rbf.matrix(good, [[1, 2, 3]]), 'RangeError', 'SHAPE', 'Y has 3 columns, expected 2');
    assertRefused(() => distanceLossGradient(good, [[1]]), 'RangeError', 'SHAPE', 'teacher has 1 rows', "student's 2");
  });

  it('refuses weights of another shape than the matrix', () => {
    const wide = [[1, 2, 3]];
    assertRefused(() => kernel.gradient(good, wide), 'RangeError', 'SHAPE', 'dK has shape [1,3], expected [2,2]');
    assertRefused(
      () =>
        kernel.gradient(
          good,
          good,
          wide.map((r) => r.slice(1)),
        ),
      'RangeError',
      'SHAPE',
      'expected [2,1]',
    );
    assertRefused(
      () => kernel.forward(good).gradient(wide),
      'RangeError',
      'SHAPE',
      'dK has shape [1,3], expected [2,2]',
    );
    assertRefused(
      () => kernel.lossGradient(good, wide),
      'RangeError',
      'SHAPE',
      'target has shape [1,3], expected [2,2]',
    );
  });

  it('takes number[][], typed arrays of both kinds, rows of typed arrays, and tensors alike', () => {
    const rounded = randomMatrices('forms')(5, 2);
    rounded.data = Float64Array.from(Float32Array.from(rounded.data));
    const { data, shape } = rounded;
    const longer = Float64Array.of(9, ...data, 9);
    const shared = new Float64Array(new SharedArrayBuffer(data.byteLength));
    shared.set(data);
    const forms: Record<string, MatrixLike> = {
      'number[][]': rowsOf(rounded),
      'rows of typed arrays': rowsOf(rounded).map((row) => Float32Array.from(row)) as unknown as number[][],
      Float32Array: { data: Float32Array.from(data), shape },
      'part of a longer array': { data: longer.subarray(1, 11), shape },
      'shared memory': { data: shared, shape },
      'a tensor': tf.tensor2d(Float32Array.from(data), shape),
      'what looks like a tensor': { shape: [5, 2], dataSync: () => Float32Array.from(data) },
    };
    const expected = kernel.matrix(rounded);
    for (const [name, form] of Object.entries(forms)) assert.deepEqual(kernel.matrix(form), expected, name);
    const dK = randomMatrices('weights')(5, 5);
    const dK32 = { data: Float32Array.from(dK.data), shape: dK.shape };
    const gradient = kernel.gradient(rounded, { data: Float64Array.from(dK32.data), shape: dK.shape });
    for (const form of [dK32, rowsOf(dK32), tf.tensor2d(dK32.data, dK.shape)]) {
      assert.deepEqual(kernel.gradient(rounded, form), gradient);
    }
  });

  it('takes tensors of integers, and refuses tensors of other ranks', () => {
    const integers = tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32');
    assert.deepEqual(
      kernel.matrix(integers),
      kernel.matrix([
        [1, 2],
        [3, 4],
      ]),
    );
    assertRefused(() => kernel.matrix(bad(tf.tensor1d([1, 2]))), 'RangeError', 'SHAPE', 'X has shape [2], expected');
  });

  it('leaves its arguments alone', () => {
    const X = randomMatrices('untouched')(4, 2);
    const copy = Float64Array.from(X.data);
    kernel.gradient(X, kernel.matrix(X), X);
    assert.deepEqual(X.data, copy);
  });
});

describe('kernels', () => {
  it('FidelityKernel refuses what is no map, and options it does not know', () => {
    const map = featureMap({ type: 'z', features: 1 });
    const make = (...args: unknown[]) => Reflect.construct(FidelityKernel, args);
    assertRefused(
      () => make({ type: 'z', features: 1 }),
      'TypeError',
      'TYPE',
      'map must come from featureMap()',
      'got Object',
    );
    assertRefused(() => make(), 'TypeError', 'TYPE', 'map must come from featureMap()', 'got undefined');
    assertRefused(
      () => make(map, { precison: 'float32' }),
      'TypeError',
      'UNKNOWN_KEY',
      '"precison"',
      'did you mean "precision"',
    );
    assertRefused(
      () => make(map, { precision: 'float16' }),
      'RangeError',
      'VALUE',
      "'float32' or 'float64'",
      'got "float16"',
    );
    assertRefused(() => make(map, 'float32'), 'TypeError', 'TYPE', 'options must be an object', 'got "float32"');
    assertRefused(() => make(map, null), 'TypeError', 'TYPE', 'options must be an object', 'got null');
  });

  it('RbfKernel needs a positive gamma', () => {
    const make = (...args: unknown[]) => Reflect.construct(RbfKernel, args);
    for (const gamma of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined]) {
      assertRefused(() => make({ gamma }), 'RangeError', 'VALUE', 'RbfKernel: gamma must be a positive number, got');
    }
    assertRefused(() => make({ gama: 1 }), 'TypeError', 'UNKNOWN_KEY', '"gama"', 'did you mean "gamma"');
    assertRefused(() => make(), 'TypeError', 'TYPE', 'RbfKernel: the options must be an object, got undefined');
  });

  it('CosineKernel knows only a precision', () => {
    const make = (...args: unknown[]) => Reflect.construct(CosineKernel, args);
    assertRefused(() => make({ gamma: 1 }), 'TypeError', 'UNKNOWN_KEY', 'CosineKernel: unknown key "gamma"');
    assertRefused(() => make({ precision: 64 }), 'RangeError', 'VALUE', 'got 64');
  });

  it('refuses unknown forms of the loss', () => {
    assertRefused(
      () => kernel.lossGradient(good, good, 'mse' as KernelLossForm),
      'RangeError',
      'VALUE',
      'smooth-l1',
      'got "mse"',
    );
  });

  it('amplitude names the first row of zeros, in X or in Y', () => {
    const amplitude = new FidelityKernel(featureMap({ type: 'amplitude', features: 2 }));
    const zeros = [
      [1, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ];
    for (const call of [() => amplitude.matrix(zeros), () => amplitude.states(zeros), () => amplitude.forward(zeros)]) {
      assertRefused(call, 'RangeError', 'VALUE', 'X: row 2 is all zeros');
    }
    assertRefused(() => amplitude.matrix(good, zeros), 'RangeError', 'VALUE', 'Y: row 2 is all zeros');
    assertRefused(
      () =>
        amplitude.gradient(
          good,
          [
            [1, 1],
            [1, 1],
          ],
          [
            [1, 0],
            [0, 0],
          ],
        ),
      'RangeError',
      'VALUE',
      'Y: row 1',
    );
  });

  it('names the first row whose angles overflow, in X or in Y', () => {
    const data = new Float64Array(200).fill(1e-200);
    data[151] = data[198] = -1e200;
    const Y = { data, shape: [100, 2] };
    for (const type of ['zz', 'iqp'] as const) {
      const steep = new FidelityKernel(featureMap({ type, features: 2, bandwidth: 1e200 }));
      assertRefused(() => steep.matrix([[0, 0]], Y), 'RangeError', 'VALUE', 'Y: row 75 is so large');
      assertRefused(() => steep.forward(Y), 'RangeError', 'VALUE', 'X: row 75 is so large');
    }
    for (const type of ['z', 'angle'] as const) {
      const steep = new FidelityKernel(featureMap({ type, features: 2, bandwidth: 1e200 }));
      assertRefused(() => steep.matrix(Y), 'RangeError', 'VALUE', 'X: row 75 is so large');
      assertRefused(() => steep.states(Y), 'RangeError', 'VALUE', 'X: row 75 is so large');
    }
  });
});

describe('forward passes', () => {
  it('say when they were disposed of, which may be done twice', () => {
    const pass = kernel.forward(good);
    pass.dispose();
    pass.dispose();
    assertRefused(() => pass.gradient(good), 'TypeError', 'DISPOSED', 'disposed');
  });
});

describe('trainable parameters', () => {
  const make = () => new FidelityKernel(featureMap({ type: 'qaoa', features: 2 }));
  const [a, b, c] = [0.3, 1.1, -0.7];

  it('are copied on assignment, and are the array that was there before', () => {
    const kernel = make();
    const { parameters } = kernel;
    const given = [a, b, c];
    kernel.parameters = given;
    assert.equal(kernel.parameters, parameters);
    assert.deepEqual([...parameters], given);
    const placed = make();
    placed.parameters.set(given);
    assert.deepEqual(kernel.matrix(good), placed.matrix(good));
    assert.notDeepEqual(kernel.matrix(good), make().matrix(good));
  });

  it('of a wrong kind, number or value are refused, and nothing is set', () => {
    const kernel = make();
    kernel.parameters = [a, b, c];
    const refused = (values: unknown, type: 'TypeError' | 'RangeError', code: string, ...parts: string[]) =>
      assertRefused(() => (kernel.parameters = values as number[]), type, code, 'qaoa', ...parts);
    refused(undefined, 'TypeError', 'TYPE', 'parameters must be numbers in an array, got undefined');
    refused(0.3, 'TypeError', 'TYPE', 'got 0.3');
    refused([a, b], 'RangeError', 'SHAPE', 'parameters are 3 numbers, got 2');
    refused([a, b, Number.NaN], 'RangeError', 'NOT_FINITE', 'parameters has NaN at 2');
    assert.deepEqual([...kernel.parameters], [a, b, c]);
  });

  it('that are not finite are named, not the samples, where they were set in place', async () => {
    const kernel = make();
    kernel.parameters[1] = Number.POSITIVE_INFINITY;
    const expected = ['RangeError', 'NOT_FINITE', 'parameters has Infinity at 1'] as const;
    assertRefused(() => kernel.matrix(good), ...expected);
    assertRefused(() => kernel.forward(good), ...expected);
    assertRefused(() => kernel.states(good), ...expected);
    await assert.rejects(kernel.matrixAsync(good), /parameters has Infinity at 1/);
  });
});
