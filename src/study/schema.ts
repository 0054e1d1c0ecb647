import { z } from 'zod';
import { EMNIST_SPLITS } from '../data/idx.js';
import { IMAGE_LAYOUTS } from '../distill/onnxInput.js';
import { OPTIMIZERS } from '../distill/optimizer.js';
import { TERMS } from '../losses/qrkd.js';
import { KERNEL_LOSS_FORMS } from '../losses/quantum.js';
import { STUDENT_NAMES, TEACHER_NAMES } from '../models/registry.js';
import { headlineKernels } from './recipe.js';

const count = z.int().min(1);
const weight = z.number().min(0);
const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const training = {
  batchSize: count.default(64),
  microBatch: count
    .optional()
    .describe('Samples of a batch that are computed at once, which bounds memory; only on tfjs. Default: all of them.'),
  optimizer: z
    .union(
      [z.enum(OPTIMIZERS), z.looseObject({ name: z.enum(OPTIMIZERS) })],
      `expected one of ${OPTIMIZERS.join(', ')}, or { name: adamw, weightDecay: 0.01 }`,
    )
    .default('adam')
    .describe(
      'A name, or an OptimizerConfig with schedule, weight decay and clipping, whose own keys are checked before any work.',
    ),
  learningRate: z.number().positive().default(3e-3),
  earlyStopping: z
    .strictObject({
      patience: count,
      minimumDelta: z.number().min(0).optional(),
      monitor: z.enum(['accuracy', 'crossEntropy']).optional(),
    })
    .optional()
    .describe('Ends a run when the validation part no longer gets better.'),
  keep: z
    .enum(['last', 'best'])
    .optional()
    .describe('The weights that a run ends with: of its last epoch (default), or of the best on the validation part.'),
  augment: z
    .strictObject({
      shift: count.optional(),
      crop: count.optional(),
      flip: z.boolean().optional(),
      cutout: count.optional(),
    })
    .optional()
    .describe(
      'What is done to training images, in pixels; the teacher then sees what the student sees, batch by batch.',
    ),
};

export const DEFAULT_FEATURES = 'features';
/** Features of the paper's student. */
export const PAPER_WIDTH = 4;

/** Where in a model features are taken: see FeatureSpec. */
const featurePlace = z.union(
  [
    z.string(),
    z.strictObject({
      layer: z.string(),
      activation: z.enum(['before', 'after']).optional(),
      pooling: z.enum(['none', 'average', 'max', 'last']).optional(),
      tokens: count
        .optional()
        .describe('In place of pooling: so many tokens of each sequence, each a row of its own for relations.'),
      padToken: z
        .int()
        .min(0)
        .optional()
        .describe(
          "With pooling average or last, or with tokens: the token that is left out. Texts with labels: default, the text's own.",
        ),
    }),
  ],
  "expected a layer's name, or { layer: NAME, pooling: average }",
);

/** How text becomes tokens, and what is learned from it. */
const text = z.strictObject({
  task: z
    .enum(['language', 'classification'])
    .default('language')
    .describe("'language': the next token is learned; 'classification': the class of a text, at its last token."),
  tokenizer: z
    .union(
      [z.enum(['bpe', 'words']), z.strictObject({ gpt2: z.string() })],
      'expected bpe, words, or { gpt2: FOLDER } with vocab.json and merges.txt',
    )
    .default('bpe')
    .describe(
      "'bpe': byte-level byte-pair encoding, trained on the training part; 'words': the words of the training part; { gpt2: FOLDER }: vocab.json and merges.txt of a GPT-2.",
    ),
  vocabulary: count.default(2000).describe('Of a tokenizer that is made from the training part.'),
  length: count.default(128).describe('Tokens of a sequence.'),
  stride: count
    .optional()
    .describe(
      'Tokens between the windows of the validation and test parts; what they share is read as context and counted once. Default, and at most: the length, no context.',
    ),
  detokenize: z.boolean().default(false).describe("Undoes a corpus's own tokenisation before ours."),
});

