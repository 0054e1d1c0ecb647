/**
 * The paper's networks as tfjs models, the layers that they need beyond tfjs, and saving to disk on every backend.
 * @module qrkd/models
 */
export { loadModel, saveModel } from './io.js';
export {
  AdaptiveAveragePooling2d,
  type AdaptiveAveragePooling2dArgs,
  adaptiveAveragePooling2d,
} from './layers/adaptiveAveragePooling2d.js';
export { FEATURE_LAYER, paperStudent, paperTeacher, type StudentOptions, type TeacherOptions } from './paper.js';
