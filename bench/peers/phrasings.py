"""The phrasings in which PyTorch takes a training step, and the losses of the paper's student.

Eager, in the channels_last format, and both under torch.compile; Adam is the fused one in all. `torch` is loaded by this
module: `contest.arguments` must have fixed the threads before.
"""

import copy

import torch
import torch.nn.functional as F

PHRASINGS = {
    "eager": (False, False),
    "channels_last": (True, False),
    "compiled": (False, True),
    "compiled, channels_last": (True, True),
}


def normalised_distances(x):
    n = len(x)
    squares = x.square().sum(dim=1)
    d = (squares[:, None] + squares[None] - 2 * x @ x.T).clamp(min=1e-12).sqrt()
    d = d * (1 - torch.eye(n, dtype=x.dtype))
    return d / (d.sum() / (n * (n - 1)))


def angle_cosines(x):
    unit = F.normalize(x[None] - x[:, None], dim=2)
    return unit @ unit.transpose(1, 2)


def cross_entropy(outputs, labels):
    return F.cross_entropy(outputs[0], labels)


def kd_rkd(outputs, labels, teacher_logits, teacher_distances, teacher_cosines):
    """CE + KD (T = 4) + RKD distance + 2 RKD angle: all terms of our step but the quantum one."""
    logits, features = outputs
    kd = F.kl_div(F.log_softmax(logits / 4, 1), F.softmax(teacher_logits / 4, 1), reduction="batchmean") * 16
    distance = F.smooth_l1_loss(normalised_distances(features), teacher_distances)
    angle = F.smooth_l1_loss(angle_cosines(features), teacher_cosines)
    return F.cross_entropy(logits, labels) + kd + distance + 2 * angle


def kd_rkd_of_outputs(outputs, labels, teacher_logits, teacher_features):
    """The same where the teacher's relations have to be computed for every batch."""
    relations = normalised_distances(teacher_features), angle_cosines(teacher_features)
    return kd_rkd(outputs, labels, teacher_logits, *relations)


TERMS = ("ce", "kd", "distance", "angle")


def terms_of(names, outputs, labels, teacher_logits=None, teacher_features=None, temperature=4):
    """The terms by name, without weights, where the teacher's relations have to be computed for every batch."""
    logits, features = outputs
    terms = {
        "ce": lambda: F.cross_entropy(logits, labels),
        "kd": lambda: temperature**2
        * F.kl_div(
            F.log_softmax(logits / temperature, 1), F.softmax(teacher_logits / temperature, 1), reduction="batchmean"
        ),
        "distance": lambda: F.smooth_l1_loss(normalised_distances(features), normalised_distances(teacher_features)),
        "angle": lambda: F.smooth_l1_loss(angle_cosines(features), angle_cosines(teacher_features)),
    }
    return {name: terms[name]() for name in names}


def weighted(weights):
    """The criterion that is the sum of terms with these weights."""

    def criterion(*batch):
        return sum(weights[name] * value for name, value in terms_of(weights, *batch).items())

    return criterion


def step_of(model, criterion, phrasing, learning_rate=1e-4):
    """A copy of the model, and the function that trains it by one batch (images, then what the criterion takes)."""
    channels_last, compiled = PHRASINGS[phrasing]
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = copy.deepcopy(model).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, eps=1e-7, fused=True)  # tfjs's epsilon

    def loss_of(images, *rest):
        return criterion(model(images), *rest)

    if compiled:
        loss_of = torch.compile(loss_of)

    def step(images, *rest):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images.contiguous(memory_format=layout), *rest)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return model, step
