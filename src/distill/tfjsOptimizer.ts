import type { NamedTensorMap, Optimizer, Tensor, Tensor1D, Variable } from '@tensorflow/tfjs-core';
import { QrkdRangeError, QrkdTypeError } from '../errors.js';
import { tf } from '../tensor/backend.js';
import { learningRateAt, type NativeOptimizer, type OptimizerPlan, type OptimizerState } from './optimizer.js';

/** What tfjs's optimizers do not declare, of those that are made here. */
interface Inside {
  learningRate: number;
  setLearningRate?(learningRate: number): void;
  accBeta1?: Variable;
  accBeta2?: Variable;
  c?: Tensor;
}

function makeOptimizer({ name, ...numbers }: NativeOptimizer, learningRate: number): Optimizer {
  const { beta1, beta2, epsilon, momentum, nesterov, decay } = numbers;
  if (name === 'sgd') return tf.train.sgd(learningRate);
  if (name === 'momentum') return tf.train.momentum(learningRate, momentum, nesterov);
  if (name === 'rmsprop') return tf.train.rmsprop(learningRate, decay, momentum, epsilon);
  return tf.train.adam(learningRate, beta1, beta2, epsilon);
}

/** A gradient scaled so that it has at most this norm; torch.nn.utils.clip_grad_norm_'s formula. */
function clipByNorm(gradient: Tensor1D, largest: number): Tensor1D {
  const norm = tf.sqrt(tf.sum(tf.square(gradient)));
  return tf.mul(gradient, tf.minimum(1, tf.div(largest, tf.add(norm, 1e-6))));
}

function inOneRow(tensors: readonly Tensor[]): Tensor1D {
  return tf.concat1d(tensors.map((tensor) => tf.reshape(tensor, [tensor.size])));
}

/**
 * The optimizer of the tfjs engine: tfjs's own update, with schedule, decoupled weight decay and clipping around it. An
 * optimizer object of the caller's runs as it is, and stays the caller's.
 *
 * tfjs issues a dozen small operations for every weight, more than half of a small network's step. All weights in one row
 * take that dozen once, and every number comes out the same.
 */
export class TfjsOptimizer {
  readonly #optimizer: Optimizer & Inside;
  readonly #plan: OptimizerPlan | undefined;
  /** All weights in one row; only with a plan. */
  readonly #row: Variable | undefined;
  /** What the weights held when the row was last the same. */
  #held: readonly object[] = [];

