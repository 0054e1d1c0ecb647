import type { EinsumAttrs, KernelConfig, Tensor, Tensor3D } from '@tensorflow/tfjs-core';
import type { Tf } from '../backend.js';
import type { WasmBackend } from './kernel.js';

/** A tensor whose axes are named by one letter each. */
interface Named {
  tensor: Tensor;
  letters: string[];
}

/** Einsum, missing from the stock backend: operands are contracted from left to right by batched matrix products. */
export function einsumConfig(tf: Tf): KernelConfig {
  return {
    kernelName: 'Einsum',
    backendName: 'wasm',
    kernelFunc: (params) => {
      const { equation } = params.attrs as unknown as EinsumAttrs;
      const backend = params.backend as WasmBackend;
      const result = tf.tidy(() => evaluate(tf, equation, Object.values(params.inputs) as unknown as Tensor[]));
      // A kernel hands out bare data: returning the tensor itself would leave a reference that nobody gives back.
      const output = backend.makeOutput(result.shape, result.dtype);
      backend.typedArrayFromHeap(output).set(backend.typedArrayFromHeap(result));
      result.dispose();
      return output;
    },
  };
}

function evaluate(tf: Tf, equation: string, tensors: Tensor[]): Tensor {
  const [left, right] = equation.replace(/\s/g, '').split('->') as [string, string];
  const terms = left.split(',').map((term) => [...term]);
  const output = [...right];
  let result: Named = sumOut(tf, { tensor: tensors[0]!, letters: terms[0]! }, [...terms.slice(1).flat(), ...output]);
  for (let i = 1; i < tensors.length; i++) {
    const needed = [...terms.slice(i + 1).flat(), ...output];
    const next = sumOut(tf, { tensor: tensors[i]!, letters: terms[i]! }, [...result.letters, ...needed]);
    result = contract(tf, sumOut(tf, result, [...next.letters, ...needed]), next, needed);
  }
  return arrange(tf, result, output);
}

/** Sums over the axes that nothing else needs. */
function sumOut(tf: Tf, { tensor, letters }: Named, needed: string[]): Named {
  const axes = letters.flatMap((letter, axis) => (needed.includes(letter) ? [] : [axis]));
  if (axes.length === 0) return { tensor, letters };
  return { tensor: tf.sum(tensor, axes), letters: letters.filter((letter) => needed.includes(letter)) };
}

function arrange(tf: Tf, { tensor, letters }: Named, order: string[]): Tensor {
  return tf.transpose(
    tensor,
    order.map((letter) => letters.indexOf(letter)),
  );
}

/** [batch, m, k] x [batch, k, n]: shared letters that are needed later are batch, the other shared ones are summed. */
function contract(tf: Tf, a: Named, b: Named, needed: string[]): Named {
  const shared = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = shared.filter((letter) => needed.includes(letter));
  const summed = shared.filter((letter) => !needed.includes(letter));
  const rows = a.letters.filter((letter) => !shared.includes(letter));
  const columns = b.letters.filter((letter) => !shared.includes(letter));
  const size = (named: Named, letters: string[]) =>
    letters.map((letter) => named.tensor.shape[named.letters.indexOf(letter)]!);
  const product = (sizes: number[]) => sizes.reduce((x, y) => x * y, 1);
  const block = (named: Named, [outer, first, second]: [string[], string[], string[]]): Tensor3D =>
    tf.reshape(arrange(tf, named, [...outer, ...first, ...second]), [
      product(size(named, outer)),
      product(size(named, first)),
      product(size(named, second)),
    ]);
  const result = tf.matMul(block(a, [batch, rows, summed]), block(b, [batch, summed, columns]));
  return {
    tensor: tf.reshape(result, [...size(a, batch), ...size(a, rows), ...size(b, columns)]),
    letters: [...batch, ...rows, ...columns],
  };
}
