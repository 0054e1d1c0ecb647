// Optimizers by configuration: PyTorch's numbers, tfjs's own bits, states that continue a run, and what is refused.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type OptimizerConfig, ready, tf } from 'qrkd/distill';
import {
  learningRateAt,
  learningRates,
  nativeOptimizer,
  optimizerPlan,
  readOptimizer,
} from '#dist/distill/optimizer.js';
import { TfjsOptimizer } from '#dist/distill/tfjsOptimizer.js';
import { assertClose, readFixture } from '../golden/fixtures.js';

interface Fixture {
  after: number[];
  start: number[][];
  gradients: number[][][];
  cases: { config: OptimizerConfig; rates: number[]; weights: number[][][] }[];
}

const { after, start, gradients, cases } = readFixture<Fixture>('optimizers.json');
const STEPS = gradients.length;
const plan = (config: OptimizerConfig) => optimizerPlan(config, undefined, 'test');
const title = ({ learningRate, ...config }: OptimizerConfig) => JSON.stringify(config);

/** The fixture's weights in the hands of an optimizer. */
class Training {
  readonly variables = start.map((values) => tf.tidy(() => tf.variable(tf.tensor1d(values))));
  readonly optimizer: TfjsOptimizer;

  constructor(config: OptimizerConfig | ReturnType<typeof tf.train.sgd>) {
    this.optimizer = new TfjsOptimizer('name' in config ? plan(config) : config, this.variables, STEPS);
  }

  run(first: number, last: number): void {
    for (let step = first; step < last; step++) {
      tf.tidy(() => {
        const named = this.variables.map(({ name }, k) => [name, tf.tensor1d(gradients[step]![k]!)]);
        this.optimizer.apply(Object.fromEntries(named), step);
      });
    }
  }

  weights(): Float32Array[] {
    return this.variables.map((variable) => variable.dataSync() as Float32Array);
  }

  dispose(): void {
    this.optimizer.dispose();
    tf.dispose(this.variables);
  }
}

