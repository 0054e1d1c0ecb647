// A fixed set of computations, run in other processes and threads: everything that an instruction set or the number of
// threads could change. As a program it prints the results as JSON; in a worker thread it posts them.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { CosineKernel, FidelityKernel, featureMap, type Matrix, type Precision, RbfKernel, simdInfo } from 'qrkd';
import { angleLossGradient, distanceLossGradient } from '#dist/engine/relational.js';
import { fidelityKernel, MAPS, named, randomMatrices } from '../../matrices.js';

export interface Results {
  active: string;
  threads: number;
  /** The bytes of every result, in base64. */
  values: Record<string, { type: Precision; bytes: string }>;
}

export function compute(): Results {
  const values: Results['values'] = {};
  const keep = (name: string, data: Matrix['data']) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    values[name] = { type: data instanceof Float32Array ? 'float32' : 'float64', bytes };
  };
  const random = randomMatrices('tasks');
  for (const precision of ['float64', 'float32'] as const) {
    const kernels = [
      // Large enough for several blocks and threads, and for the two levels of float32 sums.
      {
        name: 'zz, 9 qubits',
        kernel: new FidelityKernel(featureMap({ type: 'zz', features: 9 }), { precision }),
        n: 70,
      },
      {
        name: 'iqp, 14 qubits',
        kernel: new FidelityKernel(featureMap({ type: 'iqp', features: 14, bandwidth: 0.5 }), { precision }),
        n: 9,
      },
      {
        name: 'angle, 200 qubits',
        kernel: new FidelityKernel(featureMap({ type: 'angle', features: 200, bandwidth: 0.1 }), { precision }),
        n: 90,
      },
      ...MAPS.map((spec) => ({
        name: named(spec),
        kernel: fidelityKernel(spec, precision),
        n: 20,
      })),
      { name: 'RBF', kernel: new RbfKernel({ gamma: 0.1, precision }), n: 200 },
      { name: 'cosine', kernel: new CosineKernel({ precision }), n: 200 },
    ];
    for (const { name, kernel, n } of kernels) {
      const features = kernel instanceof FidelityKernel ? kernel.map.features : 20;
      const [X, Y] = [random(n, features), random(n - 3, features)];
      keep(`${name} ${precision}: matrix`, kernel.matrix(X).data);
      const pass = kernel.forward(X, Y);
      keep(`${name} ${precision}: cross matrix`, pass.matrix.data);
      const { dx, dy } = pass.gradient(random(n, n - 3));
      keep(`${name} ${precision}: dx`, dx.data);
      keep(`${name} ${precision}: dy`, dy!.data);
      pass.dispose();
      keep(`${name} ${precision}: loss`, kernel.lossGradient(X, random(n, n)).gradient.data);
    }
    for (const [name, loss] of Object.entries({ distanceLossGradient, angleLossGradient })) {
      const { data, shape } = random(90, 5);
      const student = precision === 'float32' ? { data: Float32Array.from(data), shape } : { data, shape };
      const result = loss(student, random(90, 7));
      keep(`${name} ${precision}`, result.gradient.data);
      keep(`${name} ${precision}: value`, Float64Array.of(result.loss));
    }
  }
  const { active, threads } = simdInfo();
  return { active, threads, values };
}

export function numbers({ type, bytes }: Results['values'][string]): Float32Array | Float64Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(bytes, 'base64');
  const own = buffer.slice(byteOffset, byteOffset + byteLength);
  return type === 'float32' ? new Float32Array(own) : new Float64Array(own);
}

if (!isMainThread && workerData?.task === 'compute') parentPort!.postMessage(compute());
if (isMainThread && process.argv[1] === new URL(import.meta.url).pathname) {
  process.stdout.write(JSON.stringify(compute()));
}
