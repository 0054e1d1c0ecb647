/**
 * From a `tf.LayersModel` to an ONNX file that is proven to compute the same. Loads without the addon, and without
 * TensorFlow until {@link verifyOnnx} runs a model.
 * @module qrkd/onnx
 */
export { type ExportOptions, type ExportResult, exportOnnx, toOnnx } from './export.js';
export { exportGpt2, type GenerateOnnxOptions, generateOnnx } from './gpt2.js';
export { supportedLayers } from './layers/registry.js';
export { type OnnxPort, type OnnxSummary, readOnnx } from './read.js';
export { type FloatTensor, type InputTensor, type RunOptions, runOnnx } from './runtime.js';
export { type Comparison, type VerifyOptions, type VerifyReport, verifyOnnx } from './verify.js';
