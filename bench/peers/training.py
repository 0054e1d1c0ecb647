"""PyTorch's training steps: KD+RKD of the paper's student, cross-entropy of the other networks.

In every phrasing (phrasings.py), which all must give the loss that float64 gives on the same weights: ours, where
--weights names a folder with them. The teacher's outputs are given, as they are to our step, which caches them.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(batch=64, network="student", weights="")

import copy  # noqa: E402  (threads are fixed before torch loads)

import torch  # noqa: E402
from networks import images_for, network  # noqa: E402
from phrasings import (  # noqa: E402
    PHRASINGS,
    angle_cosines,
    cross_entropy,
    kd_rkd,
    normalised_distances,
    step_of,
)

torch.set_num_threads(options.threads)
torch.manual_seed(0)
N = options.batch
MODEL = network(options.network, options.weights)
SIZE = MODEL.size[0] * MODEL.size[1] * MODEL.size[2]
IMAGES = images_for(MODEL, torch.tensor(uniform(N * SIZE, seed=3)).reshape(N, *MODEL.size))
LABELS = torch.arange(N) % 10


TEACHER = network("teacher", options.weights) if options.network == "student" else None


@torch.no_grad()
def targets(dtype):
    if TEACHER is None:
        return [LABELS]
    logits, features = copy.deepcopy(TEACHER).to(dtype)(IMAGES.to(dtype))
    return [LABELS, logits, normalised_distances(features), angle_cosines(features)]


criterion = cross_entropy if TEACHER is None else kd_rkd
with torch.no_grad():
    expected = float(criterion(copy.deepcopy(MODEL).double()(IMAGES.double()), *targets(torch.float64)))
contenders = {}
for phrasing, (channels_last, _) in PHRASINGS.items():
    _, step = step_of(MODEL, criterion, phrasing)
    # The images stand in the phrasing's own format from the start: changing it is no part of the step.
    layout = torch.channels_last if channels_last else torch.contiguous_format
    batch = [IMAGES.contiguous(memory_format=layout), *targets(torch.float32)]
    first = step(*batch)
    assert abs(first - expected) < 1e-4 * expected, f"{phrasing}: {first}, expected {expected}"
    contenders[f"PyTorch {phrasing}"] = Contender(lambda step=step, batch=batch: step(*batch), "float32")

hold(contenders, {"batch": N, "loss": expected}, options, ["torch"])
