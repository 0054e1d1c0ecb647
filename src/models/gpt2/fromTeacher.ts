import { describe, QrkdRangeError, rejectUnknownKeys } from '../../errors.js';
import { tf } from '../../tensor/backend.js';
import { buildGpt2 } from './build.js';
import { type FullGpt2Config, type Gpt2Config, readGpt2Config } from './config.js';
import { checkSeed, Gpt2 } from './gpt2.js';

/** What {@link gpt2FromTeacher} takes beside the student's shape. */
export interface FromTeacherOptions {
  /** The teacher's block that each of the student's begins as; default evenly spaced, first and last among them. */
  readonly layers?: readonly number[];
  /** Of the head of a classifier that the teacher has not, default 0. */
  readonly seed?: number;
}

/**
 * Blocks of a teacher that a student begins as: `students` of `teachers`, evenly spaced from the first to the last, rounded. 6
 * of 12 are DistilGPT2's 0, 2, 4, 7, 9, 11 (Sanh et al. 2019, arXiv 1910.01108, and the scripts that came with it).
 */
export function spacedLayers(teachers: number, students: number): number[] {
  return Array.from({ length: students }, (_, i) =>
    students === 1 ? 0 : Math.round((i * (teachers - 1)) / (students - 1)),
  );
}

/** Shapes of weights depend on these, and the meaning of what is in them. */
const SAME = ['n_embd', 'n_head', 'n_inner', 'vocab_size'] as const;

/**
 * A student that begins as layers of its teacher: embeddings, the blocks chosen, the final norm, and the head of a classifier
 * with as many classes are copied.
 *
 * @param config what is different in the student, `n_layer` at least; the rest is the teacher's. `n_positions` may be smaller.
 * @throws {QrkdTypeError | QrkdRangeError} for a student of another width, number of heads or vocabulary, more positions, or
 *   blocks that the teacher has not.
 */
export function gpt2FromTeacher(
  teacher: Gpt2,
  config: Partial<Gpt2Config> & Pick<Gpt2Config, 'n_layer'>,
  options: FromTeacherOptions = {},
): Gpt2 {
  rejectUnknownKeys(options, ['layers', 'seed'], 'gpt2FromTeacher');
  const seed = checkSeed(options.seed, 'gpt2FromTeacher');
  const { num_labels: taught, ...shape } = teacher.config;
  const student = readGpt2Config({ ...shape, num_labels: taught ?? undefined, ...config }, 'gpt2FromTeacher');
  checkShapes(teacher.config, student);
  const layers = options.layers ?? spacedLayers(teacher.config.n_layer, student.n_layer);
  checkLayers(layers, student.n_layer, teacher.config.n_layer);
  const model = buildGpt2(student, seed, 'score');
  for (const layer of model.layers) {
    const block = /^h\.(\d+)(.*)$/s.exec(layer.name);
    const name = block ? `h.${layers[Number(block[1])]}${block[2]}` : layer.name;
    if (layer.weights.length === 0 || (name === 'score' && taught !== student.num_labels)) continue;
    const source = teacher.model.getLayer(name).weights;
    layer.weights.forEach((weight, i) => {
      tf.tidy(() => {
        const value = source[i].read();
        weight.write(name === 'wpe' ? tf.slice(value, [0, 0], weight.shape as [number, number]) : tf.clone(value));
      });
    });
  }
  return new Gpt2(student, model, teacher.tokenizerSource);
}

function checkShapes(teacher: FullGpt2Config, student: FullGpt2Config): void {
  for (const key of SAME) {
    if (student[key] === teacher[key]) continue;
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `gpt2FromTeacher: ${key} is ${student[key]}, the teacher's is ${teacher[key]}; layers can be copied only where they are the same (makeGpt2 makes students of any shape)`,
    );
  }
  if (student.n_positions > teacher.n_positions) {
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `gpt2FromTeacher: n_positions is ${student.n_positions}; expected at most the teacher's ${teacher.n_positions}`,
    );
  }
}

function checkLayers(layers: unknown, students: number, teachers: number): void {
  const valid = (block: unknown) => Number.isInteger(block) && (block as number) >= 0 && (block as number) < teachers;
  if (Array.isArray(layers) && layers.length === students && layers.every(valid)) return;
  throw new QrkdRangeError(
    'ERR_QRKD_VALUE',
    `gpt2FromTeacher: layers is ${Array.isArray(layers) ? `[${layers.join(', ')}]` : describe(layers)}; expected ${students} blocks of the teacher, each from 0 to ${teachers - 1}`,
  );
}
