/**
 * The quantum kernel engine: feature maps, fidelity kernels with exact gradients, and classical controls. Loads without
 * TensorFlow.
 *
 * @module qrkd
 */

export * from './analysis/index.js';
export { type Angle, AngleExpression, type AngleJson, feature, parameter } from './circuits/angle.js';
export {
  Circuit,
  type CircuitJson,
  type CircuitOptions,
  circuit,
  type Operation,
  type OperationJson,
} from './circuits/circuit.js';
export type { DrawOptions, SvgOptions } from './circuits/draw/index.js';
export { type Complex, type ComplexMatrix, GATES, type Gate, type GateName } from './circuits/gates.js';
export type { QasmOptions, ReadQasmOptions } from './circuits/qasm/index.js';
export { type SimdInfo, simdInfo } from './engine/native.js';
export type {
  AsyncOptions,
  ForwardPass,
  Gradient,
  Kernel,
  KernelLossForm,
  KernelLossGradient,
  LossGradient,
  Matrix,
  MatrixLike,
  Precision,
  TensorLike,
} from './engine/types.js';
export { type ErrorCode, QrkdRangeError, QrkdTypeError } from './errors.js';
export { readMatrixFile, readNpzFile, writeMatrixFile, writeNpzFile } from './files/index.js';
export { CosineKernel } from './kernels/CosineKernel.js';
export type { DeviceOptions, Mitigation } from './kernels/Device.js';
export { FidelityKernel, type FidelityKernelOptions, type States } from './kernels/FidelityKernel.js';
export { LinearKernel } from './kernels/LinearKernel.js';
export { MaternKernel, type MaternOptions, type MaternSmoothness } from './kernels/MaternKernel.js';
export type { MatrixToFileOptions } from './kernels/matrixToFile.js';
export type { KernelOptions } from './kernels/NativeBackedKernel.js';
export {
  type NystromApproximation,
  type NystromError,
  type NystromMethod,
  type NystromOptions,
  nystrom,
} from './kernels/nystrom.js';
export { type InnerKernel, ProjectedKernel, type ProjectedKernelOptions } from './kernels/ProjectedKernel.js';
export { RbfKernel } from './kernels/RbfKernel.js';
export type { BlockEntanglement, Entanglement } from './maps/entanglement.js';
export {
  type AmplitudeSpec,
  type AngleSpec,
  type ChebyshevSpec,
  type CircuitSpec,
  type DataReuploadingSpec,
  FEATURE_MAPS,
  type FeatureMap,
  type FeatureMapInfo,
  type FeatureMapSpec,
  featureMap,
  type HardwareEfficientSpec,
  type HubregtsenSpec,
  type IQPSpec,
  type PauliSpec,
  type QAOASpec,
  type YZCXSpec,
  type ZSpec,
  type ZZSpec,
} from './maps/index.js';
export type { MatrixFile } from './tiles/matrixFile.js';
export { type MergeOptions, mergeParts } from './tiles/merge.js';
export type { FileProgress } from './tiles/writeTiles.js';
