import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type DistillOptions, distill, ready, tf } from 'qrkd/distill';
import { type Event, encodeEvent, readEvents } from '#dist/distill/log/eventFile.js';
import { crc32c } from '#dist/distill/log/tfrecord.js';
import { cloudOptions } from './clouds.js';

describe('01 event files', () => {
  it('CRC-32C of the vectors of RFC 3720, B.4', () => {
    const vectors: [Uint8Array, number][] = [
      [new Uint8Array(32), 0x8a9136aa],
      [new Uint8Array(32).fill(0xff), 0x62a8ab43],
      [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
      [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
      [Buffer.from('123456789'), 0xe3069283],
    ];
    for (const [bytes, crc] of vectors) assert.equal(crc32c(bytes), crc);
  });

  const file = readFileSync(new URL('../../../../test/fixtures/scalars.tfevents', import.meta.url));
  const events: Event[] = [
    { wall_time: 1.5e9, file_version: 'brain.Event:2' },
    {
      wall_time: 1.5e9 + 0.25,
      step: 93,
      summary: {
        value: [
          { tag: 'loss', simple_value: 2.5 },
          { tag: 'gradientNorm/quantum', simple_value: Math.fround(0.1) },
        ],
      },
    },
    {
      wall_time: 1.5e9 + 1,
      step: 3e9,
      summary: { value: [{ tag: 'x'.repeat(200), simple_value: Math.fround(-1e-30) }] },
    },
  ];

  it("has the bytes of TensorBoard's own writer", () => {
    assert.deepEqual(Buffer.concat(events.map(encodeEvent)), file);
  });

  it('is read up to the first record that is not whole', () => {
    const read = (bytes: Buffer) => [...readEvents(bytes)].map(({ event }) => event);
    assert.deepEqual(read(file), events);
    assert.deepEqual(read(file.subarray(0, file.length - 1)), events.slice(0, 2));
    assert.deepEqual(read(file.subarray(0, 3)), []);
    for (const place of [0, 9, 20]) {
      const damaged = Buffer.from(file);
      damaged[place] ^= 0x40;
      assert.deepEqual(read(damaged), [], `damage at byte ${place}`);
    }
  });
});

describe('02 logs of a run', () => {
  let folder: string;
  before(async () => {
    await ready();
    folder = mkdtempSync(join(tmpdir(), 'qrkd-log-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const linesOf = (path: string) =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const eventsOf = (path: string) =>
    [...readEvents(readFileSync(join(path, 'events.out.tfevents.qrkd')))].map(({ event }) => event);
  const float = (value: number) => Math.fround(value);

  for (const engine of ['native', 'tfjs'] as const) {
    it(`${engine}: every epoch and every few steps, with all terms and the learning rate`, async () => {
      const log = {
        jsonl: join(folder, engine, 'log.jsonl'),
        tensorboard: join(folder, engine, 'events'),
        everySteps: 5,
      };
      const optimizer = { name: 'adam', learningRate: 0.01, schedule: { type: 'exponential', factor: 0.9 } } as const;
      const { epochs } = await distill(cloudOptions({ engine, epochs: 2, log, optimizer }));
      const lines = linesOf(log.jsonl);
      const at = lines.map(({ type, step, epoch }) => `${type} ${step} ${epoch}`);
      assert.deepEqual(at, ['step 5 1', 'step 10 1', 'epoch 12 1', 'step 15 2', 'step 20 2', 'epoch 24 2']);
      for (const [e, metrics] of epochs.entries()) {
        const { type, step, learningRate, ...logged } = lines[3 * e + 2];
        assert.deepEqual(logged, metrics);
      }
      for (const { step, learningRate } of lines) assert.ok(Math.abs(learningRate - 0.01 * 0.9 ** (step - 1)) < 1e-12);
      const [first] = lines;
      assert.deepEqual(Object.keys(first.terms), ['ce', 'kd', 'distance', 'angle', 'quantum']);
      assert.ok(first.loss !== lines[2].loss && 16 * first.runningAccuracy === Math.round(16 * first.runningAccuracy));

      const [header, ...events] = eventsOf(log.tensorboard);
      assert.equal(header.file_version, 'brain.Event:2');
      assert.deepEqual(
        events.map(({ step }) => step),
        [5, 10, 12, 15, 20, 24],
      );
      const scalars = (event: Event) => Object.fromEntries(event.summary!.value.map((v) => [v.tag, v.simple_value]));
      const [step, , epoch] = events.map(scalars);
      assert.equal(Object.keys(step).length, 3 + 3 * 5);
      assert.equal(Object.keys(epoch).length, 5 + 3 * 5);
      const [{ loss, terms, validation, runningAccuracy }] = epochs;
      assert.equal(epoch.loss, float(loss));
      assert.equal(epoch['raw/angle'], float(terms.angle!.raw));
      assert.equal(epoch['weighted/angle'], float(terms.angle!.weighted));
      assert.equal(epoch['gradientNorm/quantum'], float(terms.quantum!.gradientNorm));
      assert.equal(epoch.learningRate, float(lines[2].learningRate));
      assert.equal(epoch['accuracy/running'], float(runningAccuracy));
      assert.equal(epoch['accuracy/validation'], float(validation!.accuracy));
      assert.equal(epoch['crossEntropy/validation'], float(validation!.crossEntropy));
      assert.equal(step['step/weighted/kd'], float(first.terms.kd.weighted));
      assert.ok(events.every(({ wall_time }) => Math.abs(wall_time - Date.now() / 1000) < 600));
    });
  }

  it('go on where the checkpoint is, whatever stands behind it; begin anew without one', async () => {
    const path = join(folder, 'resumed');
    const log = { jsonl: join(path, 'log.jsonl'), tensorboard: path, everySteps: 4 };
    const checkpoint = { path: join(path, 'run.json'), everyEpochs: 2 };
    const make = (change: Partial<DistillOptions> = {}) => cloudOptions({ epochs: 4, log, checkpoint, ...change });
    const controller = new AbortController();
    // In the fourth epoch, when three are logged and two are in the checkpoint.
    const onStep = (step: number) => step === 41 && controller.abort(new Error('stopped'));
    await assert.rejects(distill(make({ signal: controller.signal, onStep })), /stopped/);
    assert.deepEqual([linesOf(log.jsonl).at(-1).step, eventsOf(path).at(-1)!.step], [40, 40]);
    appendFileSync(log.jsonl, '{"type":"epo');
    appendFileSync(join(path, 'events.out.tfevents.qrkd'), 'torn');
    await distill(make());
    const steps = [4, 8, 12, 12, 16, 20, 24, 24, 28, 32, 36, 36, 40, 44, 48, 48];
    assert.deepEqual(
      linesOf(log.jsonl).map(({ step }) => step),
      steps,
    );
    assert.deepEqual(
      eventsOf(path).map(({ step }) => step),
      [undefined, ...steps],
    );
    await distill(make());
    assert.deepEqual(
      linesOf(log.jsonl).map(({ step }) => step),
      steps,
      'a finished run adds nothing',
    );
    writeFileSync(log.jsonl, 'no JSON\n');
    await distill(make({ epochs: 1, checkpoint: undefined, log: { jsonl: log.jsonl } }));
    assert.deepEqual(
      linesOf(log.jsonl).map(({ type, step }) => [type, step]),
      [['epoch', 12]],
    );
  });

  it('an optimizer object of tfjs logs its rate where it has one', async () => {
    const log = { jsonl: join(folder, 'object.jsonl') };
    await distill(cloudOptions({ epochs: 1, engine: 'tfjs', optimizer: tf.train.sgd(0.125), log }));
    assert.equal(linesOf(log.jsonl)[0].learningRate, 0.125);
  });

  it('options that cannot work are refused before anything is written', async () => {
    const refused = (log: object, message: RegExp) => assert.rejects(distill(cloudOptions({ log })), { message });
    await refused({}, /log must have the path jsonl or tensorboard/);
    await refused({ jsonl: '' }, /log\.jsonl must be a path, got ""/);
    await refused({ tensorboard: 3 }, /log\.tensorboard must be a path, got 3/);
    await refused({ jsonl: join(folder, 'x'), everySteps: 0 }, /log\.everySteps .* got 0/);
    await refused({ json: 'x' }, /unknown key "json" \(did you mean "jsonl"\?\)/);
    assert.ok(!existsSync(join(folder, 'x')));
  });
});
