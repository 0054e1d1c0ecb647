"""What bfloat16 operands would cost: the error of fidelity entries if a Gram matrix were computed by AVX-512 BF16's
instruction (VDPBF16PS: products of bfloat16 numbers, sums in float32), emulated with NumPy. Prints the table in
native/core/kernels/README.md. Needs numpy; run it with any Python 3.

States: zz map, full entanglement, 2 repetitions, computed in complex128, of normally distributed features at three
bandwidths. `once` rounds both operands to bfloat16; `split` writes each as the sum of two bfloat16 numbers and takes
three of the four products.
"""

import itertools

import numpy as np


def bfloat16(x):
    """float32 numbers rounded to the nearest bfloat16 (ties to even), as float32."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


def hadamards(psi, qubits):
    for q in range(qubits):
        pairs = psi.reshape(len(psi), -1, 2, 1 << q)
        psi = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], 2).reshape(len(psi), -1)
    return psi / np.sqrt(2.0**qubits)


def states(x, reps=2):
    samples, qubits = x.shape
    bits = (np.arange(1 << qubits)[:, None] >> np.arange(qubits)) & 1
    phase = 2 * x @ bits.T
    for i, j in itertools.combinations(range(qubits), 2):
        phase += 2 * np.outer((np.pi - x[:, i]) * (np.pi - x[:, j]), bits[:, i] ^ bits[:, j])
    psi = np.zeros((samples, 1 << qubits), complex)
    psi[:, 0] = 1
    for _ in range(reps):
        psi = hadamards(psi, qubits) * np.exp(1j * phase)
    return psi


def overlaps(a, b):
    """Real and imaginary parts of <a_i|b_j> in float32, operands given as (real, imaginary)."""
    return a[0] @ b[0].T + a[1] @ b[1].T, a[0] @ b[1].T - a[1] @ b[0].T


def fidelities(parts):
    """|sum of products|^2 for (left, right) pairs of operands."""
    re, im = (sum(p) for p in zip(*(overlaps(a, b) for a, b in parts)))
    return re.astype(float) ** 2 + im.astype(float) ** 2


def main():
    print("qubits  bandwidth  mean K off diagonal    float32 rms/max        once rms/max       split rms/max")
    for qubits, bandwidth in itertools.product((8, 10, 12), (0.05, 0.2, 1.0)):
        x = bandwidth * np.random.default_rng(qubits).normal(size=(256, qubits))
        psi = states(x)
        exact = np.abs(psi.conj() @ psi.T) ** 2
        single = psi.real.astype(np.float32), psi.imag.astype(np.float32)
        high = tuple(bfloat16(part) for part in single)
        low = tuple(bfloat16(part - top) for part, top in zip(single, high))
        variants = [[(single, single)], [(high, high)], [(high, high), (high, low), (low, high)]]
        errors = [np.abs(fidelities(parts) - exact) for parts in variants]
        figures = "  ".join(f"{np.sqrt(np.mean(e**2)):.1e} / {e.max():.1e}" for e in errors)
        off = exact[~np.eye(len(x), dtype=bool)].mean()
        print(f"{qubits:6}  {bandwidth:9}  {off:19.4f}    {figures}")


main()