describe('optimizers', () => {
  before(ready);

  for (const { config, rates, weights } of cases) {
    it(`${title(config)} as PyTorch`, () => {
      assertClose(learningRates(plan(config), 0, STEPS, STEPS), rates, 1e-16, 'learning rates');
      const training = new Training(config);
      for (const [k, last] of after.entries()) {
        training.run(after[k - 1] ?? 0, last);
        // Adam in tfjs has powers of beta2 in float32, which moves its first steps of 0.06 by 1e-5 of them.
        assertClose(
          training.weights().flatMap((w) => [...w]),
          weights[k]!.flat(),
          5e-6,
          `weights after ${last} steps`,
        );
      }
      training.dispose();
    });
  }

  it("without anything around them they are tfjs's own, to the bit", () => {
    const own: [OptimizerConfig, ReturnType<typeof tf.train.sgd>][] = [
      [{ name: 'sgd' }, tf.train.sgd(0.003)],
      [{ name: 'momentum', nesterov: true, learningRate: 0.1 }, tf.train.momentum(0.1, 0.9, true)],
      [{ name: 'adam', learningRate: 0.1 }, tf.train.adam(0.1) as never],
      [{ name: 'rmsprop', momentum: 0.5, learningRate: 0.1 }, tf.train.rmsprop(0.1, 0.9, 0.5) as never],
    ];
    for (const [config, optimizer] of own) {
      const [ours, theirs] = [new Training(config), new Training(optimizer)];
      ours.run(0, STEPS);
      theirs.run(0, STEPS);
      assert.deepEqual(ours.weights(), theirs.weights(), config.name);
      ours.dispose();
      theirs.dispose();
      optimizer.dispose();
    }
  });

  it('weight decay is decoupled for every optimizer', () => {
    for (const name of ['sgd', 'momentum', 'rmsprop', 'adam'] as const) {
      const [plain, decayed] = [{ name }, { name, weightDecay: 2 }].map(
        (config) => new Training({ ...config, learningRate: 0.1 }),
      );
      plain!.run(0, 1);
      decayed!.run(0, 1);
      const expected = plain!.weights().flatMap((w, k) => [...w].map((v, i) => v - 0.2 * start[k]![i]!));
      assertClose(
        decayed!.weights().flatMap((w) => [...w]),
        expected,
        1e-6,
        name,
      );
      plain!.dispose();
      decayed!.dispose();
    }
  });

  it('a weight without a gradient has a gradient of 0', () => {
    const training = new Training({ name: 'momentum', learningRate: 0.1, weightDecay: 1 });
    const [first, second] = training.variables;
    training.optimizer.apply({ [first!.name]: tf.onesLike(first!) }, 0);
    assertClose(
      second!.dataSync(),
      start[1]!.map((v) => 0.9 * v),
      1e-6,
      'only decay',
    );
    training.dispose();
  });

  for (const name of ['sgd', 'momentum', 'adam', 'rmsprop'] as const) {
    it(`${name}: a state continues the run to the bit`, async () => {
      const config = { name, learningRate: 0.1, schedule: 'cosine', weightDecay: 0.1, clipNorm: 6 } as const;
      const whole = new Training(config);
      whole.run(0, STEPS);
      const cut = new Training(config);
      assert.deepEqual(await cut.optimizer.state(), { steps: 0, slots: [] });
      cut.run(0, 5);
      const state = await cut.optimizer.state();
      assert.equal(state.steps, 5);
      const kinds = { sgd: 0, momentum: 1, adam: 2, rmsprop: 2 }[name];
      assert.deepEqual(
        state.slots.map((slot) => slot.length),
        start.flatMap((weight) => Array(kinds).fill(weight.length)),
        'all moments of a weight, then of the next',
      );
      const next = new Training(config);
      for (const [k, variable] of next.variables.entries()) variable.assign(cut.variables[k]!);
      await next.optimizer.restore(state);
      assert.deepEqual(await next.optimizer.state(), state);
      next.run(5, STEPS);
      assert.deepEqual(next.weights(), whole.weights());
      for (const training of [whole, cut, next]) training.dispose();
    });
  }

  it('a state of other weights is refused', async () => {
    const training = new Training({ name: 'momentum' });
    const refused = (slots: Float32Array[], message: RegExp) =>
      assert.rejects(training.optimizer.restore({ steps: 1, slots }), { code: 'ERR_QRKD_SHAPE', message });
    await refused([new Float32Array(6)], /1 moments do not belong to 2 weights/);
    await refused([new Float32Array(6), new Float32Array(5)], /has 4 values, its moment 5/);
    training.dispose();
  });

  it('frees what it made, and nothing else', async () => {
    for (const name of ['sgd', 'momentum', 'adam', 'rmsprop'] as const) {
      const tensors = tf.memory().numTensors;
      const training = new Training({ name, schedule: 'cosine', clipNorm: 1 });
      training.run(0, 3);
      const next = new Training({ name });
      await next.optimizer.restore(await training.optimizer.state());
      training.dispose();
      next.dispose();
      assert.equal(tf.memory().numTensors, tensors, name);
    }
    const given = tf.train.sgd(0.1);
    const training = new Training(given);
    training.run(0, 1);
    training.dispose();
    const again = new Training(given);
    assert.doesNotThrow(() => again.run(0, 1), 'an optimizer of the caller is still in use');
    again.dispose();
    given.dispose();
  });
});

