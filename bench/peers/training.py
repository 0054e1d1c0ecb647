"""PyTorch's training steps of the paper's MNIST pair: cross-entropy of both models, KD+RKD of the student.

Each as eager PyTorch, in the channels_last format, and both under torch.compile; Adam is the fused one in all. The
teacher's outputs are given, as they are to our step, which caches them.
"""

from contest import Contender, arguments, hold, uniform

options = arguments(batch=64)

import copy  # noqa: E402  (threads are fixed before torch loads)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
N = options.batch
IMAGES = torch.tensor(uniform(N * 784, seed=3)).reshape(N, 1, 28, 28)
LABELS = torch.arange(N) % 10
TEACHER_FEATURES = torch.tensor(uniform(N * 31, seed=4)).reshape(N, 31) * 4
TEACHER_LOGITS = torch.tensor(uniform(N * 10, seed=5)).reshape(N, 10) * 8


class PaperModel(nn.Module):
    def __init__(self, first, second, features, embedding):
        super().__init__()
        self.conv1 = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(second, 12, 1, bias=False)
        self.features, self.logits = nn.Linear(192, features), nn.Linear(features, 10)
        self.embedding = embedding

    def forward(self, images):
        x = F.relu(self.conv1(images))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(F.adaptive_avg_pool2d(x, 4)))
        features = self.embedding(self.features(x.flatten(1)))
        return self.logits(features), features


STUDENT = PaperModel(19, 4, 4, nn.Identity())
TEACHER = PaperModel(1, 18, 31, nn.ReLU())
assert sum(p.numel() for p in STUDENT.parameters()) == 1725
assert sum(p.numel() for p in TEACHER.parameters()) == 6690


def normalised_distances(x):
    squares = x.square().sum(dim=1)
    d = (squares[:, None] + squares[None] - 2 * x @ x.T).clamp(min=1e-12).sqrt()
    d = d * (1 - torch.eye(N, dtype=x.dtype))
    return d / (d.sum() / (N * (N - 1)))


def angle_cosines(x):
    unit = F.normalize(x[None] - x[:, None], dim=2)
    return unit @ unit.transpose(1, 2)


DISTANCES, COSINES = normalised_distances(TEACHER_FEATURES), angle_cosines(TEACHER_FEATURES)


def cross_entropy(logits, features):
    return F.cross_entropy(logits, LABELS)


def kd_rkd(logits, features):
    kd = F.kl_div(F.log_softmax(logits / 4, 1), F.softmax(TEACHER_LOGITS / 4, 1), reduction="batchmean") * 16
    distance = F.smooth_l1_loss(normalised_distances(features), DISTANCES.to(features.dtype))
    angle = F.smooth_l1_loss(angle_cosines(features), COSINES.to(features.dtype))
    return F.cross_entropy(logits, LABELS) + kd + distance + 2 * angle


def step_of(model, criterion, channels_last, compiled):
    model = copy.deepcopy(model)
    images = IMAGES
    if channels_last:
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def loss_of(images):
        return criterion(*model(images))

    if compiled:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


jobs = {
    "student ce": (STUDENT, cross_entropy),
    "student kd+rkd": (STUDENT, kd_rkd),
    "teacher ce": (TEACHER, cross_entropy),
}
contenders = {}
for job, (model, criterion) in jobs.items():
    with torch.no_grad():
        logits, features = copy.deepcopy(model).double()(IMAGES.double())
        expected = float(criterion(logits, features))
    for compiled in (False, True):
        for channels_last in (False, True):
            label = ("channels_last" if channels_last else "eager") if not compiled else "compiled"
            label += ", channels_last" if compiled and channels_last else ""
            step = step_of(model, criterion, channels_last, compiled)
            first = step()
            assert abs(first - expected) < 1e-4 * expected, f"{job}, {label}: {first}, expected {expected}"
            contenders[f"PyTorch {job}, {label}"] = Contender(step, "float32")

hold(contenders, {"batch": N}, options, ["torch"])
