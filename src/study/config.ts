import type { z } from 'zod';
import { QrkdRangeError, QrkdTypeError, suggest } from '../errors.js';
import { TERMS } from '../losses/qrkd.js';
import { inherit } from './methods.js';
import { DEFAULT_FEATURES, GPT2, type MethodConfig, PAPER_WIDTH, type StudyConfig, schema } from './schema.js';

export type { MethodConfig, StudyConfig, StudyConfigInput } from './schema.js';

interface Node {
  shape?: Record<string, unknown>;
  def?: { innerType?: unknown; valueType?: unknown; element?: unknown; options?: unknown[] };
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
      .map(
        (node) =>
          (node.shape ? node.shape[String(key)] : (node.def?.valueType ?? node.def?.element)) as Node | undefined,
      )
      .filter((node) => node !== undefined);
  }
  return nodes.flatMap(open).flatMap((node) => Object.keys(node.shape ?? {}));
}

/** With text, the sizes of the models that are made anew, and where a GPT-2 has features; other studies are as they were. */
function withTextDefaults(config: StudyConfig): StudyConfig {
  if (!config.text) return config;
  const { teacher, student, text, featureLayer, featurePairs, hiddenLayer } = config;
  const place = { layer: 'ln_f', pooling: 'average' } as const;
  return {
    ...config,
    // Of a text's tokens some are padding, which has no meaning to compare.
    ...(text.task === 'classification' && { hiddenLayer: hiddenLayer ?? 'pooled' }),
    ...(featureLayer === DEFAULT_FEATURES &&
      (text.task === 'classification'
        ? { featureLayer: 'pooled' }
        : { featurePairs: featurePairs ?? [{ student: place, teacher: place }] })),
    teacher: { ...teacher, gpt2: teacher.gpt2 ?? GPT2.teacher.parse({}) },
    student: { ...student, gpt2: student.gpt2 ?? GPT2.student.parse({}) },
  };
}

/** Of the forms that a value may have the one that was meant: that which knows all keys given, else one that does not. */
function likeliest(forms: z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const strange = (form: z.core.$ZodIssue[]) => form.some(({ code }) => code === 'unrecognized_keys');
  return forms.find((form) => !strange(form) && form.some(({ path }) => path.length > 0)) ?? forms.find(strange);
}

/** Refuses what a study of text, or of images, would silently leave out. */
function checkKind({ text, teacher, student }: StudyConfig, where: string): void {
  const refuse = (key: string, why: string): never => {
    throw new QrkdRangeError('ERR_QRKD_VALUE', `${where}: ${key} is ${why}`);
  };
  if (teacher.fineTune && (teacher.model === undefined || teacher.model.endsWith('.onnx'))) {
    refuse('teacher.fineTune', 'for a teacher.model that can be trained: a GPT-2 or a saved tf.LayersModel');
  }
  if (!text) {
    for (const [side, { gpt2 }] of Object.entries({ teacher, student })) {
      if (gpt2) refuse(`${side}.gpt2`, 'for text; give the key text, too, or leave it out');
    }
    if (student.fromTeacher) refuse('student.fromTeacher', 'for text; give the key text, too, or leave it out');
    return;
  }
  for (const [side, { augment }] of Object.entries({ teacher, student })) {
    if (augment) refuse(`${side}.augment`, 'for images; leave it out');
  }
  if (teacher.variant !== 'reproduction') refuse('teacher.variant', 'for images; with text teacher.gpt2 has the sizes');
  if (student.variant) refuse('student.variant', 'for images; with text student.gpt2 has the sizes');
  if (student.width !== PAPER_WIDTH) refuse('student.width', 'for images; with text it is student.gpt2.width');
}

/**
 * Checks a study's configuration and fills in the defaults.
 *
 * @param given plain JSON, as read from a file.
 * @param where names it in errors.
 * @throws TypeError ERR_QRKD_UNKNOWN_KEY naming the nearest key, or RangeError ERR_QRKD_VALUE naming the path.
 */
export function parseConfig(given: unknown, where: string): StudyConfig {
  const result = schema.safeParse(inherit(given, where));
  if (result.success) {
    const { teacher, text } = result.data;
    checkKind(result.data, where);
    if (teacher.cacheTopK !== undefined && text?.task !== 'language') {
      throw new QrkdRangeError(
        'ERR_QRKD_VALUE',
        `${where}: teacher.cacheTopK is for text of the task language; other teachers' outputs are kept in memory`,
      );
    }
    return withTextDefaults(result.data);
  }
  const issues = result.error.issues.flatMap((issue) =>
    issue.code === 'invalid_union'
      ? (likeliest(issue.errors) ?? [{ ...issue, path: [] }]).map((inner) => ({
          ...inner,
          path: [...issue.path, ...inner.path],
        }))
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

/** Whether a method compares with the teacher. */
export function usesTeacher(methodConfig: MethodConfig): boolean {
  return TERMS.some((term) => term !== 'ce' && methodConfig[term] > 0);
}
