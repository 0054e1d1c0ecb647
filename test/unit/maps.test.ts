// featureMap: what a specification may say, what is filled in, and what is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Angle,
  circuit,
  FEATURE_MAPS,
  type FeatureMapSpec,
  FidelityKernel,
  feature,
  featureMap,
  parameter,
  QrkdRangeError,
  QrkdTypeError,
} from 'qrkd';
import { assertClose } from '../golden/fixtures.js';
import { assertRefused, MAPS, named, randomMatrices } from '../matrices.js';
import type { MapSpec } from '../oracle.js';

const make = (spec: unknown) => () => featureMap(spec as FeatureMapSpec);

describe('featureMap', () => {
  it('fills in the defaults', () => {
    const pauli = { paulis: ['Z', 'ZZ'], reps: 2, entanglement: 'full', alpha: 2, bandwidth: 1 };
    const complete: [FeatureMapSpec, object, qubits: number, parameters?: number][] = [
      [{ type: 'zz', features: 3 }, { reps: 2, entanglement: 'full', alpha: 2, bandwidth: 1 }, 3],
      [{ type: 'z', features: 3 }, { reps: 2, alpha: 2, bandwidth: 1 }, 3],
      [{ type: 'pauli', features: 3 }, pauli, 3],
      [{ type: 'iqp', features: 3 }, { repeats: 1, bandwidth: 1 }, 3],
      [{ type: 'angle', features: 3 }, { axis: 'X', bandwidth: 1 }, 3],
      [{ type: 'chebyshev', features: 3 }, { degree: 2, layers: 1, alpha: 2, bandwidth: 1 }, 6],
      [
        { type: 'hardwareEfficient', features: 3 },
        { qubits: 3, layers: 2, entanglement: 'linear', bandwidth: 1 },
        3,
        2 * 3 * 2,
      ],
      [
        { type: 'dataReuploading', features: 3 },
        { qubits: 3, layers: 2, entanglement: 'circular', bandwidth: 1 },
        3,
        2 * 3 * 6,
      ],
      [{ type: 'hubregtsen', features: 3 }, { qubits: 3, layers: 2, bandwidth: 1 }, 3, 2 * 6],
      [{ type: 'yzcx', features: 3 }, { qubits: 3, layers: 2, bandwidth: 1 }, 3, 2 * 6],
      [{ type: 'qaoa', features: 3 }, { qubits: 3, layers: 1, localField: 'Y', bandwidth: 1 }, 3, 6],
      [{ type: 'amplitude', features: 3 }, {}, 2],
    ];
    for (const [spec, defaults, qubits, parameters = 0] of complete) {
      const map = featureMap(spec);
      assert.deepEqual(map.toJSON(), { ...spec, ...defaults });
      assert.deepEqual([map.type, map.features, map.qubits, map.parameters], [spec.type, 3, qubits, parameters]);
      const undefineds = Object.fromEntries(Object.keys(defaults).map((key) => [key, undefined]));
      assert.deepEqual(featureMap({ ...spec, ...undefineds } as FeatureMapSpec).toJSON(), map.toJSON());
    }
  });

  it('goes through JSON and back as the same map', () => {
    const lists: MapSpec[] = [
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
      assert.equal(kernel.parameters.length, map.parameters);
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
      [
        ...['zz', 'z', 'pauli', 'iqp', 'angle', 'chebyshev', 'hardwareEfficient', 'dataReuploading', 'hubregtsen'],
        ...['yzcx', 'qaoa', 'circuit', 'amplitude'],
      ],
    );
    for (const { type, summary, formula, source, defaults } of FEATURE_MAPS) {
      for (const text of [summary, formula, source])
        assert.ok(text.length > 10 && !text.includes('\n'), `${type}: ${text}`);
      const { features, ...rest } = defaults;
      assert.equal(features, undefined);
      if (type === 'circuit') continue;
      const expected = { type, features: 2, ...rest, ...('qubits' in rest && { qubits: 2 }) };
      assert.deepEqual(featureMap({ type, features: 2 } as FeatureMapSpec).toJSON(), expected);
    }
  });
});