  /**
   * @param made a plan, or an optimizer object of tfjs's.
   * @param variables the weights it updates, in the order in which their moments are kept.
   * @param steps of the whole run, for the schedule.
   */
  constructor(
    made: OptimizerPlan | Optimizer,
    readonly variables: readonly Variable[],
    readonly steps: number,
  ) {
    this.#plan = 'native' in made ? made : undefined;
    const optimizer = 'native' in made ? makeOptimizer(made.native, made.learningRate) : made;
    this.#optimizer = optimizer as Optimizer & Inside;
    if (this.#plan) this.#row = tf.tidy(() => tf.variable(inOneRow(variables), false));
  }

  /** Updates the variables. `step` counts from 0; variables without a gradient have a gradient of 0. */
  apply(gradients: NamedTensorMap, step: number): void {
    tf.tidy(() => {
      const list = this.variables.map((variable) => gradients[variable.name] ?? tf.zerosLike(variable));
      if (this.#plan) this.#applyInOneRow(this.#plan, this.#row as Variable, inOneRow(list), step);
      else this.#optimizer.applyGradients(this.variables.map(({ name }, k) => ({ name, tensor: list[k] })));
    });
  }

  #applyInOneRow(plan: OptimizerPlan, row: Variable, gradient: Tensor1D, step: number): void {
    const { clipNorm, clipValue, weightDecay } = plan.native;
    let clipped = gradient;
    if (clipNorm > 0) clipped = clipByNorm(clipped, clipNorm);
    if (clipValue > 0) clipped = tf.clipByValue(clipped, -clipValue, clipValue);
    const rate = learningRateAt(plan, step, this.steps);
    if (this.#optimizer.setLearningRate) this.#optimizer.setLearningRate(rate);
    else this.#optimizer.learningRate = rate;
    if (this.variables.some(({ dataId }, w) => dataId !== this.#held[w])) row.assign(inOneRow(this.variables));
    if (weightDecay > 0) row.assign(tf.mul(row, 1 - rate * weightDecay));
    this.#optimizer.applyGradients([{ name: row.name, tensor: clipped }]);
    const parts = tf.split(
      row as Tensor,
      this.variables.map(({ size }) => size),
    );
    this.variables.forEach((variable, w) => {
      variable.assign(tf.reshape(parts[w], variable.shape));
    });
    this.#held = this.variables.map(({ dataId }) => dataId);
  }

  /** Copies of the moments, for a checkpoint. Rejects for tfjs's optimizers that cannot tell theirs (adamax). */
  async state(): Promise<OptimizerState> {
    const [iterations, ...kept] = await this.#optimizer.getWeights();
    iterations.tensor.dispose();
    const values = (await Promise.all(kept.map(({ tensor }) => tensor.data()))) as Float32Array[];
    const count = this.variables.length;
    let start = 0;
    const slots = this.variables.map(({ size }, w) => {
      const from = start;
      start += size;
      // tfjs keeps a kind of moment together, a state those of a weight.
      return this.#row
        ? values.map((row) => row.slice(from, start))
        : values.filter((_, k) => k % count === w).map((moment) => moment.slice());
    });
    return { steps: this.#optimizer.iterations, slots: slots.flat() };
  }

  /** Takes up a state, in an optimizer that has not taken a step. */
  async restore({ steps, slots }: OptimizerState): Promise<void> {
    const count = this.variables.length;
    const kinds = slots.length / count;
    if (!Number.isInteger(kinds)) {
      throw new QrkdRangeError(
        'ERR_QRKD_SHAPE',
        `optimizer state: ${slots.length} moments do not belong to ${count} weights`,
      );
    }
    slots.forEach(({ length }, k) => {
      const { size, name } = this.variables[Math.floor(k / kinds)];
      if (length !== size) {
        throw new QrkdRangeError(
          'ERR_QRKD_SHAPE',
          `optimizer state: the weight ${name} has ${size} values, its moment ${length}`,
        );
      }
    });
    const tensors = Array.from({ length: kinds }, (_, kind) => {
      const moments = this.variables.map(({ shape, name }, w) => {
        const values = Float32Array.from(slots[w * kinds + kind]);
        return { name: `${name}/${kind}`, tensor: tf.tensor(values, shape) as Tensor };
      });
      if (!this.#row) return moments;
      const row = tf.tidy(() => inOneRow(moments.map(({ tensor }) => tensor)));
      tf.dispose(moments.map(({ tensor }) => tensor));
      return [{ name: `${this.#row.name}/${kind}`, tensor: row as Tensor }];
    }).flat();
    const iterations = { name: 'iter', tensor: tf.scalar(steps, 'int32') };
    try {
      await this.#optimizer.setWeights([iterations, ...tensors]);
    } catch (error) {
      throw new QrkdTypeError('ERR_QRKD_TYPE', `optimizer state: it does not fit the optimizer: ${error}`);
    } finally {
      tf.dispose([iterations.tensor, ...tensors.map(({ tensor }) => tensor)]);
    }
    this.#restorePowers(steps);
  }

  // tfjs restores powers of adam's betas by pow(); a run that was not cut has them from repeated products in float32.
  #restorePowers(steps: number): void {
    const { accBeta1, accBeta2 } = this.#optimizer;
    if (!this.#plan || !accBeta1 || !accBeta2) return;
    const { beta1, beta2 } = this.#plan.native;
    const power = (beta: number) => {
      let product = Math.fround(beta);
      for (let k = 0; k < steps; k++) product = Math.fround(product * Math.fround(beta));
      return product;
    };
    tf.tidy(() => {
      accBeta1.assign(tf.scalar(power(beta1)));
      accBeta2.assign(tf.scalar(power(beta2)));
    });
  }

  /** Frees the moments; an optimizer object of the caller's is left alone. */
  dispose(): void {
    if (!this.#plan) return;
    this.#row?.dispose();
    this.#optimizer.dispose();
    // Momentum forgets the scalar that it inherits.
    this.#optimizer.c?.dispose();
  }
}
