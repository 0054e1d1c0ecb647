import { loadCifar10, loadCifar100 } from './cifar.js';
import { EMNIST_SPLITS, loadIdx } from './idx.js';
import type { ImageData } from './imageSet.js';

/** A file as its publisher offers it. */
export interface SourceFile {
  name: string;
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/** A published data set: what is downloaded, from where, and how it is opened. */
export interface Source {
  title: string;
  files: readonly SourceFile[];
  /** Folders on the web that have the files under their names; tried in this order. */
  mirrors: readonly string[];
  licence: string;
  homepage: string;
  /** Folders where an operating system's packages put the files; they may be compressed anew, so checksums do not apply. */
  installed?: readonly string[];
  /** What configurations can name, each with its loader of a folder with the files. */
  sets: Readonly<Record<string, (folder: string) => ImageData>>;
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

/**
 * Where real data come from. Sizes and SHA-256 sums are those recorded by TensorFlow Datasets (its url_checksums); the MD5
 * sums that the publishers of CIFAR, EMNIST and Fashion-MNIST give are of the same files. `mnist`, the digits that install
 * with this package, needs no source.
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
    sets: { 'mnist-full': (folder) => loadIdx(folder, { classes: 10 }) },
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
    sets: { 'fashion-mnist': (folder) => ({ ...loadIdx(folder, { classes: 10 }), classNames: FASHION }) },
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
    sets: { cifar10: loadCifar10 },
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
      cifar100: (folder) => loadCifar100(folder),
      'cifar100-coarse': (folder) => loadCifar100(folder, { labels: 'coarse' }),
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
      EMNIST_SPLITS.map((split) => [`emnist-${split}`, (folder: string) => loadIdx(folder, { split })]),
    ),
  },
};

/** Every name that a configuration can give, and the source that it is in. */
export const SETS: ReadonlyMap<string, string> = new Map(
  Object.entries(SOURCES).flatMap(([source, { sets }]) => Object.keys(sets).map((set) => [set, source] as const)),
);
