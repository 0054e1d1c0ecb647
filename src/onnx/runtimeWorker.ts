/** The worker thread of session.ts: one file; an answer to the start, and one to every call. */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type * as Ort from 'onnxruntime-node';
import type { FloatTensor } from './runtime.js';
import type { CallRequest, SessionReply, SessionRequest } from './session.js';

const require = createRequire(import.meta.url);
const port = parentPort!;

async function start({ model, threads }: SessionRequest): Promise<SessionReply> {
  const ort = require('onnxruntime-node') as typeof Ort;
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  const session = await ort.InferenceSession.create(model as string, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionProviders: ['cpu'],
    // Errors come back as exceptions; its warnings on stderr would break the command line's one clear line.
    logSeverityLevel: 4,
  });
  port.on('message', async (call: CallRequest | null) => {
    if (call) return port.postMessage(await answered(() => run(ort, session, call)));
    await session.release();
    port.close();
  });
  return { version };
}

async function run(ort: typeof Ort, session: Ort.InferenceSession, call: CallRequest): Promise<SessionReply> {
  const feeds = Object.entries(call.inputs).map(([name, { data, shape }]) => [
    name,
    data instanceof Int32Array
      ? new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)
      : new ort.Tensor('float32', data, shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds), [...call.outputs]);
  const outputs = call.outputs.map((name): [string, FloatTensor] => {
    const { type, data, dims } = results[name];
    if (type !== 'float32') throw new Error(`the tensor "${name}" is of type ${type}, not float32`);
    // A copy: the runtime owns the memory that it hands out.
    return [name, { data: Float32Array.from(data as Float32Array), shape: dims }];
  });
  return { outputs: Object.fromEntries(outputs) };
}

async function answered(body: () => Promise<SessionReply>): Promise<SessionReply> {
  try {
    return await body();
  } catch (error) {
    return { problem: (error as Error).message.replace(/\s*\n\s*/g, ' ') };
  }
}

void answered(() => start(workerData as SessionRequest)).then((reply) => port.postMessage(reply));
