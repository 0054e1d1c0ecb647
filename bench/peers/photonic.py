"""MerLin's fidelity kernel, in a virtual environment of its own (requirements-merlin.txt).

Its feature maps are interferometers, so that no circuit of qubits is the same job. This is what its simplest map of as many
features takes: one mode more than features, photons in every other mode. Checked against permanents by their definition.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(samples=64, features=8)

import warnings  # noqa: E402  (threads are fixed before torch loads)

warnings.filterwarnings("ignore")

from itertools import permutations  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from merlin.algorithms.kernels import FeatureMap, FidelityKernel  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
N, FEATURES = options.samples, options.features
X = torch.tensor(uniform(N * FEATURES, seed=1), dtype=torch.float64).reshape(N, FEATURES)
PHOTONS = [(mode + 1) % 2 for mode in range(FEATURES + 1)]


def kernel_of(space, dtype):
    return FidelityKernel(
        feature_map=FeatureMap.simple(FEATURES, dtype=dtype),
        input_state=PHOTONS,
        computation_space=space,
        force_psd=False,
        dtype=dtype,
    )


def check(kernel):
    """Entries against |permanent|^2 of the occupied modes of U(x) U(y)^dagger, all photons starting and ending there."""
    matrix = kernel(X[:3])
    occupied = [mode for mode, photons in enumerate(PHOTONS) if photons]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        unitary = kernel._quantum_layer._compute_kernel_unitary(X[i], X[j]).numpy()[np.ix_(occupied, occupied)]
        columns = range(len(occupied))
        permanent = sum(np.prod(unitary[columns, list(order)]) for order in permutations(columns))
        difference = abs(float(matrix[i, j]) - abs(permanent) ** 2)
        assert difference < 1e-9, f"K[{i}, {j}] differs by {difference}"


contenders = {}
with torch.inference_mode():
    check(kernel_of("fock", torch.float64))
    for space in ("fock", "unbunched"):
        for dtype in (torch.float32, torch.float64):
            kernel = kernel_of(space, dtype)
            samples = X.to(dtype)
            name = f"MerLin FidelityKernel, {space}, {str(dtype)[6:]}"
            contenders[name] = Contender(lambda kernel=kernel, samples=samples: kernel(samples), str(dtype)[6:])
    facts = {"modes": len(PHOTONS), "photons": sum(PHOTONS)}
    hold(contenders, facts, options, ["merlinquantum", "perceval-quandela", "torch"])
