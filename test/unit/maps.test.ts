// featureMap: what a specification may say, what is filled in, and what is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FEATURE_MAPS, type FeatureMapSpec, FidelityKernel, featureMap, QrkdRangeError, QrkdTypeError } from 'qrkd';
import { assertRefused, MAPS, named, randomMatrices } from '../matrices.js';

const make = (spec: unknown) => () => featureMap(spec as FeatureMapSpec);

describe('featureMap', () => {
  it('fills in the defaults', () => {
    const complete: [FeatureMapSpec, object, number][] = [
      [{ type: 'zz', features: 3 }, { reps: 2, entanglement: 'full', alpha: 2, bandwidth: 1 }, 3],
      [{ type: 'z', features: 3 }, { reps: 2, alpha: 2, bandwidth: 1 }, 3],
      [{ type: 'iqp', features: 3 }, { repeats: 1, bandwidth: 1 }, 3],
      [{ type: 'angle', features: 3 }, { axis: 'X', bandwidth: 1 }, 3],
      [{ type: 'amplitude', features: 3 }, {}, 2],
    ];
    for (const [spec, defaults, qubits] of complete) {
      const map = featureMap(spec);
      assert.deepEqual(map.toJSON(), { ...spec, ...defaults });
      assert.deepEqual([map.type, map.features, map.qubits, map.parameters], [spec.type, 3, qubits, 0]);
      const undefineds = Object.fromEntries(Object.keys(defaults).map((key) => [key, undefined]));
      assert.deepEqual(featureMap({ ...spec, ...undefineds } as FeatureMapSpec).toJSON(), map.toJSON());
    }
  });

  it('goes through JSON and back as the same map', () => {
    const lists: FeatureMapSpec[] = [
      {
        type: 'zz',
        features: 4,
        entanglement: [
          [0, 3],
          [2, 1],
        ],
      },
    ];
    for (const spec of [...MAPS, ...lists]) {
      const map = featureMap(spec);
      const again = featureMap(JSON.parse(JSON.stringify(map)));
      assert.deepEqual(again.toJSON(), map.toJSON());
      const X = randomMatrices(named(spec))(4, spec.features);
      const kernel = new FidelityKernel(map, { precision: 'float32' });
      assert.deepEqual(new FidelityKernel(again, { precision: 'float32' }).matrix(X), kernel.matrix(X));
      assert.deepEqual(JSON.parse(JSON.stringify(kernel)), {
        kernel: 'fidelity',
        map: map.toJSON(),
        precision: 'float32',
      });
      assert.equal(kernel.parameters.length, 0);
    }
  });

  it('is not changed by what its maker does to the specification later', () => {
    const pairs: [number, number][] = [[0, 1]];
    const map = featureMap({ type: 'zz', features: 3, entanglement: pairs });
    pairs.push([1, 2]);
    pairs[0][1] = 2;
    assert.deepEqual(map.toJSON(), featureMap({ type: 'zz', features: 3, entanglement: [[0, 1]] }).toJSON());
    const json = map.toJSON() as { entanglement: [number, number][] };
    json.entanglement.length = 0;
    assert.notDeepEqual(map.toJSON(), json);
  });

  it('counts the qubits of amplitudes in powers of two', () => {
    const qubits = [1, 2, 3, 4, 5, 8, 9, 1024, 1025].map(
      (features) => featureMap({ type: 'amplitude', features }).qubits,
    );
    assert.deepEqual(qubits, [1, 1, 2, 2, 3, 3, 4, 10, 11]);
  });

  it('describes every map for help texts', () => {
    assert.deepEqual(
      FEATURE_MAPS.map(({ type }) => type),
      ['zz', 'z', 'iqp', 'angle', 'amplitude'],
    );
    for (const { type, summary, formula, source, defaults } of FEATURE_MAPS) {
      for (const text of [summary, formula, source])
        assert.ok(text.length > 10 && !text.includes('\n'), `${type}: ${text}`);
      const { features, ...rest } = defaults;
      assert.equal(features, undefined);
      assert.deepEqual(featureMap({ type, features: 2 } as FeatureMapSpec).toJSON(), { type, features: 2, ...rest });
    }
  });
});