/** A GPT-2 that is made anew. */
const gpt2 = ({ layers, width }: { layers: number; width: number }) =>
  z.strictObject({
    layers: count.default(layers),
    width: count.default(width),
    heads: count.default(4),
    dropout: z.number().min(0).lt(1).default(0),
  });
export const GPT2 = { teacher: gpt2({ layers: 4, width: 128 }), student: gpt2({ layers: 2, width: 64 }) };

/** A feature map's own keys are checked by the engine, which knows them. */
const kernel = z.looseObject({ type: z.string() });

/** Changes to a method, by dotted path; `*` stands for every key (`kernels.*.bandwidth`). */
const candidate = z.record(z.string().min(1), z.unknown());

/** Terms whose weight a target ratio can set: all but the cross-entropy that it is measured against. */
const RATIO_TERMS = TERMS.filter((term) => term !== 'ce');

const method = z.strictObject({
  tune: z
    .array(candidate)
    .min(1)
    .optional()
    .describe("What 'qrkd reproduce' tries on the tuning seeds; the best on the validation part is taken."),
  ce: weight.default(1),
  kd: weight.default(0),
  temperature: z.number().positive().default(4),
  hidden: weight.default(0),
  distance: weight.default(0),
  angle: weight.default(0),
  quantum: weight.default(0),
  kernels: z.strictObject({ student: kernel, teacher: kernel }).prefault(() => headlineKernels()),
  form: z.enum(KERNEL_LOSS_FORMS).default('smooth-l1'),
  scale: z.number().positive().nullable().default(2),
  projection: z
    .strictObject({
      teacher: z.enum(['pca', 'orthogonal']).default('pca'),
      teacherFeatures: count.optional(),
      studentFeatures: count.optional(),
      seed: seed.default(0),
    })
    .prefault({}),
  targetRatios: z
    .strictObject(Object.fromEntries(RATIO_TERMS.map((term) => [term, z.number().positive().optional()])))
    .optional()
    .describe(
      "Sets terms' weights by the norms of their gradients; see qrkdLoss. Off by default: it was measured to cost accuracy.",
    ),
});

