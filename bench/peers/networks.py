"""The networks of the training contests in PyTorch, with the weights of ours.

Modules carry the names of our layers; `weights_from` reads what bench/weights.ts wrote.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class PaperModel(nn.Module):
    """The paper's MNIST pair: channels, feature width and what follows the features tell teacher and student apart."""

    size = (28, 28, 1)

    def __init__(self, first, second, features, embedding):
        super().__init__()
        self.conv1 = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(second, 12, 1, bias=False)
        self.features, self.logits = flattened_linear(12, 4, features), nn.Linear(features, 10)
        self.embedding = embedding

    def forward(self, images):
        x = F.relu(self.conv1(images))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.conv3(F.adaptive_avg_pool2d(x, 4)))
        features = self.embedding(self.features(x.flatten(1)))
        return self.logits(features), features


class AuthorsModel(nn.Module):
    """The network of the authors' earlier work."""

    size = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 12, 5)
        self.features, self.logits = flattened_linear(12, 4, 20), nn.Linear(20, 10)

    def forward(self, images):
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        features = F.relu(self.features(x.flatten(1)))
        return self.logits(features), features


class CifarModel(nn.Module):
    size = (32, 32, 3)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2)
        self.dense1, self.features = flattened_linear(32, 8, 128), nn.Linear(128, 64)
        self.logits = nn.Linear(64, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        features = F.relu(self.features(F.relu(self.dense1(x.flatten(1)))))
        return self.logits(features), features


class ResNet8(nn.Module):
    """Of MLPerf Tiny.

    TensorFlow pads a stride of 2 on the other side than PyTorch's `padding=1`, and padding by hand would cost time that
    the network does not need: here images and kernels are mirrored instead, which gives the same numbers.
    """

    size = (32, 32, 3)
    mirrored = True

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 16, 3, padding=1), norm(16)
        channels = 16
        for stack, filters in enumerate((16, 32, 64), start=1):
            stride = 1 if stack == 1 else 2
            self.add_module(f"stack{stack}_conv1", nn.Conv2d(channels, filters, 3, stride, padding=1))
            self.add_module(f"stack{stack}_norm1", norm(filters))
            self.add_module(f"stack{stack}_conv2", nn.Conv2d(filters, filters, 3, padding=1))
            self.add_module(f"stack{stack}_norm2", norm(filters))
            if stride != 1:
                self.add_module(f"stack{stack}_shortcut", MirroredShortcut(channels, filters, 1))
            channels = filters
        self.logits = nn.Linear(64, 10)

    def forward(self, images):
        x = F.relu(self.norm1(self.conv1(images)))
        for stack in ("stack1", "stack2", "stack3"):
            y = F.relu(self.get_submodule(f"{stack}_norm1")(self.get_submodule(f"{stack}_conv1")(x)))
            y = self.get_submodule(f"{stack}_norm2")(self.get_submodule(f"{stack}_conv2")(y))
            x = F.relu(y + (x if stack == "stack1" else self.get_submodule(f"{stack}_shortcut")(x)))
        features = x.mean(dim=(2, 3))
        return self.logits(features), features


class MirroredShortcut(nn.Conv2d):
    """Every second pixel from the last one on: the first one of the mirror image."""

    def forward(self, x):
        return super().forward(x[:, :, 1::2, 1::2])


def norm(channels):
    """tfjs's defaults; its momentum is the share that is kept."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def flattened_linear(channels, side, outputs):
    """Of a flattened image: tfjs has the channels last there."""
    layer = nn.Linear(channels * side * side, outputs)
    layer.image = (side, side, channels)
    return layer


NETWORKS = {
    "student": lambda: PaperModel(19, 4, 4, nn.Identity()),
    "teacher": lambda: PaperModel(1, 18, 31, nn.ReLU()),
    "authors": AuthorsModel,
    "cifar": CifarModel,
    "resnet8": ResNet8,
}
PARAMETERS = {"student": 1725, "teacher": 6690, "authors": 6690, "cifar": 285226, "resnet8": 78186}


def network(name, weights=""):
    """`weights`: a folder with NAME.npz; without one they are PyTorch's own."""
    model = NETWORKS[name]()
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name], name
    return weights_from(model, f"{weights}/{name}.npz") if weights else model


def weights_from(model, file):
    """The model with the weights that bench/weights.ts wrote."""
    with np.load(file) as arrays:
        weights_into(model, {key: torch.tensor(arrays[key]) for key in arrays})
    return model


def images_for(model, channels_last):
    """Numbers as we lay them out, [N, height, width, channel], as the model's input."""
    images = channels_last.permute(0, 3, 1, 2)
    return (images.flip(2, 3) if getattr(model, "mirrored", False) else images).contiguous()


@torch.no_grad()
def weights_into(model, arrays):
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            out, inputs, height, width = module.weight.shape
            kernel = arrays[f"{name}/kernel"].reshape(height, width, inputs, out).permute(3, 2, 0, 1)
            module.weight.copy_(kernel.flip(2, 3) if getattr(model, "mirrored", False) else kernel)
        elif isinstance(module, nn.Linear):
            kernel = arrays[f"{name}/kernel"]
            if hasattr(module, "image"):
                kernel = kernel.reshape(*module.image, -1).permute(2, 0, 1, 3).flatten(0, 2)
            module.weight.copy_(kernel.T)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.copy_(arrays[f"{name}/gamma"].flatten())
            module.bias.copy_(arrays[f"{name}/beta"].flatten())
            continue
        if getattr(module, "bias", None) is not None:
            module.bias.copy_(arrays[f"{name}/bias"].flatten())