describe('featureMap refuses', () => {
  const cases: [what: string, spec: unknown, type: 'TypeError' | 'RangeError', code: string, ...parts: string[]][] = [
    ['nothing', undefined, 'TypeError', 'TYPE', 'specification must be an object, got undefined'],
    ['null', null, 'TypeError', 'TYPE', 'got null'],
    ['the name alone', 'zz', 'TypeError', 'TYPE', 'got "zz"'],
    ['a function', () => ({}), 'TypeError', 'TYPE', 'got a function'],
    ['no type', { features: 3 }, 'RangeError', 'VALUE', 'unknown type "undefined"', 'zz, z, iqp, angle, amplitude'],
    [
      'an unknown type',
      { type: 'amplitudes', features: 3 },
      'RangeError',
      'VALUE',
      '"amplitudes"',
      'did you mean "amplitude"',
    ],
    [
      'a type far from all',
      { type: 'fourier' },
      'RangeError',
      'VALUE',
      '"fourier"',
      'known: zz, z, iqp, angle, amplitude',
    ],
    ['a name of Object', { type: 'constructor', features: 3 }, 'RangeError', 'VALUE', 'unknown type "constructor"'],
    [
      'an unknown key',
      { type: 'zz', features: 3, rep: 1 },
      'TypeError',
      'UNKNOWN_KEY',
      'featureMap zz',
      '"rep"',
      'did you mean "reps"',
    ],
    [
      'a key of another case',
      { type: 'zz', features: 3, Bandwidth: 1 },
      'TypeError',
      'UNKNOWN_KEY',
      'did you mean "bandwidth"',
    ],
    [
      'a key of another map',
      { type: 'z', features: 3, axis: 'X' },
      'TypeError',
      'UNKNOWN_KEY',
      'featureMap z',
      '"axis"',
      'alpha',
    ],
    [
      'a bandwidth that would cancel',
      { type: 'amplitude', features: 3, bandwidth: 2 },
      'TypeError',
      'UNKNOWN_KEY',
      '"bandwidth"',
    ],
    ['no features', { type: 'zz' }, 'TypeError', 'TYPE', 'zz: features must be a whole number, got undefined'],
    ['features as text', { type: 'z', features: '3' }, 'TypeError', 'TYPE', 'z: features', 'got "3"'],
    ['0 features', { type: 'iqp', features: 0 }, 'RangeError', 'VALUE', 'iqp: features', 'from 1 to 30', 'got 0'],
    ['half a feature', { type: 'angle', features: 2.5 }, 'RangeError', 'VALUE', 'angle: features', 'got 2.5'],
    ['NaN features', { type: 'angle', features: Number.NaN }, 'RangeError', 'VALUE', 'angle: features', 'got NaN'],
    [
      'infinitely many features',
      { type: 'z', features: Infinity },
      'RangeError',
      'VALUE',
      'z: features',
      'got Infinity',
    ],
    [
      'more features than any memory',
      { type: 'angle', features: 1e12 },
      'RangeError',
      'VALUE',
      'angle: features',
      '1048576',
    ],
    ['31 qubits', { type: 'zz', features: 31 }, 'RangeError', 'VALUE', 'zz: features', 'from 1 to 30', 'got 31'],
    [
      '31 qubits of amplitudes',
      { type: 'amplitude', features: 2 ** 30 + 1 },
      'RangeError',
      'VALUE',
      'amplitude: features',
    ],
    ['zz of one feature, naming z', { type: 'zz', features: 1 }, 'RangeError', 'VALUE', 'at least 2 features', '"z"'],
    ['0 repetitions', { type: 'zz', features: 2, reps: 0 }, 'RangeError', 'VALUE', 'zz: reps', 'got 0'],
    ['1.5 repetitions', { type: 'z', features: 2, reps: 1.5 }, 'RangeError', 'VALUE', 'z: reps', 'got 1.5'],
    ['repeats of null', { type: 'iqp', features: 2, repeats: null }, 'TypeError', 'TYPE', 'iqp: repeats', 'got null'],
    [
      'a NaN bandwidth',
      { type: 'zz', features: 2, bandwidth: Number.NaN },
      'RangeError',
      'VALUE',
      'zz: bandwidth must be finite',
      'got NaN',
    ],
    [
      'an infinite alpha',
      { type: 'z', features: 2, alpha: -Infinity },
      'RangeError',
      'VALUE',
      'z: alpha must be finite',
    ],
    [
      'alpha as text',
      { type: 'zz', features: 2, alpha: '2' },
      'TypeError',
      'TYPE',
      'zz: alpha must be a number, got "2"',
    ],
    [
      'an unknown axis',
      { type: 'angle', features: 2, axis: 'x' },
      'RangeError',
      'VALUE',
      'angle: axis must be one of X, Y, Z',
      'got "x"',
    ],
    ['an axis that is no text', { type: 'angle', features: 2, axis: 0 }, 'RangeError', 'VALUE', 'angle: axis', 'got 0'],
    [
      'an unknown entanglement',
      { type: 'zz', features: 3, entanglement: 'ful' },
      'RangeError',
      'VALUE',
      '"ful"',
      'did you mean "full"',
    ],
    [
      'entanglement far from all',
      { type: 'zz', features: 3, entanglement: 'all-to-all' },
      'RangeError',
      'VALUE',
      'reverse_linear',
      'sca',
    ],
    [
      'entanglement as a number',
      { type: 'zz', features: 3, entanglement: 2 },
      'TypeError',
      'TYPE',
      'a list of pairs, got 2',
    ],
    [
      'a flat list of pairs',
      { type: 'zz', features: 3, entanglement: [0, 1] },
      'RangeError',
      'VALUE',
      'pair 0',
      'got 0',
    ],
    [
      'a pair of three',
      {
        type: 'zz',
        features: 3,
        entanglement: [
          [0, 1],
          [0, 1, 2],
        ],
      },
      'RangeError',
      'VALUE',
      'pair 1',
      '[0,1,2]',
    ],
    [
      'a pair of one qubit',
      { type: 'zz', features: 3, entanglement: [[1, 1]] },
      'RangeError',
      'VALUE',
      'two different qubits',
      '[1,1]',
    ],
    [
      'a pair out of range',
      { type: 'zz', features: 3, entanglement: [[0, 3]] },
      'RangeError',
      'VALUE',
      'from 0 to 2',
      '[0,3]',
    ],
    ['a negative qubit', { type: 'zz', features: 3, entanglement: [[-1, 0]] }, 'RangeError', 'VALUE', '[-1,0]'],
    ['qubits as text', { type: 'zz', features: 3, entanglement: [['0', '1']] }, 'RangeError', 'VALUE', '["0","1"]'],
    ['half a qubit', { type: 'zz', features: 3, entanglement: [[0.5, 1]] }, 'RangeError', 'VALUE', '[0.5,1]'],
  ];
  for (const [what, spec, ...expected] of cases) it(what, () => assertRefused(make(spec), ...expected));

  it('with errors that can be told apart by class and code', () => {
    assert.throws(make({ type: 'zz', features: 1 }), QrkdRangeError);
    assert.throws(make({ type: 'zz', features: 2, x: 1 }), QrkdTypeError);
  });
});