describe('optimizer configurations', () => {
  it('names stand for their defaults', () => {
    const { native, learningRate, schedule } = optimizerPlan('adamw', undefined, 'test');
    assert.equal(learningRate, 3e-3);
    assert.equal(schedule.type, 'constant');
    assert.equal(native.weightDecay, 0.01);
    assert.equal(native.epsilon, 1e-7);
    assert.equal(nativeOptimizer(plan({ name: 'momentum' })).momentum, 0.9);
    assert.equal(nativeOptimizer(plan({ name: 'sgd', momentum: 0.5 })).name, 'momentum');
    assert.equal(nativeOptimizer(plan({ name: 'sgd' })).name, 'sgd');
  });

  it("the caller's learning rate counts where the configuration has none", () => {
    assert.equal(optimizerPlan('sgd', 0.5, 'test').learningRate, 0.5);
    assert.equal(optimizerPlan({ name: 'sgd', learningRate: 0.25 }, 0.5, 'test').learningRate, 0.25);
  });

  it('schedules keep to their ends', () => {
    const cosine = plan({ name: 'sgd', learningRate: 1, schedule: { type: 'cosine', minimum: 0.1, warmup: 0.5 } });
    assert.equal(learningRateAt(cosine, 0, 8), 1 / 3);
    assert.equal(learningRateAt(cosine, 4, 8), 1);
    assert.equal(learningRateAt(cosine, 100, 8), 0.1);
    const short = plan({ name: 'sgd', learningRate: 1, schedule: { type: 'step', every: 0.01 } });
    assert.equal(learningRateAt(short, 2, 3), 1 * 0.1 ** 2, 'at least a step');
  });

  const refused = (config: unknown, message: RegExp, code = 'ERR_QRKD_VALUE') =>
    it(`refuses ${JSON.stringify(config)}`, () => {
      assert.throws(() => readOptimizer(config as OptimizerConfig, undefined, 'distill'), { code, message });
    });
  refused('lbfgs', /distill: optimizer must be one of sgd, .*, got "lbfgs"/);
  refused({ name: 'Adam' }, /got "Adam"/);
  refused({}, /got undefined/);
  refused(null, /optimizer must be a name, a configuration or a tfjs optimizer, got null/, 'ERR_QRKD_TYPE');
  refused({ name: 'sgd', beta1: 0.9 }, /optimizer sgd: unknown key "beta1"/, 'ERR_QRKD_UNKNOWN_KEY');
  refused({ name: 'adam', learningRte: 1 }, /did you mean "learningRate"/, 'ERR_QRKD_UNKNOWN_KEY');
  refused({ name: 'adam', learningRate: 0 }, /optimizer.learningRate must be above 0, got 0/);
  refused({ name: 'adam', beta2: 1 }, /optimizer.beta2 must be at least 0 and below 1, got 1/);
  refused({ name: 'adam', epsilon: '1e-7' }, /optimizer.epsilon must be above 0, got "1e-7"/);
  refused({ name: 'adam', weightDecay: -1 }, /weightDecay must be at least 0/);
  refused({ name: 'adam', clipNorm: 0 }, /clipNorm must be above 0/);
  refused({ name: 'adam', clipNorm: 1, clipValue: 1 }, /by norm or by value, got both/);
  refused({ name: 'sgd', nesterov: 1 }, /nesterov must be true or false, got 1/, 'ERR_QRKD_TYPE');
  refused({ name: 'sgd', schedule: 'linear' }, /optimizer.schedule: there is no "linear" \(known: constant, cosine/);
  refused({ name: 'sgd', schedule: 3 }, /schedule must be a name or an object, got 3/, 'ERR_QRKD_TYPE');
  refused({ name: 'sgd', schedule: { type: 'cosine', every: 3 } }, /unknown key "every"/, 'ERR_QRKD_UNKNOWN_KEY');
  refused({ name: 'sgd', schedule: { type: 'step' } }, /every must be a whole number of steps .* got undefined/);
  refused({ name: 'sgd', schedule: { type: 'step', every: 1.5 } }, /every must be .* got 1.5/);
  refused({ name: 'sgd', schedule: 'exponential' }, /factor must be above 0 and at most 1, got undefined/);
  refused({ name: 'sgd', schedule: { type: 'cosine', minimum: -1 } }, /minimum must be at least 0/);
  refused({ name: 'sgd', schedule: { type: 'constant', warmup: -1 } }, /warmup must be .*, or 0, got -1/);
  refused({ name: 'sgd', schedule: { type: 'constant', warmupFactor: 0 } }, /warmupFactor must be above 0/);
});
