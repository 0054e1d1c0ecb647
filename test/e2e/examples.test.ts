// The programs of examples/ run, on few samples; the Python one through its own function, where there is NumPy.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const python = process.env.PYTHON ?? 'python3';
const numpy = spawnSync(python, ['-c', 'import numpy'], { encoding: 'utf8' });
const skip = numpy.status === 0 ? false : `${python} has no NumPy`;

function run(command: string, args: string[]): { stdout: string; stderr: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, `${error ?? ''}${stderr}`);
  return { stdout, stderr };
}

describe('examples', () => {
  it('svm.mjs: both kernels learn to tell digits apart', () => {
    const sizes = ['--train', '200', '--validation', '100', '--test', '200'];
    const { stdout, stderr } = run(process.execPath, ['examples/svm.mjs', ...sizes]);
    assert.equal(stderr, '');
    const found = [...stdout.matchAll(/^(quantum|Gaussian) .* test +([\d.]+)% \+- ([\d.]+)%/gm)];
    assert.deepEqual(
      found.map(([, name]) => name),
      ['quantum', 'Gaussian'],
    );
    // Guessing gives 10 %.
    for (const [line, , accuracy] of found) assert.ok(Number(accuracy) > 60 && Number(accuracy) <= 100, line);
  });

  it('precomputed.py: matrices through files are those of NumPy', { skip }, () => {
    const program = `
import sys
sys.path.insert(0, "examples")
import numpy as np
from precomputed import kernel_matrix
rng = np.random.default_rng(1)
x, y = rng.standard_normal((5, 3)), np.asfortranarray(rng.standard_normal((4, 3)))
def expected(a, b):
    return np.prod(np.cos((a[:, None] - b[None]) / 2) ** 2, axis=2)
assert np.abs(kernel_matrix(x, map="angle") - expected(x, x)).max() < 1e-14
assert np.abs(kernel_matrix(x, y, map="angle") - expected(x, y)).max() < 1e-14
single = kernel_matrix(x, y, map="angle", precision="float32")
assert single.dtype == np.float32 and np.abs(single - expected(x, y)).max() < 1e-5
`;
    run(python, ['-c', program]);
  });
});
