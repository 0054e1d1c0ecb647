// Small data sets in the files of the real ones, for tests. Images of a class share a pattern (a bright block whose place
// and colour tell the class) under noise, so that a network learns something from a few hundred of them. The same arguments
// give the same bytes.
//
//   writeCifar10(folder)                              data_batch_1.bin ... data_batch_5.bin, test_batch.bin, batches.meta.txt
//   writeCifar10(folder, { perBatch: 200, test: 200 })  5 x 200 training and 200 test records (real files: 10,000 each)
//   writeCifar10(folder, { archive: true })           cifar-10-binary.tar.gz, packed as the real one is
//   writeCifar100(folder, { train, test, archive })   train.bin, test.bin, the two lists of names
//   writeIdx(folder, { train, test, gzip })           MNIST's four files
//
// All of them make the folder and return the path to load: { cifar10: path }, { cifar100: path }, { idx: path }.
// `qrkd reproduce cifar10 --data FOLDER` takes what writeCifar10(FOLDER) wrote.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import seedrandom from 'seedrandom';
import { create } from 'tar';

const CIFAR_SIDE = 32;

/** Bytes `[channels][side][side]` of an image of a class. */
function pattern(label: number, classes: number, side: number, channels: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(channels * side * side);
  const grid = Math.ceil(Math.sqrt(classes));
  const cell = side / grid;
  const [top, left] = [Math.floor(label / grid) * cell, (label % grid) * cell];
  for (let channel = 0; channel < channels; channel++) {
    const brightness = 120 + ((label * (channel + 1)) % 4) * 40;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const inside = y >= top && y < top + cell && x >= left && x < left + cell;
        bytes[(channel * side + y) * side + x] = Math.floor((inside ? brightness : 0) * 0.9 + random() * 25);
      }
    }
  }
  return bytes;
}

/** Records in CIFAR's form: the labels that `labelsOf` gives, then 3 planes of 32 x 32 bytes; classes take turns. */
function cifarRecords(
  count: number,
  first: number,
  classes: number,
  labelsOf: (label: number) => number[],
  seed: string,
): Buffer {
  const random = seedrandom(seed);
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const label = (first + i) % classes;
      return Buffer.concat([Buffer.from(labelsOf(label)), pattern(label, classes, CIFAR_SIDE, 3, random)]);
    }),
  );
}

/** Writes files, or packs them into `archive` under `inner/`, in the order given; returns the path to load. */
function writeFiles(folder: string, files: Record<string, Buffer | string>, archive?: [name: string, inner: string]) {
  const target = archive ? join(folder, archive[1]) : folder;
  mkdirSync(target, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(target, name), bytes);
  if (!archive) return folder;
  const [name, inner] = archive;
  const members = Object.keys(files).map((file) => `${inner}/${file}`);
  create({ file: join(folder, name), cwd: folder, gzip: true, sync: true, portable: true }, members);
  rmSync(target, { recursive: true });
  return join(folder, name);
}

const CIFAR10_NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** CIFAR-10's binary version: 5 batches of `perBatch` records and a test batch of `test`. */
export function writeCifar10(
  folder: string,
  { perBatch = 40, test = 40, archive = false }: { perBatch?: number; test?: number; archive?: boolean } = {},
): string {
  const batch = (n: number) => cifarRecords(perBatch, (n - 1) * perBatch, 10, (label) => [label], `cifar10 ${n}`);
  // The members of the real archive are not in order, either.
  const files = {
    'data_batch_1.bin': batch(1),
    'batches.meta.txt': `${CIFAR10_NAMES.join('\n')}\n\n`,
    'data_batch_3.bin': batch(3),
    'data_batch_4.bin': batch(4),
    'test_batch.bin': cifarRecords(test, 0, 10, (label) => [label], 'cifar10 test'),
    'readme.html': '<html></html>',
    'data_batch_5.bin': batch(5),
    'data_batch_2.bin': batch(2),
  };
  return writeFiles(folder, files, archive ? ['cifar-10-binary.tar.gz', 'cifar-10-batches-bin'] : undefined);
}

/** CIFAR-100's binary version: every record has a coarse label (here a fifth of the fine one, rounded down) and a fine one. */
export function writeCifar100(
  folder: string,
  { train = 200, test = 100, archive = false }: { train?: number; test?: number; archive?: boolean } = {},
): string {
  const labels = (fine: number) => [Math.floor(fine / 5), fine];
  const names = (what: string, count: number) =>
    `${Array.from({ length: count }, (_, i) => `${what}_${i}`).join('\n')}\n`;
  const files = {
    'train.bin': cifarRecords(train, 0, 100, labels, 'cifar100 train'),
    'test.bin': cifarRecords(test, 0, 100, labels, 'cifar100 test'),
    'fine_label_names.txt': names('fine', 100),
    'coarse_label_names.txt': names('coarse', 20),
  };
  return writeFiles(folder, files, archive ? ['cifar-100-binary.tar.gz', 'cifar-100-binary'] : undefined);
}

/** An IDX file of unsigned bytes. */
export function idxFile(dims: readonly number[], values: Uint8Array | readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length, 0);
  dims.forEach((dim, axis) => {
    header.writeUInt32BE(dim, 4 + 4 * axis);
  });
  return Buffer.concat([header, Uint8Array.from(values)]);
}

/** MNIST's four files with `train` and `test` images of `side` x `side` pixels. */
export function writeIdx(
  folder: string,
  {
    train = 100,
    test = 40,
    side = 28,
    classes = 10,
    gzip = false,
  }: { train?: number; test?: number; side?: number; classes?: number; gzip?: boolean } = {},
): string {
  const files: Record<string, Buffer> = {};
  for (const [part, count] of [
    ['train', train],
    ['t10k', test],
  ] as const) {
    const random = seedrandom(`idx ${part}`);
    const labels = Array.from({ length: count }, (_, i) => i % classes);
    const images = Buffer.concat(labels.map((label) => pattern(label, classes, side, 1, random)));
    files[`${part}-images-idx3-ubyte`] = idxFile([count, side, side], images);
    files[`${part}-labels-idx1-ubyte`] = idxFile([count], labels);
  }
  const packed = Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)] as const);
  return writeFiles(folder, gzip ? Object.fromEntries(packed) : files);
}
