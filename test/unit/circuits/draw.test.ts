// Drawings: what every kind of gate looks like, packing and folding, and well-formed SVG.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Circuit, circuit, FEATURE_MAPS, type FeatureMapSpec, feature, featureMap, parameter } from 'qrkd';
import { layOut } from '#dist/circuits/draw/layout.js';
import { shapeOf } from '#dist/circuits/draw/shapes.js';
import { randomCircuit } from '../../randomCircuits.js';

const FLIP = [0, 1, 2, 3].map((k) => [0, 1, 2, 3].map((j): [number, number] => [j === 3 - k ? 1 : 0, 0]));

/** Every feature map of the package that is a circuit, small. */
const MAPS = FEATURE_MAPS.map(({ type }) => type)
  .filter((type) => type !== 'amplitude' && type !== 'circuit')
  .map((type) => featureMap({ type, features: 3 } as FeatureMapSpec));

describe('Circuit.draw', () => {
  it('joins boxes that touch and packs gates to the left', () => {
    const drawn = circuit(3)
      .h(0)
      .h(1)
      .ry(feature(0).times(parameter(1)).plus(0.5), 2);
    drawn.cx(0, 1).cz(2, 1).s(0).tdg(0);
    assert.equal(
      drawn.draw(),
      `\
            ┌───┐          ┌───┐ ┌────┐
q0: ────────┤ H ├────────■─┤ S ├─┤ T† ├─
            ├───┤        │ └───┘ └────┘
q1: ────────┤ H ├────────⊕───■──────────
     ┌──────┴───┴──────┐     │
q2: ─┤ RY(x0·θ1 + 0.5) ├─────■──────────
     └─────────────────┘
`,
    );
  });

  it('marks what belongs to a wire, and lets the others pass', () => {
    const drawn = circuit(4)
      .pauliRotation('ZX', Math.PI / 4, [3, 1])
      .cswap(2, 0, 3)
      .cu(1, 2, 3, -Math.PI, 3, 1)
      .unitary(FLIP, [2, 0])
      .gphase(feature(0))
      .gphase(-1);
    assert.equal(
      drawn.draw(),
      `\
                                         ┌─────┐
q0: ────────────────╳────────────────────┤ 1   ├─
     ┌────────────┐ │ ┌────────────────┐ │   U │
q1: ─┤ Z          ├─┼─┤ U(1, 2, 3, -π) ├─┼─────┼─
     │   RZX(π/4) │ │ └───────┬────────┘ │     │
q2: ─┼────────────┼─■─────────┼──────────┤ 0   ├─
     │            │ │         │          └─────┘
q3: ─┤ X          ├─╳─────────■──────────────────
     └────────────┘

global phase: x0 - 1
`,
    );
  });

  it('goes on below where a line is full', () => {
    const drawn = circuit(2).rx(feature(0), 0).cx(0, 1).ry(0.123456, 1).h(0).crz(parameter(0), 1, 0);
    assert.equal(
      drawn.draw({ width: 30 }),
      `\
     ┌────────┐
q0: ─┤ RX(x0) ├─■─»
     └────────┘ │
q1: ────────────⊕─»

         ┌───┐
q0: «────┤ H ├──────»
     ┌───┴───┴────┐
q1: «┤ RY(0.1235) ├─»
     └────────────┘

     ┌────────┐
q0: «┤ RZ(θ0) ├─
     └───┬────┘
q1: «────■──────
`,
    );
  });

  it('keeps to its width, and every wire keeps its gates in order', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = randomCircuit(`drawing ${seed}`, { qubits: 1 + (seed % 6), gates: 60 });
      for (const width of [70, 100, 200]) {
        const widest = Math.max(
          ...random
            .draw({ width })
            .split('\n')
            .map((line) => [...line].length),
        );
        assert.ok(widest <= Math.max(width, 70), `${widest} for ${width}`);
      }
      const shapes = layOut(random).columns.flat();
      const gates = random.operations.filter(({ gate }) => gate !== 'gphase').map(shapeOf);
      assert.equal(shapes.length, gates.length);
      for (let q = 0; q < random.qubits; q++) {
        const onWire = (list: typeof shapes) =>
          list.filter(({ top, bottom }) => top <= q && q <= bottom).map(({ description }) => description);
        assert.deepEqual(onWire(shapes), onWire(gates));
      }
      for (const column of layOut(random).columns) {
        const covered = column.flatMap(({ top, bottom }) =>
          Array.from({ length: bottom - top + 1 }, (_, k) => top + k),
        );
        assert.equal(new Set(covered).size, covered.length);
      }
    }
  });

  it('draws every feature map, and an empty circuit', () => {
    for (const map of MAPS) {
      const drawn = map.draw();
      assert.match(drawn, /x2/, map.type);
      assert.equal(drawn.match(/^q0: /gm)!.length, drawn.match(new RegExp(`^q${map.qubits - 1}: `, 'gm'))!.length);
      if (map.parameters > 0) assert.match(drawn, /θ0/, map.type);
    }
    assert.equal(circuit(2).draw(), 'q0: ─\n\nq1: ─\n');
    assert.throws(
      () => featureMap({ type: 'amplitude', features: 2 }).draw(),
      /draw: the feature map amplitude has no/,
    );
  });

  it('counts what is too much to draw, and refuses what is too wide', () => {
    const long = circuit(2);
    for (let k = 0; k < 1234; k++) long.h(k % 2);
    assert.match(long.draw(), /\n\n… and 234 more gates\n$/);
    assert.match(long.svg(), />… and 234 more gates</);
    const wordy = circuit(1).rx(
      feature(0)
        .times(feature(1))
        .times(feature(2))
        .times(feature(3))
        .times(Math.E ** 9),
      0,
    );
    wordy.ry(
      Array.from({ length: 20 }, (_, i) => feature(i)).reduce((sum, term) => sum.plus(term)),
      0,
    );
    assert.match(wordy.draw(), /┤ RY\(x0 \+ x1 \+ x2 .*…/);
    for (const draw of [() => circuit(65).draw(), () => circuit(65).svg()]) {
      assert.throws(draw, /a circuit of 65 qubits is too wide, 64 can be drawn/);
    }
    assert.throws(() => circuit(1).draw({ width: 10 }), /width must be at least 20, got 10/);
    assert.throws(() => circuit(1).svg({ width: Number.NaN }), /width must be at least 200, got NaN/);
    assert.throws(() => circuit(1).draw({ witdh: 50 } as object), /unknown key "witdh" \(did you mean "width"\?\)/);
  });
});

