import { describe, QrkdRangeError, QrkdTypeError, rejectUnknownKeys } from '../errors.js';
import { type FeatureSpec, readTap, type Tap } from '../models/taps.js';

/** A layer of the student and one of the teacher whose features the relational terms compare. */
export interface FeaturePair {
  readonly student: FeatureSpec;
  readonly teacher: FeatureSpec;
  /** Of this pair in every relational term, above 0, default 1. */
  readonly weight?: number;
}

/** A pair with its defaults filled in. */
export interface TapPair {
  readonly student: Tap;
  readonly teacher: Tap;
  readonly weight: number;
}

export interface PairOptions {
  featurePairs?: readonly FeaturePair[];
  featureLayer?: string | { student?: string; teacher?: string };
}

/** The layers whose values are hidden states, a row for each token: those that `hiddenLayer` names. */
export function readHidden(
  hiddenLayer: string | { student?: string; teacher?: string } | undefined,
  where: string,
): TapPair {
  const layers = typeof hiddenLayer === 'string' ? { student: hiddenLayer, teacher: hiddenLayer } : hiddenLayer;
  rejectUnknownKeys(layers ?? {}, ['student', 'teacher'], `${where}: hiddenLayer`);
  const tap = (side: 'student' | 'teacher') => readTap(layers?.[side] ?? 'ln_f', `${where}: hiddenLayer.${side}`);
  return { student: tap('student'), teacher: tap('teacher'), weight: 1 };
}

/**
 * The pairs of layers that the options name.
 *
 * @param teacherLayer the teacher's feature layer where the options name none.
 */
export function readPairs({ featurePairs, featureLayer }: PairOptions, where: string, teacherLayer: string): TapPair[] {
  if (featurePairs === undefined) {
    const layers = typeof featureLayer === 'string' ? { student: featureLayer, teacher: featureLayer } : featureLayer;
    rejectUnknownKeys(layers ?? {}, ['student', 'teacher'], `${where}: featureLayer`);
    const student = readTap(layers?.student ?? 'features', `${where}: featureLayer.student`);
    const teacher = readTap(layers?.teacher ?? teacherLayer, `${where}: featureLayer.teacher`);
    return [{ student, teacher, weight: 1 }];
  }
  if (featureLayer !== undefined) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: featureLayer is the short form of featurePairs; give one of them`,
    );
  }
  if (!Array.isArray(featurePairs) || featurePairs.length === 0) {
    throw new QrkdTypeError(
      'ERR_QRKD_TYPE',
      `${where}: featurePairs must be a list of { student, teacher, weight }, got ${describe(featurePairs)}`,
    );
  }
  return featurePairs.map((pair: FeaturePair, p) => {
    const argument = `${where}: featurePairs[${p}]`;
    rejectUnknownKeys(pair, ['student', 'teacher', 'weight'], argument);
    const { weight = 1 } = pair;
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new QrkdRangeError('ERR_QRKD_VALUE', `${argument}.weight must be above 0, got ${describe(weight)}`);
    }
    const student = readTap(pair.student, `${argument}.student`);
    const teacher = readTap(pair.teacher, `${argument}.teacher`);
    checkSameTokens(student, teacher, argument);
    return { student, teacher, weight };
  });
}

/** Refuses tokens of one side that are not those of the other: relations are compared row by row. */
function checkSameTokens(student: Tap, teacher: Tap, argument: string): void {
  if (student.tokens === undefined && teacher.tokens === undefined) return;
  for (const key of ['tokens', 'padToken'] as const) {
    if (student[key] === teacher[key]) continue;
    throw new QrkdRangeError(
      'ERR_QRKD_VALUE',
      `${argument}: ${key} must be the same on both sides, got ${describe(student[key])} of the student and ${describe(teacher[key])} of the teacher`,
    );
  }
}
