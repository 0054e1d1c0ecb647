import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NetworkOptions } from './building.js';
import { oneOf } from './building.js';
import { cifarTeacher } from './cifar.js';
import { paperStudent, paperTeacher, type StudentOptions } from './paper.js';
import { resnet } from './resnet.js';

/** Teachers by the names that configurations give them. A new network is one file, and a line here. */
const TEACHERS = {
  reproduction: (options: NetworkOptions) => paperTeacher({ ...options, variant: 'reproduction' }),
  authors: (options: NetworkOptions) => paperTeacher({ ...options, variant: 'authors' }),
  'authors-cifar': cifarTeacher,
  resnet20: (options: NetworkOptions) => resnet({ ...options, depth: 20 }),
} as const;

/** Students likewise. */
const STUDENTS = {
  reproduction: paperStudent,
  resnet8: (options: NetworkOptions) => resnet({ ...options, depth: 8 }),
} as const;

export type TeacherName = keyof typeof TEACHERS;
export type StudentName = keyof typeof STUDENTS;

export const TEACHER_NAMES = Object.keys(TEACHERS) as [TeacherName, ...TeacherName[]];
export const STUDENT_NAMES = Object.keys(STUDENTS) as [StudentName, ...StudentName[]];

/**
 * A teacher by name: `reproduction` and `authors` ({@link paperTeacher}), `authors-cifar` ({@link cifarTeacher}), `resnet20`
 * ({@link resnet}); any image shape and number of classes.
 * @throws {QrkdTypeError | QrkdRangeError} for an unknown name, and as the network does for its options.
 */
export function makeTeacher(name: TeacherName, options: NetworkOptions = {}): LayersModel {
  return TEACHERS[oneOf('makeTeacher: name', name, TEACHER_NAMES)](options);
}

/**
 * A student by name: `reproduction` ({@link paperStudent}, which alone has `width` and `embedding`), `resnet8`
 * ({@link resnet}).
 * @throws {QrkdTypeError | QrkdRangeError} for an unknown name, and as the network does for its options.
 */
export function makeStudent(name: StudentName, options: StudentOptions = {}): LayersModel {
  return STUDENTS[oneOf('makeStudent: name', name, STUDENT_NAMES)](options);
}
