"""An epoch of the paper's student on Fashion-MNIST in PyTorch, KD+RKD, with its simplest pipeline.

Images, labels and the teacher's cached outputs are tensors in memory; an epoch is a random permutation, batches are
index_select. --rows is what an epoch counts in most turns; each phrasing has a whole one, too.
"""

from contest import Contender, arguments, hold

options = arguments(batch=64, rows=7488, folder="", weights="")

import gzip  # noqa: E402  (threads are fixed before torch loads)
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from networks import images_for, network  # noqa: E402
from phrasings import PHRASINGS, kd_rkd_of_outputs, step_of  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
N = options.batch
ROWS = 60_000


def idx(name, header):
    """The bytes of a standard file, plain or gzipped, behind its header."""
    path = Path(options.folder) / name
    content = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return torch.tensor(np.frombuffer(content, dtype=np.uint8, offset=header))


STUDENT, TEACHER = network("student", options.weights), network("teacher", options.weights)
if options.folder:
    IMAGES = images_for(STUDENT, idx("train-images-idx3-ubyte", 16).reshape(ROWS, 28, 28, 1).float() / 255)
    LABELS = idx("train-labels-idx1-ubyte", 8).long()
else:
    IMAGES, LABELS = torch.rand(ROWS, 1, 28, 28), torch.arange(ROWS) % 10
with torch.no_grad():
    outputs = [TEACHER(images) for images in IMAGES.split(1000)]
DATA = [IMAGES, LABELS, *(torch.cat(parts) for parts in zip(*outputs))]


def epoch(step, rows):
    order = torch.randperm(rows)
    for batch in order[: rows - rows % N].split(N):
        step(*(tensor.index_select(0, batch) for tensor in DATA))


contenders = {}
for phrasing in PHRASINGS:
    _, step = step_of(STUDENT, kd_rkd_of_outputs, phrasing)
    step(*(tensor[:N] for tensor in DATA))  # compiled here
    for name, rows in ((f"PyTorch {phrasing}", options.rows), (f"PyTorch {phrasing}, whole", ROWS)):
        contenders[name] = Contender(lambda step=step, rows=rows: epoch(step, rows), "float32")

hold(contenders, {"rows": ROWS}, options, ["torch"])
