"""A trainable re-uploading circuit: gradient of the sum of <Z_0> over all samples with respect to every parameter.

In every layer RX(x_q), then RZ RY RZ with parameters, on each qubit q, then a ring of CNOTs q -> q + 1. PennyLane's
lightning.qubit with the adjoint method, and PyTorch in each phrasing.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=256, qubits=8, layers=6)

import math  # noqa: E402  (threads are fixed before the libraries load)

import numpy as np  # noqa: E402
import pennylane as qml  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(options.threads)
N, n, LAYERS = options.samples, options.qubits, options.layers
X = np.array(uniform(N * n, seed=1)).reshape(N, n)
THETA = 2 * math.pi * np.array(uniform(LAYERS * n * 3, seed=2)).reshape(LAYERS, n, 3)
HIGH, LOW = n - n // 2, n // 2


# --- PennyLane


def circuit(x, theta):
    for layer in range(LAYERS):
        for q in range(n):
            qml.RX(x[..., q], wires=q)
            qml.RZ(theta[layer, q, 0], wires=q)
            qml.RY(theta[layer, q, 1], wires=q)
            qml.RZ(theta[layer, q, 2], wires=q)
        for q in range(n):
            qml.CNOT([q, (q + 1) % n])


def lightning(batched):
    device = qml.device("lightning.qubit", wires=n)

    @qml.qnode(device, diff_method="adjoint", interface="autograd")
    def expectation(x, theta):
        circuit(x, theta)
        return qml.expval(qml.PauliZ(0))

    if batched:
        total = lambda theta: qml.numpy.sum(expectation(X, theta))  # noqa: E731
    else:
        total = lambda theta: sum(expectation(x, theta) for x in X)  # noqa: E731
    theta = qml.numpy.array(THETA, requires_grad=True)
    gradient = qml.grad(total)
    return lambda: gradient(theta)


def lightning_tapes(precision):
    """The device's own Jacobian of circuits made beforehand: what lightning takes without PennyLane around it."""
    dtype = {"float32": np.complex64, "float64": np.complex128}[precision]
    device = qml.device("lightning.qubit", wires=n, c_dtype=dtype)
    tapes = []
    for x in X:
        with qml.queuing.AnnotatedQueue() as queue:
            circuit(x, THETA)
            qml.expval(qml.PauliZ(0))
        tape = qml.tape.QuantumScript.from_queue(queue)
        # Of every qubit's four angles the first is a feature.
        tape.trainable_params = [k for k in range(4 * n * LAYERS) if k % 4 != 0]
        tapes.append(tape)
    wanted = qml.devices.ExecutionConfig(gradient_method="adjoint", use_device_gradient=True)
    config = device.setup_execution_config(wanted, tapes[0])

    def run():
        jacobians = device.compute_derivatives(tuple(tapes), config)
        return np.sum([np.asarray(jacobian) for jacobian in jacobians], axis=0).reshape(THETA.shape)

    return run


# --- PyTorch


def rotation(theta):
    """RZ RY RZ of every layer and qubit: real and imaginary parts, [..., 2, 2]."""
    first, middle, last = theta.unbind(-1)
    c, s = torch.cos(middle / 2), torch.sin(middle / 2)
    plus, minus = (first + last) / 2, (first - last) / 2
    cp, sp, cm, sm = torch.cos(plus), torch.sin(plus), torch.cos(minus), torch.sin(minus)
    real = torch.stack([c * cp, -s * cm, s * cm, c * cp], -1)
    imag = torch.stack([-c * sp, -s * sm, -s * sm, c * sp], -1)
    return real.unflatten(-1, (2, 2)), imag.unflatten(-1, (2, 2))


def ring():
    """Where each amplitude comes from, after the CNOTs."""
    target = np.arange(2**n)
    for q in range(n):
        target ^= ((target >> q) & 1) << ((q + 1) % n)
    source = np.empty_like(target)
    source[target] = np.arange(2**n)
    return torch.tensor(source)


RING = ring()
BITS = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
SIGNS = torch.tensor(1 - 2 * BITS, dtype=torch.float64)


def hadamard(qubits, dtype):
    matrix = torch.ones(1, 1, dtype=dtype)
    for _ in range(qubits):
        matrix = torch.kron(matrix, torch.tensor([[1, 1], [1, -1]], dtype=dtype))
    return matrix / 2 ** (qubits / 2)


def gates(x, theta):
    """Gate by gate on batched complex states."""
    states = torch.zeros(len(x), 2**n, dtype=torch.complex64 if x.dtype == torch.float32 else torch.complex128)
    states[:, 0] = 1

    def one_qubit(states, a, b, c, d, q):
        zero, one = states.reshape(len(x), -1, 2, 2**q).unbind(2)
        a, b, c, d = (entry.reshape(-1, 1, 1) for entry in (a, b, c, d))
        return torch.stack([a * zero + b * one, c * zero + d * one], 2).reshape(len(x), -1)

    for layer in range(LAYERS):
        for q in range(n):
            c, s = torch.cos(x[:, q] / 2), -1j * torch.sin(x[:, q] / 2)
            states = one_qubit(states, c, s, s, c, q)
            for angle, axis in zip(theta[layer, q], "zyz"):
                c, s = torch.cos(angle / 2), torch.sin(angle / 2)
                if axis == "y":
                    states = one_qubit(states, c, -s, s, c, q)
                else:
                    turn = torch.polar(torch.ones_like(angle), angle / 2)
                    zero = torch.zeros_like(turn)
                    states = one_qubit(states, turn.conj(), zero, zero, turn, q)
        states = states[:, RING]
    return ((states.real.square() + states.imag.square()) @ SIGNS[:, 0].to(x.dtype)).sum()


