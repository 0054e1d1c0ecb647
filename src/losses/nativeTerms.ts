import type { NativeKernelSide, NativeTerm } from '../engine/native.js';
import type { Kernel } from '../engine/types.js';
import { QrkdTypeError } from '../errors.js';
import { NativeBackedKernel } from '../kernels/NativeBackedKernel.js';
import type { Projection } from './projection.js';
import { type BatchLoss, type QrkdLoss, TERMS, type Term } from './qrkd.js';
import { checkKernelWidth, isAmplitude, KERNEL_LOSS_FORMS, type QuantumLossOptions } from './quantum.js';

/** Where the engine finds what the terms compare: its output, and the teacher's matrix among the targets. */
export interface TermPlaces {
  logits: { output: number; target: number };
  /** Also the widths of both sides' features. */
  features?: { output: number; target: number; student: number; teacher: number };
}

/** The loss's terms of weight above 0, in the order in which they are computed. */
export function activeTerms(loss: QrkdLoss): Term[] {
  return TERMS.filter((term) => loss.weights[term] > 0);
}

/**
 * The terms of a loss as the native engine computes them, one for each of {@link activeTerms}.
 *
 * @throws TypeError ERR_QRKD_UNSUPPORTED naming the kernel that the engine cannot run by itself.
 */
export function nativeTerms(loss: QrkdLoss, prepared: BatchLoss, { logits, features }: TermPlaces): NativeTerm[] {
  return activeTerms(loss).map((kind): NativeTerm => {
    const weight = loss.weights[kind];
    if (kind === 'ce') return { kind, weight, output: logits.output, target: -1 };
    if (kind === 'kd') return { kind, weight, ...logits, temperature: loss.temperature };
    const { output, target, ...widths } = features!;
    if (kind !== 'quantum') return { kind, weight, output, target };
    return { kind, weight, output, target, ...quantumTerm(prepared.quantum!, widths) };
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