/** Throws unless every element is closed in order and every text is escaped. */
function checkMarkup(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<>&]*(?:&(?:amp|lt|gt|quot);[^"<>&]*)*")*)(\/?)>/g,
    (...m) => {
      const [, closing, name, , empty] = m as string[];
      if (closing) assert.equal(open.pop(), name);
      else if (!empty) open.push(name);
      return '';
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest.replace(/&(amp|lt|gt|quot);/g, ''), /[<>&]/);
}

describe('Circuit.svg', () => {
  it('is one well-formed document that needs nothing else', () => {
    const drawings = [
      ...MAPS.map((map) => map.svg()),
      circuit(1).svg(),
      randomCircuit('svg', { qubits: 5, gates: 80 }).svg({ width: 500, title: 'A <b> & "c" \u0007' }),
    ];
    for (const svg of drawings) {
      checkMarkup(svg);
      assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" class="qrkd-circuit" role="img" aria-label="/);
      assert.match(svg, /prefers-color-scheme: dark/);
      assert.doesNotMatch(svg, /href|url\(|@import|<script/);
    }
    assert.match(drawings.at(-1)!, /<title>A &lt;b&gt; &amp; &quot;c&quot; {2}<\/title>/);
    assert.match(drawings[0], /aria-label="Feature map zz"/);
  });

  it('has the marks of every gate, coloured by what its angles depend on', () => {
    const svg = new Circuit(3)
      .h(0)
      .rx(feature(0), 1)
      .rxx(parameter(0), 0, 2)
      .ry(feature(0).times(parameter(0)), 1)
      .ccx(0, 1, 2)
      .cz(0, 1)
      .swap(1, 2)
      .svg();
    const count = (what: RegExp) => svg.match(what)?.length ?? 0;
    // Three boxes stand in the legend, too.
    assert.deepEqual(
      ['constant', 'features', 'parameters', 'both'].map((source) => count(new RegExp(`class="box ${source}"`, 'g'))),
      [1, 2, 2, 2],
    );
    assert.equal(count(/class="dot"/g), 4);
    assert.equal(count(/class="hollow"/g), 1);
    assert.equal(count(/l12 12m0 -12l-12 12/g), 2);
    assert.match(svg, /<title>RXX\(θ0\) on q0, q2<\/title>/);
    assert.match(svg, /<desc>h 1, rx 1, rxx 1, ry 1, ccx 1, cz 1, swap 1<\/desc>/);
    assert.match(svg, /<title>Quantum circuit: 3 qubits, 7 gates, 1 feature, 1 parameter<\/title>/);
    assert.match(svg, />depends on features<.*>trainable<.*>features and trainable</);
  });

  it('lies within its own frame', () => {
    for (const [width, gates] of [
      [200, 40],
      [1000, 200],
    ]) {
      const svg = randomCircuit(`frame ${width}`, { qubits: 4, gates }).svg({ width });
      const [, right, bottom] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number);
      const boxes = [
        ...svg.matchAll(/<rect class="box \w+" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
      ];
      assert.ok(boxes.length > 10);
      for (const [, x, y, w, h] of boxes.map((match) => match.map(Number))) {
        assert.ok(x >= 0 && y >= 0 && x + w <= right && y + h <= bottom, `${[x, y, w, h]} in ${right} x ${bottom}`);
      }
      const texts = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"/g)].map((match) => match.map(Number));
      for (const [, x, y] of texts) assert.ok(x >= 0 && x <= right && y <= bottom);
    }
  });
});
