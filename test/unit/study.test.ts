import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ready } from 'qrkd/distill';
import { makeGpt2, saveGpt2 } from 'qrkd/models';
import { parseConfig } from '#dist/study/config.js';
import { makeLoss } from '#dist/study/kernels.js';
import { ACCURACY } from '#dist/study/measure.js';
import { demoConfig } from '#dist/study/recipe.js';
import { DATASETS, reproduceConfig } from '#dist/study/reproduce.js';
import { applySettings, parseValues, readConfigFile } from '#dist/study/settings.js';
import { spread } from '#dist/study/statistics.js';
import { checkStudy } from '#dist/study/study.js';
import { formatTable, paperTable, TEACHER } from '#dist/study/table.js';
import { tuneStudy } from '#dist/study/tune.js';

describe('study configuration', () => {
  const minimal = { methods: { Scratch: {} } };

  it('fills in the recipe', () => {
    const { student, teacher, seeds, methods } = parseConfig(demoConfig(false, 3), 'demo');
    assert.deepEqual(seeds, [0, 1, 2]);
    assert.deepEqual(
      [teacher.epochs, student.epochs, student.learningRate, student.embedding],
      [10, 5, 3e-3, 'linear'],
    );
    assert.deepEqual(Object.keys(methods), ['Scratch', 'KD', 'RKD', 'KD+RKD', 'QRKD', 'QRKD (angle)', 'RBF control']);
    const { ce, kd, temperature, distance, angle, quantum, scale, kernels } = methods.QRKD;
    assert.deepEqual([ce, kd, temperature, distance, angle, quantum, scale], [1, 1, 4, 1, 2, 30, 2]);
    assert.deepEqual(kernels.teacher, { type: 'zz', features: 8, reps: 1, bandwidth: 0.1 });
    assert.deepEqual(kernels.student, { type: 'zz', features: 4, reps: 1, bandwidth: 0.1 });
    assert.deepEqual(Object.values(methods.Scratch).slice(0, 2), [1, 0]);
  });

  it('lets a method extend another', () => {
    const { methods } = parseConfig(
      {
        methods: {
          KD: { kd: 2, temperature: 8, tune: [{ kd: 1 }] },
          RKD: { extends: 'KD', distance: 1, temperature: 2 },
          QRKD: { extends: 'RKD', quantum: 5, kd: 3 },
        },
      },
      'config',
    );
    const { ce, kd, temperature, distance, quantum, tune } = methods.QRKD;
    assert.deepEqual([ce, kd, temperature, distance, quantum, tune], [1, 3, 2, 1, 5, undefined]);
    assert.deepEqual(methods.KD.tune, [{ kd: 1 }]);
  });

  it('has a study for each of the data sets, with as many candidates for every kernel', () => {
    for (const dataset of DATASETS) {
      const { methods, seeds } = parseConfig(reproduceConfig(dataset, { seeds: 10, quick: false }), dataset);
      assert.equal(seeds.length, 10);
      for (const [name, { tune }] of Object.entries(methods)) {
        assert.equal(tune?.length, name === 'Scratch' ? undefined : 9, name);
      }
      const quick = parseConfig(reproduceConfig(dataset, { seeds: 2, quick: true }), dataset);
      assert.ok(Object.values(quick.methods).every(({ tune }) => tune === undefined));
    }
  });

  it('refuses unknown keys, at any depth, and names the nearest', () => {
    const unknown = (config: unknown, message: RegExp) =>
      assert.throws(() => parseConfig(config, 'config x.yaml'), { code: 'ERR_QRKD_UNKNOWN_KEY', message });
    unknown({ ...minimal, seedz: [1] }, /^config x\.yaml: unknown key "seedz" \(did you mean "seeds"\?\)$/);
    unknown({ ...minimal, student: { epoch: 3 } }, /unknown key "epoch" in student \(did you mean "epochs"\?\)/);
    unknown({ methods: { A: { quantom: 3 } } }, /"quantom" in methods\.A \(did you mean "quantum"\?\)/);
    unknown({ methods: { A: { projection: { teachr: 'pca' } } } }, /"teachr".*"teacher"/);
    unknown({ ...minimal, data: { idxx: 'folder' } }, /"idxx" in data.*"idx"/);
    unknown({ ...minimal, tuning: { seed: [1] } }, /"seed" in tuning.*"seeds"/);
  });

  it('target ratios reach the loss, of every term but the one that they are measured against', () => {
    const method = { kd: 1, angle: 2, targetRatios: { angle: 0.5 } };
    const { methods } = parseConfig({ methods: { RKD: method } }, 'test');
    assert.deepEqual(makeLoss(methods.RKD).options.targetRatios, { angle: 0.5 });
    const refused = { ...method, targetRatios: { ce: 1 } };
    assert.throws(() => parseConfig({ methods: { RKD: refused } }, 'test'), { code: 'ERR_QRKD_UNKNOWN_KEY' });
  });

  it('refuses bad values in one line that names the path', () => {
    const bad = (config: unknown, message: RegExp) =>
      assert.throws(
        () => parseConfig(config, 'config'),
        (error: Error & { code: string }) =>
          error.code === 'ERR_QRKD_VALUE' && message.test(error.message) && !error.message.includes('\n'),
      );
    bad({ ...minimal, student: { epochs: 0 } }, /student\.epochs/);
    bad({ ...minimal, seeds: [] }, /seeds/);
    bad({ ...minimal, seeds: [1, 1] }, /seeds: every seed may stand there once/);
    bad({ ...minimal, seeds: ['a'] }, /seeds\.0/);
    bad({ methods: {} }, /at least one method/);
    bad({ methods: { A: { kd: -1 } } }, /methods\.A\.kd/);
    bad({ methods: { A: { kernels: { student: { type: 'zz' } } } } }, /methods\.A\.kernels\.teacher/);
    bad({}, /methods: is missing/);
    bad({ ...minimal, data: 7 }, /data: expected a name such as mnist, or \{ idx: FOLDER \}/);
    bad({ methods: { A: { extends: 'B' } } }, /methods\.A\.extends: there is no method "B"/);
    bad({ methods: { A: { extends: 'B' }, B: { extends: 'A' } } }, /"A" would extend itself/);
    bad('text', /expected object/);
  });

  it('reads YAML and JSON files, and says which file is missing or broken', () => {
    const folder = mkdtempSync(join(tmpdir(), 'qrkd-config-'));
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    assert.deepEqual(readConfigFile(write('a.yaml', 'seeds: [1, 2]\nmethods: { KD: { kd: 1 } }\n')), {
      seeds: [1, 2],
      methods: { KD: { kd: 1 } },
    });
    assert.deepEqual(readConfigFile(write('a.json', '{"seeds": [3]}')), { seeds: [3] });
    assert.throws(() => readConfigFile(write('b.yaml', 'seeds: [1, 2\nmethods')), { code: 'ERR_QRKD_FORMAT' });
    assert.throws(() => readConfigFile(join(folder, 'none.yaml')), { code: 'ERR_QRKD_FILE', message: /none\.yaml/ });
  });

  it('--set changes one value by its path', () => {
    const changed = applySettings(minimal, [
      'student.epochs=7',
      'seeds=[4, 5]',
      'methods.Scratch.ce=0.5',
      'data=mnist',
    ]);
    assert.deepEqual(changed, {
      methods: { Scratch: { ce: 0.5 } },
      student: { epochs: 7 },
      seeds: [4, 5],
      data: 'mnist',
    });
    assert.deepEqual(minimal, { methods: { Scratch: {} } }, 'the given object is not touched');
    assert.deepEqual(
      applySettings({ methods: { A: { kernels: { teacher: {}, student: {} } }, B: {} } }, [
        'methods.*.kernels.*.gamma=2',
      ]),
      { methods: { A: { kernels: { teacher: { gamma: 2 }, student: { gamma: 2 } } }, B: { kernels: {} } } },
      'a star stands for the keys that are there',
    );
    assert.deepEqual(parseValues('4, 16,64', '--over'), [4, 16, 64]);
    assert.deepEqual(parseValues('[1, 2], null', '--over'), [[1, 2], null]);
    assert.throws(() => applySettings({}, ['epochs']), { message: /expected key=value/ });
    assert.throws(() => applySettings({ seeds: [1] }, ['seeds.a=1']), { message: /"seeds" holds a value/ });
  });
});