describe('circuits of the maps', () => {
  it('take more features than qubits in further blocks and layers', () => {
    const features = (type: 'hardwareEfficient' | 'dataReuploading' | 'hubregtsen' | 'yzcx', layers: number) => {
      const map = featureMap({ type, features: 7, qubits: 3, layers });
      assert.deepEqual([map.features, map.qubits], [7, 3]);
      const text = map.circuit!.operations.flatMap((operation) => operation.angles.map(String)).join(' ');
      return [0, 1, 2, 3, 4, 5, 6].filter((i) => text.includes(`x${i}`));
    };
    for (const type of ['hardwareEfficient', 'dataReuploading'] as const) {
      assert.deepEqual(features(type, 1), [0, 1, 2, 3, 4, 5, 6], type);
    }
    for (const type of ['hubregtsen', 'yzcx'] as const) {
      assert.deepEqual(features(type, 3), [0, 1, 2, 3, 4, 5, 6], type);
      assertRefused(() => features(type, 2), 'RangeError', 'VALUE', '2 layers of 3 qubits take 6 features, got 7', '3');
    }
    // Blocks of three features, each with RY and RZ on every qubit.
    assert.equal(
      featureMap({ type: 'hardwareEfficient', features: 7, qubits: 3, layers: 2 }).parameters,
      2 * 3 * 2 * 3,
    );
    // On every qubit nine shifts (three of them alone) and seven weights.
    assert.equal(
      featureMap({ type: 'dataReuploading', features: 7, qubits: 3, layers: 2 }).parameters,
      2 * 3 * (9 + 7),
    );
  });

  it('multiply the features by the bandwidth, whatever is done with them after', () => {
    const angles = (bandwidth: number) =>
      [
        featureMap({ type: 'chebyshev', features: 1, bandwidth }),
        featureMap({ type: 'yzcx', features: 1, bandwidth }),
        featureMap({ type: 'zz', features: 2, reps: 1, bandwidth }),
        featureMap({ type: 'circuit', circuit: circuit(1).rx(feature(0).plus(1).times(feature(0)), 0), bandwidth }),
      ].map((map) =>
        map.circuit!.operations.flatMap((o) => o.angles.map((a) => evaluate(a, [0.4 / bandwidth, 1 / bandwidth]))),
      );
    const evaluate = (angle: Angle, x: number[]) =>
      typeof angle === 'number' ? angle : angle.evaluate(x, new Float64Array(10).fill(0.3));
    angles(0.5).forEach((values, k) => {
      assertClose(values, angles(1)[k], 1e-14, `map ${k}`);
    });
  });

  it('start training from the same parameters for the same seed', () => {
    const map = featureMap({ type: 'dataReuploading', features: 4, qubits: 2, layers: 3 });
    const values = map.initialParameters(5);
    assert.equal(values.length, map.parameters);
    assert.deepEqual(map.initialParameters(5), values);
    assert.notDeepEqual(map.initialParameters(6), values);
    assert.ok(values.every((v) => v >= 0 && v < 2 * Math.PI));
    assert.ok(Math.max(...values) > 5 && Math.min(...values) < 1.3);
    assert.equal(featureMap({ type: 'zz', features: 3 }).initialParameters(5).length, 0);
    assert.equal(featureMap({ type: 'amplitude', features: 3 }).circuit, undefined);
  });

  it('are taken from the builder, too', () => {
    const own = circuit(2)
      .h(0)
      .ry(parameter(0).plus(feature(1)), 1)
      .cx(0, 1);
    const expected = { type: 'circuit', circuit: own.toJSON(), bandwidth: 1 };
    for (const map of [featureMap(own), featureMap({ type: 'circuit', circuit: own })]) {
      assert.deepEqual(map.toJSON(), expected);
      assert.deepEqual([map.type, map.features, map.qubits, map.parameters], ['circuit', 2, 2, 1]);
    }
    const map = featureMap(own);
    own.x(0);
    assert.deepEqual(map.toJSON(), expected);
    assert.equal(map.circuit!.operations.length, 3);
    for (const change of [() => map.circuit!.x(0), () => map.circuit!.append(own)]) {
      assertRefused(change, 'TypeError', 'UNSUPPORTED', 'frozen', 'append it to a new one');
    }
    assert.equal(circuit(2).append(map.circuit!).x(0).operations.length, 4);
    const again = featureMap(JSON.parse(JSON.stringify(map)));
    assert.deepEqual(again.circuit!.toJSON(), map.circuit!.toJSON());
  });
});

/** What is refused alike by every trainable map. */
function trainable(): Refusal[] {
  const types = ['hardwareEfficient', 'dataReuploading', 'hubregtsen', 'yzcx', 'qaoa'];
  return types.flatMap((type): Refusal[] => [
    [`${type}: no qubits`, { type, features: 2, qubits: 0 }, 'RangeError', 'VALUE', `${type}: qubits`, 'got 0'],
    [`${type}: 31 qubits`, { type, features: 2, qubits: 31 }, 'RangeError', 'VALUE', `${type}: qubits`, '1 to 30'],
    [`${type}: no layers`, { type, features: 2, layers: 0 }, 'RangeError', 'VALUE', `${type}: layers`, 'got 0'],
    [`${type}: a typing error`, { type, features: 2, layer: 2 }, 'TypeError', 'UNKNOWN_KEY', 'did you mean "layers"'],
    [`${type}: no number`, { type, features: '2' }, 'TypeError', 'TYPE', `${type}: features`, 'got "2"'],
  ]);
}

type Refusal = [what: string, spec: unknown, type: 'TypeError' | 'RangeError', code: string, ...parts: string[]];

