import type { NamedTensorMap, Optimizer, Tensor, Variable } from '@tensorflow/tfjs-core';
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

/** Gradients scaled so that all together have at most this norm; torch.nn.utils.clip_grad_norm_'s formula. */
function clipByNorm(gradients: Tensor[], largest: number): Tensor[] {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const factor = tf.minimum(1, tf.div(largest, tf.add(norm, 1e-6)));
  return gradients.map((gradient) => tf.mul(gradient, factor));
}

/**
 * The optimizer of the tfjs engine: tfjs's own update, with schedule, decoupled weight decay and clipping around it. An
 * optimizer object of the caller's runs as it is, and stays the caller's.
 */
export class TfjsOptimizer {
  readonly #optimizer: Optimizer & Inside;
  readonly #plan: OptimizerPlan | undefined;

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
  }

  /** Updates the variables. `step` counts from 0; variables without a gradient have a gradient of 0. */
  apply(gradients: NamedTensorMap, step: number): void {
    tf.tidy(() => {
      let list = this.variables.map((variable) => gradients[variable.name] ?? tf.zerosLike(variable));
      if (this.#plan) {
        const { clipNorm, clipValue, weightDecay } = this.#plan.native;
        if (clipNorm > 0) list = clipByNorm(list, clipNorm);
        if (clipValue > 0) list = list.map((gradient) => tf.clipByValue(gradient, -clipValue, clipValue));
        const rate = learningRateAt(this.#plan, step, this.steps);
        if (weightDecay > 0) for (const v of this.variables) v.assign(tf.mul(v, 1 - rate * weightDecay));
        if (this.#optimizer.setLearningRate) this.#optimizer.setLearningRate(rate);
        else this.#optimizer.learningRate = rate;
      }
      this.#optimizer.applyGradients(this.variables.map(({ name }, k) => ({ name, tensor: list[k] })));
    });
  }

  /** Copies of the moments, for a checkpoint. Rejects for tfjs's optimizers that cannot tell theirs (adamax). */
  async state(): Promise<OptimizerState> {
    const [iterations, ...kept] = await this.#optimizer.getWeights();
    iterations.tensor.dispose();
    const values = (await Promise.all(kept.map(({ tensor }) => tensor.data()))) as Float32Array[];
    // tfjs keeps a kind of moment together, a state those of a weight.
    const count = this.variables.length;
    const kinds = kept.length / count;
    return {
      steps: this.#optimizer.iterations,
      slots: values.map((_, k) => values[(k % kinds) * count + Math.floor(k / kinds)].slice()),
    };
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
    const tensors = slots.map((_, k) => {
      const { shape, size, name } = this.variables[k % count];
      const values = slots[(k % count) * kinds + Math.floor(k / count)];
      if (values.length !== size) {
        throw new QrkdRangeError(
          'ERR_QRKD_SHAPE',
          `optimizer state: the weight ${name} has ${size} values, its moment ${values.length}`,
        );
      }
      return { name: `${name}/${Math.floor(k / count)}`, tensor: tf.tensor(Float32Array.from(values), shape) };
    });
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
    this.#optimizer.dispose();
    // Momentum forgets the scalar that it inherits.
    this.#optimizer.c?.dispose();
  }
}