describe("the paper's table", () => {
  const runs = [
    { method: TEACHER, seed: 0, train: 1, test: 0.98 },
    { method: TEACHER, seed: 1, train: 0.99, test: 0.96 },
    { method: 'Scratch', seed: 0, train: 0.9, test: 0.88 },
    { method: 'Scratch', seed: 1, train: 0.92, test: 0.86 },
    { method: 'KD', seed: 0, train: 0.93, test: 0.9 },
    { method: 'KD', seed: 1, train: 0.95, test: 0.92 },
  ];
  const round = (s: { mean: number; deviation: number | null } | null) =>
    s && [s.mean, s.deviation].map((v) => (v === null ? null : Math.round(v * 1e6) / 1e6));

  it('takes gaps and gains within a seed, then mean and sample standard deviation', () => {
    const [teacher, scratch, kd] = paperTable(runs, 'Scratch', ACCURACY);
    assert.deepEqual([teacher.method, scratch.method, kd.method], [TEACHER, 'Scratch', 'KD']);
    assert.deepEqual(round(kd.test), [91, Math.round(Math.SQRT2 * 1e6) / 1e6]);
    assert.deepEqual(round(kd.gap), [3, 0]);
    assert.deepEqual(round(kd.teacherStudentGap), [6, 2.828427]);
    assert.deepEqual(round(kd.distillationGain), [4, 2.828427]);
    assert.deepEqual(
      [teacher.teacherStudentGap, teacher.distillationGain, scratch.distillationGain],
      [null, null, null],
    );
    assert.deepEqual(round(scratch.teacherStudentGap), [10, 0]);
    assert.equal(paperTable(runs, undefined, ACCURACY)[2].distillationGain, null);
  });

  it('one seed has no deviation', () => {
    assert.deepEqual(spread([5]), { mean: 5, deviation: null });
    const [, , kd] = paperTable(
      runs.filter(({ seed }) => seed === 0),
      'Scratch',
      ACCURACY,
    );
    assert.equal(kd.test.deviation, null);
  });

  it('prints aligned', () => {
    const lines = formatTable(paperTable(runs, 'Scratch', ACCURACY), ACCURACY).split('\n');
    assert.match(lines[0], /^Method\s+Train\s+Test\s+Acc\. Gap\s+T&S Gap\s+Dist\. Gain$/);
    assert.match(lines[4], /^KD\s+94\.00 ± 1\.41\s+91\.00 ± 1\.41\s+3\.00 ± 0\.00\s+6\.00 ± 2\.83\s+4\.00 ± 2\.83$/);
    assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  });
});

