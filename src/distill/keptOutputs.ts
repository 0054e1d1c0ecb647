import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readNpzFile, writeNpzFile } from '../files/index.js';
import type { Tap } from '../models/taps.js';
import { samplesIdentity } from './checkpoint.js';
import type { SampleSet } from './samples.js';
import type { Teacher, TeacherOutputs } from './teacher.js';

/**
 * A teacher whose outputs on some sets are computed once and kept as `.npz` files in a folder, by what they depend on: the
 * teacher, the samples and the places of its features. Anything else, like batches that are augmented, it computes anew.
 *
 * @param sets those that are kept; told by their `images`, the very array.
 */
export function keepOutputs(teacher: Teacher, folder: string, sets: readonly SampleSet[]): Teacher {
  return {
    identity: teacher.identity,
    ...(teacher.featureLayer !== undefined && { featureLayer: teacher.featureLayer }),
    async outputs(samples, taps, signal) {
      const set = sets.find(({ images }) => images === samples.images);
      if (!set) return teacher.outputs(samples, taps, signal);
      const file = join(folder, `${keyOf(teacher, set, taps)}.npz`);
      if (existsSync(file)) return read(file, taps.length);
      const outputs = await teacher.outputs(samples, taps, signal);
      mkdirSync(folder, { recursive: true });
      await write(file, outputs);
      return outputs;
    },
  };
}

function keyOf({ identity }: Teacher, set: SampleSet, taps: readonly Tap[]): string {
  return createHash('sha256')
    .update(JSON.stringify([identity, samplesIdentity(set), taps]))
    .digest('hex');
}

async function write(file: string, { logits, features }: TeacherOutputs): Promise<void> {
  await writeNpzFile(file, {
    ...(logits && { logits }),
    ...Object.fromEntries(features.map((matrix, p) => [`features${p}`, matrix])),
  });
}

async function read(file: string, pairs: number): Promise<TeacherOutputs> {
  const { logits, ...arrays } = await readNpzFile(file);
  return { ...(logits && { logits }), features: Array.from({ length: pairs }, (_, p) => arrays[`features${p}`]) };
}
