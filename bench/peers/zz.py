"""The ZZ feature map of all Gram contests (2 repetitions, full entanglement), and the slow, plain form of its kernel."""

import math
from itertools import combinations

import numpy as np

REPS = 2
BANDWIDTH = 0.25


def pairs(qubits):
    return list(combinations(range(qubits), 2))


def angles(x):
    """Phases of every single qubit, then of every pair: [samples, n + n (n - 1) / 2]; `x` is scaled by the bandwidth."""
    first, second = np.array(pairs(x.shape[1])).T
    rest = x.dtype.type(math.pi) - x
    return 2 * np.hstack([x, rest[:, first] * rest[:, second]])


def parities(qubits):
    """Which of those phases an amplitude has: [angles, 2^n] of 0 and 1."""
    bits = (np.arange(2**qubits)[:, None] >> np.arange(qubits)) & 1
    first, second = np.array(pairs(qubits)).T
    return np.hstack([bits, bits[:, first] ^ bits[:, second]]).T


def hadamard(qubits):
    matrix = np.ones((1, 1))
    for _ in range(qubits):
        matrix = np.kron(matrix, [[1, 1], [1, -1]])
    return matrix / 2 ** (qubits / 2)


def fidelities(states):
    overlaps = states @ states.conj().T
    return overlaps.real**2 + overlaps.imag**2


def reference(x):
    """The kernel matrix in complex128, with a dense matrix for every layer of Hadamards."""
    qubits = x.shape[1]
    layer = np.exp(1j * (angles(x) @ parities(qubits)))
    transform = hadamard(qubits)
    states = np.zeros((len(x), 2**qubits), complex)
    states[:, 0] = 1
    for _ in range(REPS):
        states = (states @ transform) * layer
    return fidelities(states)


def check(contenders, expected):
    """Every contender must give the matrix that all others give."""
    for name, contender in contenders.items():
        worst = float(np.abs(contender.run() - expected).max())
        assert worst < (5e-5 if contender.precision == "float32" else 1e-9), f"{name} differs by {worst}"
