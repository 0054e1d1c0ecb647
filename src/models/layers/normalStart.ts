import { tf } from '../../tensor/backend.js';
import type { NormalStart } from './args.js';

/** tfjs's initialiser of a {@link NormalStart}. */
export function normalStart({ stddev = 0.02, seed }: NormalStart) {
  return stddev === 0 ? tf.initializers.zeros() : tf.initializers.randomNormal({ mean: 0, stddev, seed });
}
