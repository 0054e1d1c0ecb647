import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { OPTIMIZERS } from '../distill/optimizer.js';
import { QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';
import { TERMS } from '../losses/qrkd.js';
import { KERNEL_LOSS_FORMS } from '../losses/quantum.js';
import { headlineKernels } from './recipe.js';

const count = z.int().min(1);
const weight = z.number().min(0);
const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const training = {
  batchSize: count.default(64),
  optimizer: z.enum(OPTIMIZERS).default('adam'),
  learningRate: z.number().positive().default(3e-3),
};

/** A feature map's own keys are checked by the engine, which knows them. */
const kernel = z.looseObject({ type: z.string() });

const method = z.strictObject({
  ce: weight.default(1),
  kd: weight.default(0),
  temperature: z.number().positive().default(4),
  distance: weight.default(0),
  angle: weight.default(0),
  quantum: weight.default(0),
  kernels: z.strictObject({ student: kernel, teacher: kernel }).prefault(() => headlineKernels()),
  form: z.enum(KERNEL_LOSS_FORMS).default('smooth-l1'),
  scale: z.number().positive().nullable().default(2),
  projection: z
    .strictObject({
      teacher: z.enum(['pca', 'orthogonal']).default('pca'),
      teacherFeatures: count.optional(),
      studentFeatures: count.optional(),
      seed: seed.default(0),
    })
    .prefault({}),
});

const schema = z.strictObject({
  /** The installed MNIST digits, or a folder of IDX files. */
  data: z
    .union([z.literal('mnist'), z.strictObject({ idx: z.string() })], 'expected mnist or { idx: FOLDER }')
    .default('mnist'),
  /** Train on the first so many training samples only (classes alternate); default all but the validation part. */
  samples: count.optional(),
  /** One teacher and one student of each method for every seed. */
  seeds: z
    .array(seed)
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'every seed may stand there once')
    .default([0, 1, 2]),
  teacher: z
    .strictObject({
      /** A saved tf.LayersModel that is used as it is, in place of training one. */
      model: z.string().optional(),
      variant: z.enum(['reproduction', 'authors']).default('reproduction'),
      epochs: count.default(10),
      ...training,
    })
    .prefault({}),
  student: z
    .strictObject({
      /** A saved tf.LayersModel to start from, in place of the paper's student; seeds then vary the shuffling only. */
      model: z.string().optional(),
      embedding: z.enum(['linear', 'relu']).default('linear'),
      epochs: count.default(5),
      ...training,
    })
    .prefault({}),
  /** What runs the steps: 'native' for models with layers that it has, 'tfjs' for any, 'auto' for the one that is possible. */
  engine: z.enum(['auto', 'native', 'tfjs']).default('auto'),
  /** Name of the feature layer of both models. */
  featureLayer: z.string().default('features'),
  /** Weights of each method's loss, by the name that the table gives it. */
  methods: z
    .record(z.string().min(1), method, {
      error: ({ input }) => (input === undefined ? 'is missing; name methods and their weights' : undefined),
    })
    .refine((methods) => Object.keys(methods).length > 0, 'at least one method is needed'),
});

/** One study: data, models, training and the methods compared. Every key but `methods` has a default. */
export type StudyConfig = z.output<typeof schema>;
export type StudyConfigInput = z.input<typeof schema>;
/** One method's loss: weights and kernels as plain JSON. */
export type MethodConfig = z.output<typeof method>;

interface Node {
  shape?: Record<string, unknown>;
  def?: { innerType?: unknown; valueType?: unknown; options?: unknown[] };
}

/** The keys that the schema knows at a path, for the error that names the nearest one. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let nodes: Node[] = [schema as Node];
  const open = (node: Node): Node[] => {
    if (node.def?.innerType) return open(node.def.innerType as Node);
    if (node.def?.options && !node.shape) return (node.def.options as Node[]).flatMap(open);
    return [node];
  };
  for (const key of path) {
    nodes = nodes
      .flatMap(open)
      .map((node) => (node.shape ? node.shape[String(key)] : node.def?.valueType) as Node | undefined)
      .filter((node) => node !== undefined);
  }
  return nodes.flatMap(open).flatMap((node) => Object.keys(node.shape ?? {}));
}

/**
 * Checks a study's configuration and fills in the defaults.
 *
 * @param given plain JSON, as read from a file.
 * @param where names it in errors.
 * @throws TypeError ERR_QRKD_UNKNOWN_KEY naming the nearest key, or RangeError ERR_QRKD_VALUE naming the path.
 */
export function parseConfig(given: unknown, where: string): StudyConfig {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) =>
    issue.code === 'invalid_union' && issue.errors.length > 0
      ? (issue.errors.find((branch) => branch.some(({ code }) => code === 'unrecognized_keys')) ?? [issue]).map(
          (inner) => ({
            ...inner,
            path: inner === issue ? issue.path : [...issue.path, ...inner.path],
          }),
        )
      : [issue],
  );
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys');
  if (unknown?.code === 'unrecognized_keys') {
    const key = unknown.keys[0];
    const at = unknown.path.length > 0 ? ` in ${unknown.path.join('.')}` : '';
    throw new QrkdTypeError(
      'ERR_QRKD_UNKNOWN_KEY',
      `${where}: unknown key "${key}"${at}${suggest(key, knownKeys(unknown.path))}`,
    );
  }
  const { path, message } = issues[0];
  throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`);
}

/** Reads a YAML or JSON file (JSON is YAML). */
export function readConfigFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new QrkdRangeError('ERR_QRKD_FILE', `config ${file}: cannot be read (${(error as Error).message})`);
  }
  return parseYaml(text, `config ${file}`);
}

function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text);
  const error = document.errors[0];
  if (error) {
    throw new QrkdRangeError('ERR_QRKD_FORMAT', `${where}: not YAML or JSON (${error.message.split('\n', 1)[0]})`);
  }
  return document.toJS();
}

/**
 * Applies `key=value` settings to a configuration before it is checked. Keys are dotted paths (`student.epochs`,
 * `methods.QRKD.quantum`), values YAML (`3`, `[0, 1]`, `linear`).
 */
export function applySettings(config: unknown, settings: readonly string[]): unknown {
  const copy = structuredClone(config ?? {}) as Record<string, unknown>;
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    if (equals < 1) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `--set ${setting}: expected key=value, for example student.epochs=10`);
    }
    const path = setting.slice(0, equals).split('.');
    const last = path.pop()!;
    let node = copy;
    for (const key of path) {
      const inner = node[key] ?? {};
      if (typeof inner !== 'object' || Array.isArray(inner)) {
        throw new QrkdRangeError('ERR_QRKD_VALUE', `--set ${setting}: "${key}" holds a value, not keys`);
      }
      node[key] = inner;
      node = inner as Record<string, unknown>;
    }
    node[last] = parseYaml(setting.slice(equals + 1), `--set ${setting}`);
  }
  return copy;
}

/** Whether a method compares with the teacher. */
export function usesTeacher(methodConfig: MethodConfig): boolean {
  return TERMS.some((term) => term !== 'ce' && methodConfig[term] > 0);
}
