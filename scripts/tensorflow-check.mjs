// Loads tfjs-node and multiplies two matrices on TensorFlow; prints the backend's name and TensorFlow's version.
import { createRequire } from 'node:module';
import util from 'node:util';

// tfjs-node 4.22 calls functions of node:util that Node 23 removed.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node');
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync();
if (product.join() !== '19,22,43,50') throw new Error(`wrong product: ${product.join()}`);
console.log(JSON.stringify({ backend: tf.getBackend(), tensorflow: tf.backend().binding.TF_Version }));
