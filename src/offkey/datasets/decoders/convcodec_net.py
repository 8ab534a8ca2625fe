"""The network of the convolutional codecs: strided encoder, noisy latent, transposed decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SLOPE = 0.2  # of the leaky rectifiers


class ConvCodec(nn.Module):
    """Convolutional autoencoder without delay.

    Parameters
    ----------
    strides : sequence of int
        Down-sampling of each stage, sound first; their product is the latent's hop in samples.
    channels : sequence of int
        Width after each stage, as many as `strides`.
    latent : int
        Values per latent frame.
    steps : int
        Quantisation steps per value: noise one step wide is added to the latent, which ranges
        over `steps` of them.

    Notes
    -----
    Additive uniform noise stands for rounding, in training and in use (Ballé, Laparra and
    Simoncelli, "End-to-end optimized image compression", ICLR 2017): the values that are sent are
    the same as with dithered rounding, and no value sits at an edge where another processor would
    round the other way. Every stage pads by half of what its kernel exceeds its stride, so frame
    i of the latent is centred on its own samples and nothing is shifted.
    """

    def __init__(
        self, strides: Sequence[int], channels: Sequence[int], latent: int, steps: int
    ) -> None:
        super().__init__()
        self.hop = int(torch.tensor(list(strides)).prod())
        self.latent = latent
        self.steps = steps
        down: list[nn.Module] = []
        for before, after, stride in zip((1, *channels), channels, strides, strict=False):
            kernel = 2 * stride + stride % 2
            down += [nn.Conv1d(before, after, kernel, stride, (kernel - stride) // 2)]
            down += [_Residual(after, 1), _Residual(after, 3), nn.LeakyReLU(_SLOPE)]
        self.encoder = nn.Sequential(*down, nn.Conv1d(channels[-1], latent, 3, padding=1))
        up: list[nn.Module] = [nn.Conv1d(latent, channels[-1], 7, padding=3)]
        outward = list(reversed(channels))
        for before, after, stride in zip(
            outward, [*outward[1:], 1], reversed(strides), strict=True
        ):
            kernel = 2 * stride + stride % 2
            up += [_Residual(before, 1), _Residual(before, 3), nn.LeakyReLU(_SLOPE)]
            up += [nn.ConvTranspose1d(before, after, kernel, stride, (kernel - stride) // 2)]
        self.decoder = nn.Sequential(*up)

    def forward(self, samples: Tensor, noise: Tensor) -> Tensor:
        """Encode, add noise, decode.

        Parameters
        ----------
        samples : Tensor, shape (batch, 1, n)
            `n` is a multiple of ``hop``; RMS level about 0.1.
        noise : Tensor, shape (batch, latent, n / hop)
            Uniform in [-0.5, 0.5]: quantisation steps.

        Returns
        -------
        Tensor, shape (batch, 1, n)
        """
        sent = torch.tanh(self.encoder(samples)) + noise * (2 / self.steps)
        rebuilt: Tensor = self.decoder(sent)
        return rebuilt


class _Residual(nn.Module):
    """``x + f(x)`` with a dilated convolution, keeping length and width."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LeakyReLU(_SLOPE),
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
            nn.LeakyReLU(_SLOPE),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out