describe('wrong configurations', () => {
  const methods = { A: {} };
  const refuses = (config: object, message: RegExp) =>
    assert.throws(() => parseConfig({ methods, ...config }, 'x'), { message });

  it('say what a value with several forms may be', () => {
    refuses({ text: { tokenizer: 'foo' } }, /^x: text\.tokenizer: expected bpe, words, or \{ gpt2: FOLDER \}/);
    refuses({ data: { text: null } }, /^x: data\.text: expected a folder, an archive or a list of files/);
    refuses({ student: { optimizer: 'foo' } }, /^x: student\.optimizer: expected one of sgd, /);
    const pairs = (place: unknown) => ({ featurePairs: [{ student: place, teacher: 'a' }] });
    refuses(pairs({ layer: 'a', pooling: 'avg' }), /^x: featurePairs\.0\.student\.pooling: .*"average"/);
    refuses(pairs({ layr: 'a' }), /unknown key "layr" in featurePairs\.0\.student \(did you mean "layer"\?\)/);
  });

  it('name what is for images or for text alone', () => {
    refuses({ text: {}, student: { width: 16 } }, /student\.width is for images; with text it is student\.gpt2\.width/);
    refuses({ text: {}, student: { augment: { flip: true } } }, /student\.augment is for images/);
    refuses({ text: {}, teacher: { variant: 'resnet20' } }, /teacher\.variant is for images/);
    refuses({ student: { gpt2: {} } }, /student\.gpt2 is for text/);
    refuses({ student: { fromTeacher: true } }, /student\.fromTeacher is for text/);
  });
});