describe('featureMap refuses', () => {
  const cases: Refusal[] = [
    ['nothing', undefined, 'TypeError', 'TYPE', 'specification must be an object, got undefined'],
    ['null', null, 'TypeError', 'TYPE', 'got null'],
    ['the name alone', 'zz', 'TypeError', 'TYPE', 'got "zz"'],
    ['a function', () => ({}), 'TypeError', 'TYPE', 'got a function'],
    [
      'no type',
      { features: 3 },
      'RangeError',
      'VALUE',
      'unknown type "undefined"',
      'zz, z, pauli, iqp, angle, chebyshev, hardwareEfficient',
    ],
    [
      'an unknown type',
      { type: 'amplitudes', features: 3 },
      'RangeError',
      'VALUE',
      '"amplitudes"',
      'did you mean "amplitude"',
    ],
    ['a type far from all', { type: 'fourier' }, 'RangeError', 'VALUE', '"fourier"', 'known: zz, z, pauli, iqp'],
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
      '131072',
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
    ...trainable(),
    [
      'no Pauli strings',
      { type: 'pauli', features: 2, paulis: [] },
      'TypeError',
      'TYPE',
      'pauli: paulis',
      '["Z", "ZZ"]',
    ],
    ['Pauli strings as text', { type: 'pauli', features: 2, paulis: 'ZZ' }, 'TypeError', 'TYPE', 'got "ZZ"'],
    ['a letter that is no Pauli', { type: 'pauli', features: 2, paulis: ['Z', 'ZA'] }, 'RangeError', 'VALUE', '"ZA"'],
    [
      'a string longer than the register',
      { type: 'pauli', features: 2, paulis: ['ZZZ'] },
      'RangeError',
      'VALUE',
      '"ZZZ" needs 3 qubits, there are 2',
      'shorter strings',
    ],
    [
      'the default strings on one qubit',
      { type: 'pauli', features: 1 },
      'RangeError',
      'VALUE',
      '"ZZ" needs 2 qubits, there are 1',
    ],
    [
      'pairwise with three letters',
      { type: 'pauli', features: 4, paulis: ['Z', 'XYZ'], entanglement: 'pairwise' },
      'RangeError',
      'VALUE',
      '"pairwise" is for strings of at most 2 letters, got one of 3',
      'use "linear"',
    ],
    [
      'all blocks of half the qubits',
      { type: 'pauli', features: 30, paulis: ['Z'.repeat(15)] },
      'RangeError',
      'VALUE',
      '155117520 blocks',
      'use "linear"',
    ],
    [
      'blocks that no string takes',
      {
        type: 'pauli',
        features: 4,
        paulis: ['Z', 'XY'],
        entanglement: [
          [0, 1],
          [1, 2, 3],
        ],
      },
      'RangeError',
      'VALUE',
      'block 1 must be 1 or 2 different qubits from 0 to 3, got [1,2,3]',
    ],
    [
      'strings without a block',
      { type: 'pauli', features: 4, paulis: ['Z', 'XYZ'], entanglement: [[0]] },
      'RangeError',
      'VALUE',
      'no block of 3 qubits',
    ],
    [
      'too high a Chebyshev tower',
      { type: 'chebyshev', features: 16, degree: 2, layers: 2 },
      'RangeError',
      'VALUE',
      'features * degree must be at most 30 qubits, got 32',
    ],
    [
      'fewer qubits than qaoa has features',
      { type: 'qaoa', features: 3, qubits: 2 },
      'RangeError',
      'VALUE',
      'qaoa: 3 features need as many qubits, got 2',
    ],
    ['an unknown field', { type: 'qaoa', features: 2, localField: 'y' }, 'RangeError', 'VALUE', 'X, Y, Z', 'got "y"'],
    ['no circuit', { type: 'circuit' }, 'TypeError', 'TYPE', 'circuit', 'got undefined'],
    [
      'a circuit without features',
      { type: 'circuit', circuit: circuit(1).rx(parameter(0), 0) },
      'RangeError',
      'VALUE',
      'no angle has a feature',
    ],
    [
      'a circuit that is none',
      { type: 'circuit', circuit: { qubits: 1, gates: [] } },
      'TypeError',
      'UNKNOWN_KEY',
      '"gates"',
      'operations',
    ],
    ['half a qubit', { type: 'zz', features: 3, entanglement: [[0.5, 1]] }, 'RangeError', 'VALUE', '[0.5,1]'],
  ];
  for (const [what, spec, ...expected] of cases) it(what, () => assertRefused(make(spec), ...expected));

  it('with errors that can be told apart by class and code', () => {
    assert.throws(make({ type: 'zz', features: 1 }), QrkdRangeError);
    assert.throws(make({ type: 'zz', features: 2, x: 1 }), QrkdTypeError);
  });
});
