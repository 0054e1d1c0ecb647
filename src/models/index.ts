/**
 * Networks as tfjs models, the layers that they need beyond tfjs, and saving to disk on every backend.
 * @module qrkd/models
 */

export { FEATURE_LAYER, type NetworkOptions } from './building.js';
export { cifarTeacher } from './cifar.js';
export type { FullGpt2Config, Gpt2Config } from './gpt2/config.js';
export { type FromTeacherOptions, gpt2FromTeacher, spacedLayers } from './gpt2/fromTeacher.js';
export { Gpt2, type MakeGpt2Options, makeGpt2, type TokenizerSource } from './gpt2/gpt2.js';
export { type LoadGpt2Options, loadGpt2 } from './gpt2/load.js';
export { saveGpt2 } from './gpt2/save.js';
export type { TokenIds } from './gpt2/tokenIds.js';
export { loadModel, saveModel } from './io.js';
export {
  AdaptiveAveragePooling2d,
  type AdaptiveAveragePooling2dArgs,
  adaptiveAveragePooling2d,
} from './layers/adaptiveAveragePooling2d.js';
export { CausalSelfAttention, type CausalSelfAttentionArgs } from './layers/causalSelfAttention.js';
export { PositionEmbedding, type PositionEmbeddingArgs } from './layers/positionEmbedding.js';
export { SequencePooling, type SequencePoolingArgs } from './layers/sequencePooling.js';
export { TokenEmbedding, type TokenEmbeddingArgs } from './layers/tokenEmbedding.js';
export { paperStudent, paperTeacher, type StudentOptions, type TeacherOptions } from './paper.js';
export {
  makeStudent,
  makeTeacher,
  STUDENT_NAMES,
  type StudentName,
  TEACHER_NAMES,
  type TeacherName,
} from './registry.js';
export { type ResnetOptions, resnet } from './resnet.js';
