"""Gram matrix of the ZZ map (2 reps, full entanglement), states included, and the rate of sgemm."""

from contest import arguments, hold, uniform

options = arguments(samples=1024, qubits=10)

import math  # noqa: E402  (threads are fixed before NumPy loads its BLAS)
from itertools import combinations  # noqa: E402

import numpy as np  # noqa: E402
from scipy.linalg.blas import cherk  # noqa: E402

N, n = options.samples, options.qubits
BANDWIDTH = 0.25
SGEMM = 2048
X = np.array(uniform(N * n, seed=1)).reshape(N, n)


def hadamard(qubits):
    matrix = np.ones((1, 1))
    for _ in range(qubits):
        matrix = np.kron(matrix, [[1, 1], [1, -1]])
    return matrix / 2 ** (qubits / 2)


class Vectorised:
    """States of all samples at once: phases as angles x bits, the Hadamards as two small matrix products."""

    def __init__(self, real, complex_, half):
        self.x = (X * BANDWIDTH).astype(real)
        self.first, self.second = np.array(list(combinations(range(n), 2))).T
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        parities = bits[:, self.first] ^ bits[:, self.second]
        self.table = np.hstack([bits, parities]).T.astype(real)
        self.high, self.low = hadamard(n - n // 2).astype(real), hadamard(n // 2).astype(real)
        self.real, self.complex, self.half = real, complex_, half

    def __call__(self):
        rest = self.real(math.pi) - self.x
        angles = 2 * np.hstack([self.x, rest[:, self.first] * rest[:, self.second]])
        phases = angles @ self.table
        layer = np.empty(phases.shape, self.complex)
        np.cos(phases, out=layer.real)
        np.sin(phases, out=layer.imag)
        state = layer.reshape(N, len(self.high), len(self.low)) * self.real(2 ** (-n / 2))
        # Re and Im in turn: a real matrix times a complex one would be promoted to a complex product.
        parts = [self.high @ part @ self.low for part in (state.real.copy(), state.imag.copy())]
        state = (parts[0] + self.complex(1j) * parts[1]).reshape(N, -1) * layer
        if self.half:
            # cherk fills one triangle, at half the work; a row-major array is its own transpose to it.
            overlaps = cherk(1, state.T, trans=2, lower=1)
            square = overlaps.real**2 + overlaps.imag**2
            return square + np.tril(square, -1).T
        overlaps = state @ state.conj().T
        return overlaps.real**2 + overlaps.imag**2


def qiskit_kernel():
    from qiskit.circuit.library import zz_feature_map
    from qiskit_machine_learning.kernels import FidelityStatevectorKernel

    kernel = FidelityStatevectorKernel(feature_map=zz_feature_map(n, reps=2), enforce_psd=False)
    return lambda: kernel.evaluate(X * BANDWIDTH)


contenders = {
    "numpy complex64": Vectorised(np.float32, np.complex64, half=False),
    "numpy complex64 cherk": Vectorised(np.float32, np.complex64, half=True),
    "numpy complex128": Vectorised(np.float64, np.complex128, half=False),
}
if N * 2**n <= 256 * 1024:  # seconds a call beyond that
    contenders["qiskit"] = qiskit_kernel()

reference = contenders["numpy complex128"]()
for name, contender in contenders.items():
    worst = float(np.abs(contender() - reference).max())
    assert worst < (5e-5 if "complex64" in name else 1e-12), f"{name} differs by {worst}"

rng = np.random.default_rng(0)
a, b = (rng.standard_normal((SGEMM, SGEMM), dtype=np.float32) for _ in range(2))
contenders["sgemm"] = lambda: a @ b

facts = {
    "samples": N,
    "qubits": n,
    "bandwidth": BANDWIDTH,
    "gramFlops": 4 * N**2 * 2**n,
    "sgemmFlops": 2 * SGEMM**3,
    "firstRow": reference[0, :64].tolist(),
}
hold(contenders, facts, options)
