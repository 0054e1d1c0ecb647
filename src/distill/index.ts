/**
 * Distillation: tfjs losses with gradients from the native engine, and the training loop. Loads a tensor backend.
 * @module qrkd/distill
 */
export { angleLoss } from '../losses/angle.js';
export type { BatchLoss, LossEvaluation, OutputTensors, PreparedPair } from '../losses/batchLoss.js';
export { distanceLoss } from '../losses/distance.js';
export { fidelityMatrix } from '../losses/fidelityMatrix.js';
export { type KdOptions, kdLoss } from '../losses/kd.js';
export { LOSS_PRESETS, type LossPreset, type LossWeights, lossPreset } from '../losses/presets.js';
export { orthogonalProjection, type Projection, pcaProjection } from '../losses/projection.js';
export {
  type FeatureFit,
  type ProjectionOptions,
  type QrkdLoss,
  type QrkdLossOptions,
  qrkdLoss,
} from '../losses/qrkd.js';
export { type QuantumLossOptions, quantumLoss } from '../losses/quantum.js';
export type { TargetRatios, TermWeights } from '../losses/targetRatios.js';
export type { Outputs, Term, TermValue } from '../losses/terms.js';
export type { FeaturePlace, FeatureSpec, Tap } from '../models/taps.js';
export { type BackendInfo, backendInfo, ready, type Tf, tf } from '../tensor/backend.js';
export type { Augment, BatchPlace } from './augment.js';
export type { CheckpointOptions } from './checkpoint.js';
export { type DistillOptions, type DistillResult, distill } from './distill.js';
export type { EngineName } from './engine.js';
export { type Evaluation, evaluate } from './evaluate.js';
export { keepOutputs } from './keptOutputs.js';
export type { EpochEntry, LogEntry, StepEntry } from './log/entries.js';
export type { LogOptions } from './log/log.js';
export type { EpochMetrics } from './meter.js';
export type { ImageLayout, Normalization } from './onnxInput.js';
export { type OnnxTeacher, type OnnxTeacherOptions, onnxTeacher } from './onnxTeacher.js';
export type { OptimizerConfig, OptimizerName, OptimizerState } from './optimizer.js';
export type { TrainingOptions } from './options.js';
export type { FeaturePair } from './pairs.js';
export type { SampleSet, TokenSet } from './samples.js';
export type { Schedule, Warmup } from './schedule.js';
export type { EarlyStopping, Keep, Monitor, StopReason } from './selection.js';
export type { Inputs, Teacher, TeacherOutputs } from './teacher.js';
export type { TeacherCacheOptions } from './teacherCache.js';
export { type TrainOptions, type TrainResult, train } from './train.js';
export {
  type KernelEpoch,
  type KernelObjective,
  type TrainKernelOptions,
  type TrainKernelResult,
  trainKernel,
} from './trainKernel.js';