class Products:
    """RX as phases between Hadamards; all rotations of a layer, with the Hadamards, as two small products or a dense one.

    Real arithmetic only: rows of a state are [re, im], so that a complex matrix is a real one of twice the side.
    """

    def __init__(self, dtype, dense):
        self.dense = dense
        self.signs = SIGNS.T.to(dtype).contiguous() / 2
        self.high, self.low = hadamard(HIGH, dtype), hadamard(LOW, dtype)
        self.whole = hadamard(n, dtype)
        self.z = SIGNS[:, 0].to(dtype)

    @staticmethod
    def kron(factors):
        """Of complex 2x2 matrices (real, imag) of several layers: [layers, qubits, 2, 2], qubit 0 the last factor."""
        real, imag = factors
        a, b = real[:, -1], imag[:, -1]
        for q in range(real.shape[1] - 2, -1, -1):
            c, d = real[:, q], imag[:, q]
            side = a.shape[-1] * 2
            product = lambda u, v: (u[:, :, None, :, None] * v[:, None, :, None, :]).reshape(-1, side, side)  # noqa: E731
            a, b = product(a, c) - product(b, d), product(a, d) + product(b, c)
        return a, b

    @staticmethod
    def embedded(real, imag):
        return torch.cat([torch.cat([real, -imag], -1), torch.cat([imag, real], -1)], -2)

    def sides(self, matrix, side, re, im):
        """(re + i im) [rows, side] times the transposed matrix."""
        both = torch.cat([re.reshape(-1, side), im.reshape(-1, side)], 1) @ matrix.T
        return both[:, :side], both[:, side:]

    def swap(self, part, rows, columns):
        return part.reshape(-1, rows, columns).transpose(1, 2)

    def apply(self, low, high, re, im):
        """(high x low) on states [samples, 2^HIGH, 2^LOW]."""
        rows, columns = 2**HIGH, 2**LOW
        re, im = self.sides(low, columns, re, im)
        re, im = self.sides(high, rows, self.swap(re, rows, columns), self.swap(im, rows, columns))
        return self.swap(re, columns, rows).reshape(-1, 2**n), self.swap(im, columns, rows).reshape(-1, 2**n)

    def hadamards(self, part):
        if self.dense:
            return part @ self.whole
        rows, columns = 2**HIGH, 2**LOW
        half = (part.reshape(-1, columns) @ self.low).reshape(-1, rows, columns).transpose(1, 2)
        return (half.reshape(-1, rows) @ self.high).reshape(-1, columns, rows).transpose(1, 2).reshape(-1, 2**n)

    def __call__(self, x, theta):
        phases = x @ self.signs
        c, s = torch.cos(phases), -torch.sin(phases)
        real, imag = rotation(theta)
        if self.dense:
            matrices = self.embedded(*(part @ self.whole for part in self.kron((real, imag))))
        else:
            low = self.embedded(*(part @ self.low for part in self.kron((real[:, :LOW], imag[:, :LOW]))))
            high = self.embedded(*(part @ self.high for part in self.kron((real[:, LOW:], imag[:, LOW:]))))
        re, im = c * 2 ** (-n / 2), s * 2 ** (-n / 2)
        for layer in range(LAYERS):
            if layer > 0:
                re, im = self.hadamards(re), self.hadamards(im)
                re, im = re * c - im * s, re * s + im * c
            if self.dense:
                re, im = self.sides(matrices[layer], 2**n, re, im)
            else:
                re, im = self.apply(low[layer], high[layer], re, im)
            re, im = re[:, RING], im[:, RING]
        return ((re.square() + im.square()) @ self.z).sum()


def torch_gradient(total, precision):
    x, theta = (torch.tensor(values, dtype=getattr(torch, precision)) for values in (X, THETA))

    def run():
        leaf = theta.clone().requires_grad_()
        total(x, leaf).backward()
        return leaf.grad.numpy()

    return run


contenders = {}
for precision in ("float64", "float32"):
    if precision == "float64":  # seconds a call, nearly all of it in Python
        contenders["PennyLane lightning adjoint, a loop"] = Contender(lightning(batched=False), precision)
        contenders["PennyLane lightning adjoint, batched"] = Contender(lightning(batched=True), precision)
    contenders |= {
        f"PennyLane lightning, its Jacobians of ready tapes, {precision}": Contender(lightning_tapes(precision), precision),
        f"PyTorch gates, {precision}": Contender(torch_gradient(gates, precision), precision),
    }
    for label, dense in (("products", False), ("dense products", True)):
        products = Products(getattr(torch, precision), dense)
        contenders[f"PyTorch {label}, {precision}"] = Contender(torch_gradient(products, precision), precision)
        compiled = torch.compile(products.__call__)
        contenders[f"PyTorch {label}, compiled, {precision}"] = Contender(torch_gradient(compiled, precision), precision)

expected = torch_gradient(gates, "float64")()
for name, contender in contenders.items():
    worst = float(np.abs(contender.run() - expected).max() / np.abs(expected).max())
    assert worst < (1e-4 if contender.precision == "float32" else 1e-10), f"{name}: gradient differs by {worst}"

facts = {"gradient": expected.flatten().tolist()}
hold(contenders, facts, options, ["pennylane", "pennylane-lightning", "torch"])
