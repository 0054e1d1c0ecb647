"""Full training runs of the paper's pair in PyTorch, from what accuracy.ts wrote into --folder: data.npz, and for every
seed teacher-SEED.npz and student-SEED.npz (first weights) and batches-SEED.npz (the rows of every batch, in order).

First prints, as a line of JSON, the terms of the loss on the first weights and the first rows; then a line for every seed
with the test accuracies: of a teacher trained here, and of students trained with and without it.
"""

import json

from contest import arguments

options = arguments(folder="", epochs=10, batch=64, seeds=5)

import numpy as np  # noqa: E402  (threads are fixed before torch loads)
import torch  # noqa: E402
from networks import network, weights_from  # noqa: E402
from phrasings import TERMS, step_of, terms_of, weighted  # noqa: E402

torch.set_num_threads(options.threads)
LEARNING_RATE = 3e-3


def read(data, part):
    images = torch.tensor(data[f"{part}/images"]).reshape(-1, 1, 28, 28)
    return images, torch.tensor(data[f"{part}/labels"]).flatten().long()


with np.load(f"{options.folder}/data.npz") as data:
    train, test = read(data, "train"), read(data, "test")
with open(f"{options.folder}/methods.json") as file:
    METHODS = json.load(file)


def first_model(name, seed):
    return weights_from(network(name), f"{options.folder}/{name}-{seed}.npz")


@torch.no_grad()
def first_terms(seed):
    """Of the untrained pair on as many rows as a batch has."""
    images, labels = (tensor[: options.batch] for tensor in train)
    outputs = first_model("student", seed)(images)
    values = terms_of(TERMS, outputs, labels, *first_model("teacher", seed)(images))
    return {term: float(value) for term, value in values.items()}


def trained(model, weights, targets, batches):
    model, step = step_of(model, weighted(weights), "channels_last", LEARNING_RATE)
    for batch in batches:
        step(*(tensor.index_select(0, batch) for tensor in (*train, *targets)))
    with torch.no_grad():
        return model, float((model(test[0])[0].argmax(dim=1) == test[1]).float().mean())


print(json.dumps(first_terms(1)), flush=True)
for seed in range(1, options.seeds + 1):
    with np.load(f"{options.folder}/batches-{seed}.npz") as file:
        batches = torch.tensor(file["rows"]).long()
    teacher, accuracy = trained(first_model("teacher", seed), {"ce": 1}, (), batches)
    with torch.no_grad():
        targets = teacher(train[0])
    accuracies = {"teacher": accuracy}
    for method, weights in METHODS.items():
        needed = targets if set(weights) != {"ce"} else ()
        accuracies[method] = trained(first_model("student", seed), weights, needed, batches)[1]
    print(json.dumps(accuracies), flush=True)
