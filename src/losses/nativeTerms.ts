import type { NativeKernelSide, NativeTerm } from '../engine/native.js';
import type { Kernel } from '../engine/types.js';
import { QrkdTypeError } from '../errors.js';
import { NativeBackedKernel } from '../kernels/NativeBackedKernel.js';
import type { BatchLoss } from './batchLoss.js';
import type { Projection } from './projection.js';
import { checkKernelWidth, isAmplitude, KERNEL_LOSS_FORMS, type QuantumLossOptions } from './quantum.js';
import { TERMS, type Term } from './terms.js';

/** Where the engine finds what the terms compare: its outputs, and the teacher's matrices among the targets. */
export interface TermPlaces {
  logits: { output: number; target: number };
  /** Where hidden states are compared; the teacher's are as wide as the student's. */
  hidden?: { output: number; target: number };
  /** For every pair of layers, also the widths of both sides' features. */
  features: readonly { output: number; target: number; student: number; teacher: number }[];
}

/** A term of the engine: what it is of the loss, which may have one for each pair of layers. */
export interface NativeShare {
  term: Term;
  /** Of the pair, within the term; 1 where there are no pairs. */
  share: number;
  native: NativeTerm;
}

/**
 * The terms of a loss as the native engine computes them: those of weight above 0, in the order in which they are computed,
 * each relational one once for every pair of layers.
 *
 * @throws TypeError ERR_QRKD_UNSUPPORTED naming the kernel that the engine cannot run by itself.
 */
export function nativeTerms(loss: BatchLoss, { logits, hidden, features }: TermPlaces): NativeShare[] {
  return TERMS.filter((term) => loss.weights[term] > 0).flatMap((term): NativeShare[] => {
    const weight = loss.weights[term];
    if (term === 'ce') return [{ term, share: 1, native: { kind: term, weight, output: logits.output, target: -1 } }];
    if (term === 'kd')
      return [{ term, share: 1, native: { kind: term, weight, ...logits, temperature: loss.temperature } }];
    if (term === 'hidden') {
      if (hidden!.output === logits.output) {
        throw new QrkdTypeError('ERR_QRKD_UNSUPPORTED', 'the term "hidden" compares the logits themselves');
      }
      return [{ term, share: 1, native: { kind: term, weight, ...hidden! } }];
    }
    return features.map(({ output, target, ...widths }, p) => {
      const { weight: share, quantum, rowsPerSample } = loss.pairs[p];
      const common = { weight: weight * share, output, target, rowsPerSample };
      const [student, teacher] = [widths.student / rowsPerSample, widths.teacher / rowsPerSample];
      const native: NativeTerm =
        term === 'quantum'
          ? { kind: term, ...common, ...quantumTerm(quantum!, { student, teacher }) }
          : { kind: term, ...common };
      return { term, share, native };
    });
  });
}

function quantumTerm(options: QuantumLossOptions, widths: { student: number; teacher: number }) {
  const { form = 'smooth-l1', scale = 0, projection } = options;
  return {
    form: KERNEL_LOSS_FORMS.indexOf(form),
    scale,
    student: sideOf(options.student, widths.student, projection?.student, 'student'),
    teacher: sideOf(options.teacher, widths.teacher, projection?.teacher, 'teacher'),
  };
}

function sideOf(kernel: Kernel, width: number, projection: Projection | undefined, side: string): NativeKernelSide {
  const features = projection ? projection.matrix.shape[1] : width;
  checkKernelWidth(kernel, features, side);
  const engine = checkNativeKernel(kernel, features, side);
  return {
    kernel: engine,
    parameters: kernel.parameters?.slice() ?? new Float64Array(),
    ...(projection && {
      projection: { mean: projection.mean, matrix: projection.matrix.data, in: width, out: features },
    }),
    amplitude: isAmplitude(kernel),
  };
}

function checkNativeKernel(kernel: Kernel, features: number, side: string) {
  const native = kernel instanceof NativeBackedKernel ? kernel.forEngine(features) : undefined;
  if (native) return native;
  const why =
    kernel instanceof NativeBackedKernel ? 'is measured with shots, noise or repairs' : "is none of qrkd's own";
  throw new QrkdTypeError('ERR_QRKD_UNSUPPORTED', `the quantum term's ${side} kernel ${why}`);
}
