/**
 * What is done with kernel matrices once they exist: finite shots, noise and its mitigation, repair of negative
 * eigenvalues, alignment, comparison and diagnosis.
 */
export {
  type AlignmentOptions,
  centerKernel,
  kernelAlignment,
  type Labels,
  type TargetOptions,
  targetAlignment,
  targetMatrix,
} from './alignment.js';
export {
  type ConcentrationOptions,
  type ConcentrationReport,
  concentration,
  type KernelShape,
} from './concentration.js';
export { geometricDifference, modelComplexity, type RegularizationOptions } from './geometricDifference.js';
export {
  type DepolarizingMethod,
  type DepolarizingMitigation,
  mitigateDepolarizing,
  mitigateReadout,
} from './mitigation.js';
export { applyNoise, type NoiseOptions, type ReadoutError } from './noise.js';
export { makePsd, type PsdMethod } from './psd.js';
export { type ShotOptions, sampleShots } from './shots.js';
export { type BandwidthScore, type TuneOptions, type TuneResult, tuneBandwidth } from './tuneBandwidth.js';
