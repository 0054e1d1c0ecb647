export { type ReadQasmOptions, readQasm } from './read.js';
export { type QasmOptions, writeQasm } from './write.js';
