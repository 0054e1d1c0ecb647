"""Full training runs of the paper's student in PyTorch, from what accuracy.ts wrote into --folder: data.npz, teacher.npz,
student-SEED.npz. Cross-entropy alone, and KD+RKD; prints the test accuracies by method, one a seed, as JSON.
"""

import json

from contest import arguments

options = arguments(folder="", epochs=10, batch=64, seeds=5)

import numpy as np  # noqa: E402  (threads are fixed before torch loads)
import torch  # noqa: E402
from networks import network, weights_from  # noqa: E402
from phrasings import cross_entropy, kd_rkd_of_outputs, step_of  # noqa: E402

torch.set_num_threads(options.threads)
LEARNING_RATE = 3e-3


def read(data, part):
    images = torch.tensor(data[f"{part}/images"]).reshape(-1, 1, 28, 28)
    return images, torch.tensor(data[f"{part}/labels"]).flatten().long()


with np.load(f"{options.folder}/data.npz") as data:
    train, test = read(data, "train"), read(data, "test")
with torch.no_grad():
    teacher_outputs = network("teacher", options.folder)(train[0])


def accuracy(seed, criterion, targets):
    torch.manual_seed(seed)
    student = weights_from(network("student"), f"{options.folder}/student-{seed}.npz")
    model, step = step_of(student, criterion, "channels_last", LEARNING_RATE)
    rows = len(train[0]) - len(train[0]) % options.batch  # as ours: what does not fill a batch is dropped
    for _ in range(options.epochs):
        for batch in torch.randperm(len(train[0]))[:rows].split(options.batch):
            step(*(tensor.index_select(0, batch) for tensor in (*train, *targets)))
    with torch.no_grad():
        return float((model(test[0])[0].argmax(dim=1) == test[1]).float().mean())


seeds = range(1, options.seeds + 1)
print(
    json.dumps(
        {
            "cross-entropy": [accuracy(seed, cross_entropy, ()) for seed in seeds],
            "KD+RKD": [accuracy(seed, kd_rkd_of_outputs, teacher_outputs) for seed in seeds],
        }
    )
)
