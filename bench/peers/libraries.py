"""Gram matrix of the ZZ map, states included, in Qiskit, sQUlearn, PennyLane and Qulacs.

Each library's kernel as its users call it, and the fastest phrasing found: states from the library, overlaps by one
NumPy product. What takes one circuit for every pair of samples is left to few samples.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=64, qubits=8)

import warnings  # noqa: E402  (threads are fixed before the libraries load)

warnings.filterwarnings("ignore")

import math  # noqa: E402

import numpy as np  # noqa: E402
import pennylane as qml  # noqa: E402
import qulacs  # noqa: E402
import zz  # noqa: E402
from qiskit.circuit.library import zz_feature_map  # noqa: E402
from qiskit.quantum_info import Statevector  # noqa: E402
from qiskit_machine_learning.kernels import FidelityQuantumKernel, FidelityStatevectorKernel  # noqa: E402
from squlearn.encoding_circuit import QiskitEncodingCircuit  # noqa: E402
from squlearn.kernel import FidelityKernel  # noqa: E402
from squlearn.util import Executor  # noqa: E402

N, n = options.samples, options.qubits
X = np.array(uniform(N * n, seed=1)).reshape(N, n) * zz.BANDWIDTH
PAIRS = zz.pairs(n)


def qiskit_states():
    circuit = zz_feature_map(n, reps=zz.REPS)
    return lambda: zz.fidelities(np.array([Statevector(circuit.assign_parameters(x)).data for x in X]))


def qiskit_kernel(kind):
    kernel = kind(feature_map=zz_feature_map(n, reps=zz.REPS), enforce_psd=False)
    return lambda: kernel.evaluate(X)


def squlearn(framework):
    kernel = FidelityKernel(QiskitEncodingCircuit(zz_feature_map(n, reps=zz.REPS)), Executor(framework))

    def run():
        matrix = kernel.evaluate(X)
        # It would keep the states for the next call with the same samples.
        kernel._quantum_kernel._cached_execution.cache_clear()
        return matrix

    return run


def pennylane_map(x):
    for _ in range(zz.REPS):
        for q in range(n):
            qml.Hadamard(q)
        for q in range(n):
            qml.PhaseShift(2 * x[..., q], wires=q)
        for i, j in PAIRS:
            # The phase of the parity of two qubits, but for a global one; CNOT, PhaseShift, CNOT takes several times longer.
            qml.IsingZZ(2 * (math.pi - x[..., i]) * (math.pi - x[..., j]), wires=[i, j])


def pennylane_states():
    @qml.qnode(qml.device("lightning.qubit", wires=n), diff_method=None)
    def states(x):
        pennylane_map(x)
        return qml.state()

    return lambda: zz.fidelities(np.asarray(states(X)))


def pennylane_kernel():
    @qml.qnode(qml.device("lightning.qubit", wires=n), diff_method=None)
    def probabilities(x, y):
        pennylane_map(x)
        qml.adjoint(pennylane_map)(y)
        return qml.probs(wires=range(n))

    return lambda: qml.kernels.square_kernel_matrix(X, lambda x, y: probabilities(x, y)[0], assume_normalized_kernel=True)


def qulacs_states(layers):
    """`layers(circuit, angles, phases)` adds one layer of phases to a circuit."""
    state = qulacs.QuantumState(n)

    def run():
        every = zz.angles(X)
        phases = np.exp(1j * (every @ TABLE)) if layers is diagonal_matrix else [None] * N
        states = np.empty((N, 2**n), complex)
        for row, (angles, phase) in enumerate(zip(every, phases)):
            circuit = qulacs.QuantumCircuit(n)
            for _ in range(zz.REPS):
                for q in range(n):
                    circuit.add_H_gate(q)
                layers(circuit, angles, phase)
            state.set_zero_state()
            circuit.update_quantum_state(state)
            states[row] = state.get_vector()
        return zz.fidelities(states)

    return run


TABLE = zz.parities(n).astype(float)


def gates(circuit, angles, _):
    for q in range(n):
        circuit.add_U1_gate(q, angles[q])
    for (i, j), angle in zip(PAIRS, angles[n:]):
        circuit.add_CNOT_gate(i, j)
        circuit.add_U1_gate(j, angle)
        circuit.add_CNOT_gate(i, j)


def pauli_rotations(circuit, angles, _):
    for q in range(n):
        circuit.add_U1_gate(q, angles[q])
    for (i, j), angle in zip(PAIRS, angles[n:]):
        circuit.add_multi_Pauli_rotation_gate([i, j], [3, 3], -angle)


def diagonal_matrix(circuit, _, phases):
    circuit.add_gate(qulacs.gate.DiagonalMatrix(list(range(n)), phases))


jobs = {
    "Qulacs gates + NumPy": qulacs_states(gates),
    "Qulacs Pauli rotations + NumPy": qulacs_states(pauli_rotations),
    "Qulacs diagonal matrices + NumPy": qulacs_states(diagonal_matrix),
}
if N <= 256:
    jobs |= {
        "Qiskit FidelityStatevectorKernel": qiskit_kernel(FidelityStatevectorKernel),
        "Qiskit Statevector + NumPy": qiskit_states(),
        "sQUlearn FidelityKernel, PennyLane": squlearn("pennylane"),
        "sQUlearn FidelityKernel, Qulacs": squlearn("qulacs"),
        "PennyLane lightning states + NumPy": pennylane_states(),
    }
if N <= 8:
    jobs |= {
        "Qiskit FidelityQuantumKernel": qiskit_kernel(FidelityQuantumKernel),
        "PennyLane square_kernel_matrix, lightning": pennylane_kernel(),
    }
contenders = {name: Contender(run, "float64") for name, run in jobs.items()}
zz.check(contenders, zz.reference(X))

packages = ["numpy", "qulacs", "qiskit", "qiskit-machine-learning", "squlearn", "pennylane", "pennylane-lightning"]
hold(contenders, {}, options, packages)
