/** The worker thread of runtime.ts: one file, one set of inputs, one answer. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type * as Ort from 'onnxruntime-node';
import type { FloatTensor, RunReply, RunRequest } from './runtime.js';

const require = createRequire(import.meta.url);

async function run({ path, inputs, outputs, threads, batchSize }: RunRequest): Promise<RunReply> {
  const ort = require('onnxruntime-node') as typeof Ort;
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  let session: Ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(path, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionProviders: ['cpu'],
      // Errors come back as exceptions; its warnings on stderr would break the command line's one clear line.
      logSeverityLevel: 4,
    });
  } catch (error) {
    return { problem: (error as Error).message.replace(/\s*\n\s*/g, ' ') };
  }
  const parts: Record<string, FloatTensor[]> = Object.fromEntries(outputs.map((name) => [name, []]));
  const samples = Object.values(inputs)[0].shape[0];
  for (let start = 0; start < samples; start += batchSize) {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => {
        const { data, shape } = rows(tensor, start, Math.min(start + batchSize, samples));
        return [name, new ort.Tensor('float32', data, shape)];
      }),
    );
    const results = await session.run(feeds);
    for (const name of outputs) {
      // A copy: the runtime owns the memory that it hands out.
      parts[name].push({ data: Float32Array.from(results[name].data as Float32Array), shape: results[name].dims });
    }
  }
  await session.release();
  return { outputs: Object.fromEntries(outputs.map((name) => [name, joined(parts[name])])), version };
}

function rows({ data, shape }: FloatTensor, start: number, end: number): { data: Float32Array; shape: number[] } {
  const size = data.length / shape[0];
  return { data: data.slice(start * size, end * size), shape: [end - start, ...shape.slice(1)] };
}

function joined(parts: readonly FloatTensor[]): FloatTensor {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  const samples = parts.reduce((sum, part) => sum + part.shape[0], 0);
  return { data, shape: [samples, ...parts[0].shape.slice(1)] };
}

void run(workerData as RunRequest).then((reply) => parentPort!.postMessage(reply));