it('a study of text tells what its models have not before it trains any', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrkd-models-'));
  try {
    writeFileSync(join(folder, 'text.txt'), 'One word after the other. '.repeat(400));
    await ready();
    const small = { vocab_size: 300, n_positions: 8, n_embd: 4, n_layer: 1, n_head: 1 };
    await saveGpt2(makeGpt2(small), join(folder, 'gpt2'));
    const gpt2 = { layers: 1, width: 4, heads: 1 };
    const refuses = (own: object, length: number, message: RegExp) => {
      const text = { vocabulary: 260, length };
      const methods = { KD: { kd: 1 } };
      const given = { data: { text: join(folder, 'text.txt') }, text, teacher: { gpt2, batchSize: 1 }, methods };
      const config = parseConfig({ ...given, student: { gpt2, batchSize: 1 }, ...own }, 'x');
      return assert.rejects(checkStudy(config), { message });
    };
    await refuses({ featureLayer: 'nope' }, 8, /^teacher has no layer named "nope"/);
    const teacher = { model: join(folder, 'gpt2'), batchSize: 1 };
    await refuses(
      { teacher },
      8,
      /^methods\.KD: the teacher gives logits of 300 classes, the student of 2\d\d; kd needs/,
    );
    await refuses({ teacher }, 9, /^teacher\.model .*gpt2 takes at most 8 tokens, but text\.length is 9$/);
    const wider = {
      student: { gpt2: { ...gpt2, width: 2 * gpt2.width }, batchSize: 1 },
      methods: { KD: { hidden: 1 } },
    };
    await refuses(
      wider,
      8,
      /^methods\.KD: the term "hidden": the teacher's hidden states have 4 numbers, the student's 8;/,
    );
    const kept = { teacher: { gpt2, batchSize: 1, cacheTopK: 9999 } };
    await refuses(kept, 8, /^teacher\.cacheTopK 9999 is more than the vocabulary of 2\d\d$/);
    const kernel = { type: 'iqp', features: 12 };
    const quantum = { Q: { quantum: 1, kernels: { student: kernel, teacher: kernel } } };
    await refuses({ methods: quantum }, 8, /^methods\.Q: quantumLoss: the student's kernel takes 12 features, got 4; /);
    await refuses({ student: { model: join(folder, 'none') } }, 8, /none: no such file or folder; expected a GPT-2/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('a study of images tells what its models have not before it trains any, candidates among it', async () => {
  const message = /^methods\.QRKD: quantumLoss: the student's kernel takes 4 features, got 2; /;
  const narrow = { ...demoConfig(true, 1), student: { width: 2 } };
  await assert.rejects(checkStudy(parseConfig(narrow, 'x')), { code: 'ERR_QRKD_SHAPE', message });
  const candidates = { methods: { QRKD: { ...narrow.methods.QRKD, tune: [{ quantum: 1 }] } } };
  const tuned = tuneStudy({ ...narrow, ...candidates }, 'x', { runs: 'never-made', processes: 1 });
  await assert.rejects(tuned, { message: /^methods\.QRKD \[quantum=1\]: quantumLoss: the student's kernel takes 4/ });
});
