// Handwritten digits by a support vector machine: a quantum kernel beside the Gaussian one, on the same features.
//
//     node examples/svm.mjs [--train 1000] [--validation 500] [--test 1996]
//
// In a project of your own: npm install qrkd libsvm-js ml-matrix. LIBSVM takes any kernel as a matrix ("precomputed").
// Both kernels are chosen on validation samples, from as many candidates each; the test samples are read once, at the end.
import { parseArgs } from 'node:util';
// The asm.js build: that for WebAssembly complains on stderr since Node 18.
import SVM from 'libsvm-js/asm.js';
import { EVD, Matrix } from 'ml-matrix';
import { FidelityKernel, featureMap, RbfKernel } from 'qrkd';
import { loadMnistDigits } from 'qrkd/data';

const COMPONENTS = 8;
const COSTS = [1, 10, 100];
const CANDIDATES = {
  'quantum (zz)': [0.025, 0.05, 0.1, 0.2].map((bandwidth) => ({
    name: `bandwidth ${bandwidth}`,
    kernel: new FidelityKernel(featureMap({ type: 'zz', features: COMPONENTS, reps: 1, bandwidth })),
  })),
  'Gaussian (rbf)': [0.0625, 0.125, 0.25, 0.5].map((gamma) => ({
    name: `gamma ${gamma}`,
    kernel: new RbfKernel({ gamma }),
  })),
};

const { values } = parseArgs({
  options: {
    train: { type: 'string', default: '1000' },
    validation: { type: 'string', default: '500' },
    test: { type: 'string', default: '1996' },
  },
});

const digits = loadMnistDigits();
const held = new Set(digits.validationRows);
const plain = Array.from(digits.train.labels.keys()).filter((row) => !held.has(row));
const pixels = {
  train: samples(digits.train, plain.slice(0, Number(values.train))),
  validation: samples(digits.train, Array.from(digits.validationRows).slice(0, Number(values.validation))),
  test: samples(digits.test, Array.from(digits.test.labels.keys()).slice(0, Number(values.test))),
};
const reduce = principalComponents(pixels.train.X);
const [train, validation, test] = ['train', 'validation', 'test'].map((part) => ({
  X: reduce(pixels[part].X),
  labels: pixels[part].labels,
}));

console.log(`${train.labels.length} digits to train with, ${COMPONENTS} principal components, 10 classes`);
for (const [title, candidates] of Object.entries(CANDIDATES)) {
  let best = { validation: -1 };
  for (const { name, kernel } of candidates) {
    const K = kernel.matrix(train.X);
    const Kv = kernel.matrix(validation.X, train.X);
    for (const cost of COSTS) {
      const svm = fit(K, train.labels, cost);
      const tried = { name, kernel, cost, svm, validation: accuracy(svm, Kv, validation.labels) };
      const [worse, better] = tried.validation > best.validation ? [best, tried] : [tried, best];
      worse.svm?.free(); // its memory is not JavaScript's
      best = better;
    }
  }
  const result = accuracy(best.svm, best.kernel.matrix(test.X, train.X), test.labels);
  const error = Math.sqrt((result * (1 - result)) / test.labels.length);
  console.log(
    `${title.padEnd(14)}  test ${percent(result)} +- ${percent(error)}  validation ${percent(best.validation)}  ` +
      `(${best.name}, C ${best.cost})`,
  );
}

/** LIBSVM wants the number of the sample, from 1, before each row of a precomputed kernel matrix. */
function rowsFor({ data, shape: [rows, columns] }) {
  return Array.from({ length: rows }, (_, i) => [i + 1, ...data.subarray(i * columns, (i + 1) * columns)]);
}

function fit(K, labels, cost) {
  const svm = new SVM({ type: SVM.SVM_TYPES.C_SVC, kernel: SVM.KERNEL_TYPES.PRECOMPUTED, cost, quiet: true });
  svm.train(rowsFor(K), Array.from(labels));
  return svm;
}

/** @param K kernel values of the samples by rows with the training samples by columns */
function accuracy(svm, K, labels) {
  const predicted = svm.predict(rowsFor(K));
  return predicted.filter((label, i) => label === labels[i]).length / labels.length;
}

/** Images as rows of 49 means of 4 x 4 pixels. */
function samples({ images, labels }, rows) {
  const X = Matrix.zeros(rows.length, 49);
  rows.forEach((row, i) => {
    for (let p = 0; p < 784; p++) {
      const block = 7 * Math.floor(p / 112) + Math.floor((p % 28) / 4);
      X.set(i, block, X.get(i, block) + images[784 * row + p] / 16);
    }
  });
  return { X, labels: rows.map((row) => labels[row]) };
}

/** Projection on the first components of X, scaled so that X's mean squared distance is 4. */
function principalComponents(X) {
  const mean = X.mean('column');
  const centred = X.clone().subRowVector(mean);
  const { realEigenvalues, eigenvectorMatrix } = new EVD(centred.transpose().mmul(centred), { assumeSymmetric: true });
  const last = realEigenvalues.length - 1;
  const axes = eigenvectorMatrix.subMatrix(0, last, last + 1 - COMPONENTS, last); // eigenvalues ascend
  const variance = realEigenvalues.slice(-COMPONENTS).reduce((a, b) => a + b) / X.rows;
  return (Y) => {
    const Z = Y.clone()
      .subRowVector(mean)
      .mmul(axes)
      .mul(Math.sqrt(2 / variance));
    return { data: Float64Array.from(Z.to1DArray()), shape: [Z.rows, Z.columns] };
  };
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
