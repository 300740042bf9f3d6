"""The U-Net of params.yaml in PyTorch, for comparison with `scanvote.models.unet`.

Its own encoder, plain blocks without normalisation, transposed convolutions, no gates.
"""

import torch
from torch import nn
from torch.nn import functional

LEVELS = 5
EPSILON = 1e-7
"""Smallest probability in the loss, as in Keras."""


class Block(nn.Module):
    """Convolution, dropout, convolution."""

    def __init__(self, channels: int, width: int, rate: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.dropout = nn.Dropout(rate)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(self.dropout(functional.relu(self.first(x)))))


class TorchUnet(nn.Module):
    """U-Net from images 0…255 (batch, C, H, W) to tumour probabilities (batch, 1, H, W).

    Its parameters have the order of the weights of the Keras model.
    """

    def __init__(self, channels: int, filters: int, dropout: float) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(LEVELS)]
        rates = [dropout * min(level // 2 + 1, 3) / 3 for level in range(LEVELS)]
        self.encoder = nn.ModuleList(map(Block, [channels, *widths], widths, rates))
        self.decoder = nn.ModuleList()
        for width, rate in reversed(list(zip(widths, rates, strict=True))[:-1]):
            self.decoder.append(nn.ConvTranspose2d(2 * width, width, 2, stride=2))
            self.decoder.append(Block(2 * width, width, rate))
        self.mask = nn.Conv2d(filters, 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        levels = [self.encoder[0](images / 255)]
        for block in self.encoder[1:]:
            levels.append(block(functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for upsample, block in zip(self.decoder[::2], self.decoder[1::2], strict=True):
            x = block(torch.cat([upsample(x), levels.pop()], 1))
        with torch.autocast(x.device.type, enabled=False):  # the mask is always float32
            return torch.sigmoid(self.mask(x.float()))


def bce_dice(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Loss of `scanvote.models.losses.bce_dice`."""
    bce = functional.binary_cross_entropy(predicted.clamp(EPSILON, 1 - EPSILON), truth)
    overlap = (2 * (truth * predicted).sum() + 1) / (truth.sum() + predicted.sum() + 1)
    return bce + 1 - overlap