export const schema = z.strictObject({
  data: z
    .union(
      [
        z.string(),
        z.strictObject({ idx: z.string(), split: z.enum(EMNIST_SPLITS).optional() }),
        z.strictObject({ cifar10: z.string() }),
        z.strictObject({ cifar100: z.string(), labels: z.enum(['fine', 'coarse']).optional() }),
        z.strictObject({ images: z.string(), size: z.union([count, z.tuple([count, count])]).optional() }),
        z.strictObject({ npy: z.string() }),
        z.strictObject({
          text: z.union([z.string(), z.array(z.string()).min(1)], 'expected a folder, an archive or a list of files'),
          heldOut: z.unknown().optional(),
        }),
        z.strictObject({ wikitext: z.string() }),
        z.strictObject({ ptb: z.string() }),
        z.strictObject({ brown: z.string() }),
        z.strictObject({ imdb: z.string() }),
        z.strictObject({ spamAssassin: z.string() }),
      ],
      'expected a name such as mnist, or { idx: FOLDER }',
    )
    .default('mnist')
    .describe(
      "A data set by name ('mnist' is the installed digits), or where its files are; see DataSource, and with 'text' CorpusSource and ReviewSource.",
    ),
  text: text
    .optional()
    .describe('The data are text, and the models GPT-2s: how the text becomes tokens, and what is learned from it.'),
  samples: count
    .optional()
    .describe(
      'Train on the first so many training samples only (classes alternate); default all but the validation part.',
    ),
  validationSamples: count.optional().describe('Use the first so many validation samples only; default all.'),
  seeds: z
    .array(seed)
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, 'every seed may stand there once')
    .default([0, 1, 2])
    .describe('One teacher and one student of each method for every seed.'),
  teacher: z
    .strictObject({
      model: z
        .string()
        .optional()
        .describe('A saved tf.LayersModel or an .onnx file that is used as it is, in place of training one.'),
      fineTune: z
        .boolean()
        .optional()
        .describe(
          'The model that is given is where the training of every teacher begins, in place of being used as it is.',
        ),
      onnx: z
        .strictObject({
          features: z.union([z.string(), z.array(z.string())]).optional(),
          logits: z.string().optional(),
          layout: z.enum(IMAGE_LAYOUTS).optional(),
          normalize: z.strictObject({ mean: z.array(z.number()), deviation: z.array(z.number()) }).optional(),
        })
        .optional()
        .describe('Of an .onnx file: the tensors that are features and logits, and how images go in; see onnxTeacher.'),
      variant: z
        .enum(TEACHER_NAMES)
        .default('reproduction')
        .describe('The network, by the name that makeTeacher gives it.'),
      cacheTopK: count
        .optional()
        .describe(
          'With text of the task language: so many logits of every token are kept on disk, where the teacher otherwise runs on every batch.',
        ),
      gpt2: GPT2.teacher.optional().describe('With text: the teacher, where no model is given.'),
      epochs: count.default(10),
      ...training,
    })
    .prefault({}),
  student: z
    .strictObject({
      model: z
        .string()
        .optional()
        .describe(
          "A saved tf.LayersModel to start from, in place of the paper's student; seeds then vary the shuffling only.",
        ),
      variant: z
        .enum(STUDENT_NAMES)
        .optional()
        .describe("The network, by the name that makeStudent gives it; default 'reproduction', the paper's."),
      embedding: z
        .enum(['linear', 'relu'])
        .default('linear')
        .describe("Of the paper's student: whether a ReLU follows its features, and their number."),
      width: count.default(PAPER_WIDTH),
      gpt2: GPT2.student.optional().describe('With text: the student, where no model is given.'),
      fromTeacher: z
        .boolean()
        .optional()
        .describe(
          "With text: the student begins with the teacher's embeddings and every so-many-th of its layers; of equal width.",
        ),
      epochs: count.default(5),
      ...training,
    })
    .prefault({}),
  engine: z
    .enum(['auto', 'native', 'tfjs'])
    .default('auto')
    .describe(
      "What runs the steps: 'native' for models with layers that it has, 'tfjs' for any, 'auto' for the one that is possible.",
    ),
  tuning: z
    .strictObject({
      seeds: z.array(seed).min(1).default([1000, 1001]),
      samples: count.optional(),
      validationSamples: count.optional(),
      epochs: count.optional(),
    })
    .prefault({})
    .describe(
      "Where methods with 'tune' are tuned: seeds of their own and, if given, fewer samples and other epochs of the students.",
    ),
  featureLayer: z.string().default(DEFAULT_FEATURES).describe('Name of the feature layer of both models.'),
  hiddenLayer: z.string().optional().describe("Of the term 'hidden': name of the layer of both models, default ln_f."),
  featurePairs: z
    .array(z.strictObject({ student: featurePlace, teacher: featurePlace, weight: z.number().positive().optional() }))
    .min(1)
    .optional()
    .describe('In place of featureLayer: pairs of layers that relations are taken from, each with a weight.'),
  methods: z
    .record(z.string().min(1), method, {
      error: ({ input }) => (input === undefined ? 'is missing; name methods and their weights' : undefined),
    })
    .refine((methods) => Object.keys(methods).length > 0, 'at least one method is needed')
    .describe(
      "Weights of each method's loss, by the name that the table gives it. 'extends: NAME' takes what is not given from another method, as it is after tuning; 'preset: NAME' from one of the loss presets.",
    ),
});

/** One study: data, models, training and the methods compared. Every key but `methods` has a default. */
export type StudyConfig = z.output<typeof schema>;
export type StudyConfigInput = z.input<typeof schema>;
/** One method's loss: weights and kernels as plain JSON. */
export type MethodConfig = z.output<typeof method>;
