import type { backend_util, DataType, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';

/** The part of tfjs's BackendWasm that kernels need. */
export interface WasmBackend {
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): backend_util.TypedArray;
}

/** One kernel on plain arrays: `shape` gives the output's shape, `fill` writes it (row-major; it comes in as zeros). */
export interface ArrayKernel<Attrs> {
  name: string;
  /** Names of the inputs, in the order in which `shape` and `fill` get them. */
  inputs: string[];
  shape(shapes: number[][], attrs: Attrs): number[];
  fill(output: Float32Array, arrays: Float32Array[], shapes: number[][], attrs: Attrs): void;
}

/** tfjs's configuration for registering an {@link ArrayKernel} with the wasm backend. The output has the first input's type. */
export function toConfig<Attrs>(kernel: ArrayKernel<Attrs>): KernelConfig {
  return {
    kernelName: kernel.name,
    backendName: 'wasm',
    kernelFunc: (params) => {
      const backend = params.backend as WasmBackend;
      const attrs = params.attrs as unknown as Attrs;
      const infos = kernel.inputs.map((name) => params.inputs[name] as TensorInfo);
      const shapes = infos.map((info) => info.shape);
      const output = backend.makeOutput(kernel.shape(shapes, attrs), infos[0]!.dtype);
      // Views only now: allocating may have moved the heap under earlier ones.
      const arrays = infos.map((info) => backend.typedArrayFromHeap(info) as Float32Array);
      const values = backend.typedArrayFromHeap(output) as Float32Array;
      values.fill(0);
      kernel.fill(values, arrays, shapes, attrs);
      return output;
    },
  };
}
