"""Gram matrix of the ZZ map, states included, in NumPy, and the rates of sgemm and dgemm."""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=1024, qubits=10)

import numpy as np  # noqa: E402  (threads are fixed before NumPy loads its BLAS)
import zz  # noqa: E402
from scipy.linalg.blas import cherk, zherk  # noqa: E402

N, n = options.samples, options.qubits
GEMM = 2048
X = np.array(uniform(N * n, seed=1)).reshape(N, n) * zz.BANDWIDTH


class Vectorised:
    """States of all samples at once: phases as angles x bits, the Hadamards as two small matrix products."""

    def __init__(self, real, complex_, herk):
        self.x = X.astype(real)
        self.table = zz.parities(n).astype(real)
        self.high, self.low = zz.hadamard(n - n // 2).astype(real), zz.hadamard(n // 2).astype(real)
        self.real, self.complex, self.herk = real, complex_, herk

    def __call__(self):
        phases = zz.angles(self.x) @ self.table
        layer = np.empty(phases.shape, self.complex)
        np.cos(phases, out=layer.real)
        np.sin(phases, out=layer.imag)
        state = layer.reshape(N, len(self.high), len(self.low)) * self.real(2 ** (-n / 2))
        # Re and Im in turn: a real matrix times a complex one would be promoted to a complex product.
        parts = [self.high @ part @ self.low for part in (state.real.copy(), state.imag.copy())]
        state = (parts[0] + self.complex(1j) * parts[1]).reshape(N, -1) * layer
        if not self.herk:
            return zz.fidelities(state)
        # herk fills one triangle, at half the work; a row-major array is its own transpose to it.
        overlaps = self.herk(1, state.T, trans=2, lower=1)
        square = overlaps.real**2 + overlaps.imag**2
        return square + np.tril(square, -1).T


contenders = {
    "NumPy complex64": Contender(Vectorised(np.float32, np.complex64, None), "float32"),
    "NumPy complex64, cherk": Contender(Vectorised(np.float32, np.complex64, cherk), "float32"),
    "NumPy complex128": Contender(Vectorised(np.float64, np.complex128, None), "float64"),
    "NumPy complex128, zherk": Contender(Vectorised(np.float64, np.complex128, zherk), "float64"),
}
few = zz.reference(X[:64])
zz.check({name: Contender(lambda run=c.run: run()[:64, :64], c.precision) for name, c in contenders.items()}, few)

rng = np.random.default_rng(0)
for precision, name in (("float32", "OpenBLAS sgemm"), ("float64", "OpenBLAS dgemm")):
    a, b = (rng.standard_normal((GEMM, GEMM)).astype(precision) for _ in range(2))
    contenders[name] = Contender(lambda a=a, b=b: a @ b, precision)

facts = {"bandwidth": zz.BANDWIDTH, "gemmFlops": 2 * GEMM**3, "firstRow": few[0].tolist()}
hold(contenders, facts, options, ["numpy", "scipy"])
