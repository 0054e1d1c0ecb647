"""Value and gradient of the kernel loss (ZZ, 2 reps, full entanglement) in PyTorch, in each phrasing."""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=64, qubits=8)

import math  # noqa: E402  (threads are fixed before torch loads)
from itertools import combinations  # noqa: E402

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(options.threads)
N, n = options.samples, options.qubits
BANDWIDTH = 0.25
X = torch.tensor(uniform(N * n, seed=1), dtype=torch.float64).reshape(N, n)
TEACHER = torch.tensor(uniform(N * n, seed=2), dtype=torch.float64).reshape(N, n)
FIRST, SECOND = (torch.tensor(side) for side in zip(*combinations(range(n), 2)))


def gates(x):
    """Gate by gate on batched complex states; a diagonal gate is a table over its one or two qubits."""
    states = torch.zeros(len(x), 2**n, dtype=torch.complex64 if x.dtype == torch.float32 else torch.complex128)
    states[:, 0] = 1
    x = x * BANDWIDTH
    for _ in range(2):
        for q in range(n):
            zero, one = states.reshape(len(x), -1, 2, 2**q).unbind(dim=2)
            states = (torch.stack([zero + one, zero - one], dim=2) * math.sqrt(0.5)).reshape(len(x), -1)
        for q in range(n):
            turn = torch.polar(torch.ones_like(x[:, q]), 2 * x[:, q])
            table = torch.stack([torch.ones_like(turn), turn], dim=1).reshape(-1, 1, 2, 1)
            states = (states.reshape(len(x), -1, 2, 2**q) * table).reshape(len(x), -1)
        for i, j in combinations(range(n), 2):
            angle = 2 * (math.pi - x[:, i]) * (math.pi - x[:, j])
            turn = torch.polar(torch.ones_like(angle), angle)
            one = torch.ones_like(turn)
            table = torch.stack([one, turn, turn, one], dim=1).reshape(-1, 1, 2, 1, 2, 1)
            states = (states.reshape(len(x), -1, 2, 2 ** (j - i - 1), 2, 2**i) * table).reshape(len(x), -1)
    overlaps = states @ states.conj().T
    return overlaps.real.square() + overlaps.imag.square()


def hadamard(qubits, dtype):
    matrix = torch.ones(1, 1, dtype=dtype)
    for _ in range(qubits):
        matrix = torch.kron(matrix, torch.tensor([[1, 1], [1, -1]], dtype=dtype))
    return matrix / 2 ** (qubits / 2)


class Products:
    """Real arithmetic only: phases as angles x bits, the Hadamards as one dense or two small matrix products."""

    def __init__(self, dtype, dense):
        bits = (torch.arange(2**n)[:, None] >> torch.arange(n)) & 1
        self.table = torch.cat([bits, bits[:, FIRST] ^ bits[:, SECOND]], dim=1).T.to(dtype).contiguous()
        self.dense = hadamard(n, dtype) if dense else None
        self.high, self.low = hadamard(n - n // 2, dtype), hadamard(n // 2, dtype)

    def transform(self, part):
        if self.dense is not None:
            return part @ self.dense
        # Two flat products with a transposition each: a broadcast batched product is many times slower.
        rows, columns = len(self.high), len(self.low)
        half = (part.reshape(-1, columns) @ self.low).reshape(-1, rows, columns).transpose(1, 2)
        return (half.reshape(-1, rows) @ self.high).reshape(-1, columns, rows).transpose(1, 2).reshape(part.shape)

    def __call__(self, x):
        x = x * BANDWIDTH
        rest = math.pi - x
        phases = 2 * torch.cat([x, rest[:, FIRST] * rest[:, SECOND]], dim=1) @ self.table
        c, s = torch.cos(phases), torch.sin(phases)
        a, b = self.transform(c * 2 ** (-n / 2)), self.transform(s * 2 ** (-n / 2))
        re, im = a * c - b * s, a * s + b * c
        row = torch.cat([re, im], dim=1)
        turned = torch.cat([im, -re], dim=1)
        return (row @ row.T).square() + (turned @ row.T).square()


def value_and_gradient(kernel, x, target):
    leaf = x.clone().requires_grad_()
    loss = F.smooth_l1_loss(kernel(leaf), target)
    loss.backward()
    return loss.detach(), leaf.grad


target = gates(TEACHER)
value, gradient = value_and_gradient(gates, X, target)

single = X.float()
single_target = target.float()
kernels = {"PyTorch gates": gates}
for label, dense in (("products", False), ("dense products", True)):
    kernels[f"PyTorch {label}"] = Products(torch.float32, dense)
    kernels[f"PyTorch {label}, compiled"] = torch.compile(Products(torch.float32, dense).__call__)
if n <= 8:  # compilation takes minutes beyond that
    kernels["PyTorch gates, compiled"] = torch.compile(gates)


def contender_of(kernel):
    return Contender(lambda: value_and_gradient(kernel, single, single_target), "float32")


contenders = {name: contender_of(kernel) for name, kernel in kernels.items()}
for name, contender in contenders.items():
    theirs, slope = contender.run()
    assert abs(float(theirs) - float(value)) < 1e-5 * float(value) + 1e-9, f"{name}: value {theirs}, expected {value}"
    worst = float((slope - gradient).abs().max() / gradient.abs().max())
    assert worst < 1e-3, f"{name}: gradient differs by {worst} of its largest entry"

facts = {
    "samples": N,
    "qubits": n,
    "bandwidth": BANDWIDTH,
    "value": float(value),
    "gradient": gradient.flatten().tolist(),
}
hold(contenders, facts, options, ["torch"])
