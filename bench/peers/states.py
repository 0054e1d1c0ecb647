"""States of a random circuit in complex128: Qulacs plain and with its optimiser, Qiskit Aer, PennyLane's lightning.qubit.

The circuit is random_gates(); its angles are 2 pi times the features of a sample, one feature for each gate. Building (and
optimising) the circuit of a sample belongs to the job, as does handing the amplitudes over as NumPy arrays.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=16, qubits=16, gates=100)

import math  # noqa: E402  (threads are fixed before the libraries load)

import numpy as np  # noqa: E402
import pennylane as qml  # noqa: E402
import qulacs  # noqa: E402
from qiskit import QuantumCircuit  # noqa: E402
from qiskit_aer import AerSimulator  # noqa: E402

N, n = options.samples, options.qubits
KINDS = ["h", "t", "rx", "ry", "rz", "cx", "cz", "rzz"]
X = 2 * math.pi * np.array(uniform(N * options.gates, seed=1)).reshape(N, options.gates)


def random_gates(qubits, count, seed):
    """(kind, one qubit, another); bench/inputs.ts makes the same ones."""
    numbers = iter(uniform(3 * count, seed))
    gates = []
    for _ in range(count):
        kind = KINDS[int(next(numbers) * len(KINDS))]
        first = int(next(numbers) * qubits)
        gates.append((kind, first, (first + 1 + int(next(numbers) * (qubits - 1))) % qubits))
    return gates


GATES = random_gates(n, options.gates, seed=3)


def qulacs_circuit(x):
    """Its rotations turn the other way round."""
    circuit = qulacs.QuantumCircuit(n)
    add = {
        "h": lambda a, b, angle: circuit.add_H_gate(a),
        "t": lambda a, b, angle: circuit.add_T_gate(a),
        "rx": lambda a, b, angle: circuit.add_RX_gate(a, -angle),
        "ry": lambda a, b, angle: circuit.add_RY_gate(a, -angle),
        "rz": lambda a, b, angle: circuit.add_RZ_gate(a, -angle),
        "cx": lambda a, b, angle: circuit.add_CNOT_gate(a, b),
        "cz": lambda a, b, angle: circuit.add_CZ_gate(a, b),
        "rzz": lambda a, b, angle: circuit.add_multi_Pauli_rotation_gate([a, b], [3, 3], -angle),
    }
    for (kind, a, b), angle in zip(GATES, x):
        add[kind](a, b, angle)
    return circuit


def qulacs_states(block):
    """`block`: qubits of the largest gate that the optimiser may merge; 0 leaves it out."""
    state = qulacs.QuantumState(n)
    optimizer = qulacs.circuit.QuantumCircuitOptimizer()

    def run():
        states = []
        for x in X:
            circuit = qulacs_circuit(x)
            if block:
                optimizer.optimize(circuit, block)
            state.set_zero_state()
            circuit.update_quantum_state(state)
            states.append(state.get_vector())
        return states

    return run


def aer_states():
    simulator = AerSimulator(method="statevector", max_parallel_threads=options.threads)

    def circuit(x):
        made = QuantumCircuit(n)
        for (kind, a, b), angle in zip(GATES, x):
            angles = [float(angle)] if kind[0] == "r" else []
            qubits = [a, b] if kind in ("cx", "cz", "rzz") else [a]
            getattr(made, kind)(*angles, *qubits)
        made.save_statevector()
        return made

    def run():
        result = simulator.run([circuit(x) for x in X]).result()
        return [np.asarray(result.get_statevector(row)) for row in range(N)]

    return run


def lightning_states():
    @qml.qnode(qml.device("lightning.qubit", wires=n), diff_method=None)
    def state(x):
        add = {
            "h": lambda a, b, angle: qml.Hadamard(a),
            "t": lambda a, b, angle: qml.T(a),
            "rx": lambda a, b, angle: qml.RX(angle, a),
            "ry": lambda a, b, angle: qml.RY(angle, a),
            "rz": lambda a, b, angle: qml.RZ(angle, a),
            "cx": lambda a, b, angle: qml.CNOT([a, b]),
            "cz": lambda a, b, angle: qml.CZ([a, b]),
            "rzz": lambda a, b, angle: qml.IsingZZ(angle, [a, b]),
        }
        for (kind, a, b), angle in zip(GATES, x):
            # Its first wire is the most significant bit.
            add[kind](n - 1 - a, n - 1 - b, angle)
        return qml.state()

    return lambda: [np.asarray(state(x)) for x in X]


jobs = {"Qulacs": qulacs_states(0)}
jobs |= {f"Qulacs, gates merged up to {block} qubits": qulacs_states(block) for block in (2, 3, 4)}
jobs |= {"Qiskit Aer": aer_states(), "PennyLane lightning": lightning_states()}
contenders = {name: Contender(run, "float64") for name, run in jobs.items()}

expected = contenders["Qulacs"].run()
for name, contender in contenders.items():
    worst = max(float(np.abs(a - b).max()) for a, b in zip(contender.run(), expected))
    assert worst < 1e-10, f"{name} differs by {worst}"

# Of the largest: many others are exactly 0.
positions = np.argpartition(-np.abs(expected[0]), 64)[:64].tolist()
some = [[float(part) for p in positions for part in (state[p].real, state[p].imag)] for state in (expected[0], expected[-1])]
facts = {"positions": positions, "firstState": some[0], "lastState": some[1]}
del expected
hold(contenders, facts, options, ["qulacs", "qiskit", "qiskit-aer", "pennylane", "pennylane-lightning"])
