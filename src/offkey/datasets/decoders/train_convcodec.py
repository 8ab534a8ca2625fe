"""Train one convolutional codec on the human training tracks of a data set.

    offkey data make demo --set tracks=320
    python -m offkey.datasets.decoders.train_convcodec --data data/datasets/demo-… --tracks 90 \
        --name convcodec_64 --strides 4,4,4 --channels 16,32,64 --latent 32 --steps 5000
    python -m offkey.datasets.decoders.train_convcodec --data data/datasets/demo-… --tracks 90 \
        --name convcodec_160 --strides 5,4,8 --channels 16,32,64 --latent 64 --steps 6000

reads ``clips.parquet`` in the data folder, takes human clips (target 0) of the train split and
nothing else (with ``--tracks``: of so many tracks, always the same ones), and writes
``<name>.safetensors`` and its card ``<name>.json`` (network, sha256, what it was trained on, how
well it does on the validation split) into ``--out``, by default the package's own ``weights/``.
One thread; 1,000 steps take two to four minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Sequence
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from offkey.core import manifest, progress, seeding, store
from offkey.core.errors import BadInput
from offkey.datasets.decoders import convcodec
from offkey.datasets.decoders.convcodec_net import ConvCodec
from offkey.datasets.decoders.matching import SAMPLE_RATE_HZ
from offkey.sound import audio

CROP = SAMPLE_RATE_HZ
BATCH = 4
LEARNING_RATE = 3e-3
GAIN_DB = 6.0
FFT_SIZES = (256, 1024, 2048)
FLOOR = 3e-5  # of a magnitude, where white noise of unit variance has 1
WAVEFORM_WEIGHT = 3.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; `arguments` as on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--name", required=True, help="stem of the two files")
    parser.add_argument("--strides", type=_integers, required=True, help="e.g. 4,4,4")
    parser.add_argument("--channels", type=_integers, required=True, help="as many as strides")
    parser.add_argument("--latent", type=int, required=True, help="values per latent frame")
    parser.add_argument("--levels", type=int, default=512, help="quantisation steps per value")
    parser.add_argument("--steps", type=int, default=4000, help="training steps")
    parser.add_argument("--tracks", type=int, default=0, help="train on so many; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=convcodec.WEIGHTS)
    given = parser.parse_args(arguments)
    network = {
        "strides": given.strides,
        "channels": given.channels,
        "latent": given.latent,
        "steps": given.levels,
    }
    torch.set_num_threads(1)
    clips = manifest.read(given.data)
    human = clips[clips["target"] == 0]
    chosen = human[human["split"] == "train"]
    if chosen.empty:
        raise BadInput(f"{given.data} holds no human clips in its train split to learn from.")
    if given.tracks:
        kept = sorted(chosen["track_id"].unique(), key=_shuffled)[: given.tracks]
        chosen = chosen[chosen["track_id"].isin(kept)]
    started = time.monotonic()
    net = fit(network, _load(chosen, given.data), steps=given.steps, seed=given.seed)
    held_out = _load(human[human["split"] == "val"], given.data)
    tracks = sorted(chosen["track_id"].unique())
    training = {
        "data": given.data.name,
        "data_fingerprint": manifest.fingerprint(chosen),
        "split": "train",
        "target": 0,
        "n_tracks": len(tracks),
        "tracks_sha256": hashlib.sha256("\n".join(tracks).encode()).hexdigest(),
        "tracks": tracks,
        "steps": given.steps,
        "batch": BATCH,
        "crop_s": CROP / SAMPLE_RATE_HZ,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "learning_rate": LEARNING_RATE,
        "seed": given.seed,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "torch": torch.__version__,
        "validation": reconstruction_quality(net, held_out, given.seed),
    }
    write(net, network, training, given.out, given.name)


def fit(network: dict[str, Any], clips: list[np.ndarray], *, steps: int, seed: int) -> ConvCodec:
    """Train a codec from scratch.

    Parameters
    ----------
    network : dict
        Arguments of ``ConvCodec``.
    clips : list of ndarray of float32, shape (n,)
        Sound as ``convcodec.prepare`` returns it.
    steps : int
        Number of batches of ``BATCH`` crops.
    seed : int
        Everything random follows from it.

    Returns
    -------
    ConvCodec
    """
    rng = seeding.rng(seed, "convcodec", "crops")
    torch.manual_seed(seeding.integer(seed, "convcodec", "initial weights"))
    net = ConvCodec(**network)
    n = CROP // net.hop * net.hop
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, betas=(0.8, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1, (i + 1) / 50) * (0.505 + 0.495 * cos(pi * i / steps))
    )
    bar = progress.bar(range(steps))
    for _ in bar:
        original = torch.from_numpy(np.stack([_crop(clips, n, rng) for _ in range(BATCH)]))
        noise = convcodec.quantisation_noise((BATCH, net.latent, n // net.hop), rng)
        cost = loss(net(original[:, None], torch.from_numpy(noise))[:, 0], original)
        optimizer.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{float(cost.detach()):.3f}", refresh=False)
    return net.eval()


def loss(rebuilt: Tensor, original: Tensor) -> Tensor:
    """Multi-resolution STFT loss plus relative waveform error; both of shape (batch, n).

    Spectral convergence and log-magnitude distance after Yamamoto, Song and Kim, "Parallel
    WaveGAN" (ICASSP 2020).
    """
    size = original.abs().mean(dim=-1) + 1e-3
    total = WAVEFORM_WEIGHT * ((rebuilt - original).abs().mean(dim=-1) / size).mean()
    for n_fft in FFT_SIZES:
        ours, theirs = _magnitudes(rebuilt, n_fft), _magnitudes(original, n_fft)
        convergence = torch.linalg.norm(ours - theirs) / torch.linalg.norm(theirs)
        distance = (torch.log(ours + FLOOR) - torch.log(theirs + FLOOR)).abs().mean()
        total = total + (convergence + distance) / len(FFT_SIZES)
    return total


def reconstruction_quality(net: ConvCodec, clips: list[np.ndarray], seed: int) -> dict[str, float]:
    """Mean SI-SDR and log-spectral distance of clips that were not trained on.

    SI-SDR after Le Roux et al., "SDR – half-baked or well done?" (ICASSP 2019); the distance is
    the root mean square over frequency of the dB difference (1024-point STFT), mean over time.
    Both in the pre-emphasised domain the network works in.
    """
    ratios, distances = [], []
    for i, clip in enumerate(clips):
        n = len(clip) // net.hop * net.hop
        rng = seeding.rng(seed, "convcodec", "validation", str(i))
        noise = convcodec.quantisation_noise((1, net.latent, n // net.hop), rng)
        original = torch.from_numpy(clip[:n])
        with torch.inference_mode():
            rebuilt = net(original[None, None], torch.from_numpy(noise))[0, 0]
        target = original * torch.dot(rebuilt, original) / torch.dot(original, original)
        ratios.append(20 * torch.log10(target.norm() / (rebuilt - target).norm()).item())
        ours, theirs = (torch.log10(_magnitudes(x, 1024) + FLOOR) for x in (rebuilt, original))
        distances.append((20 * (ours - theirs)).square().mean(dim=-2).sqrt().mean().item())
    if not clips:
        return {"n_clips": 0}
    return {
        "n_clips": len(clips),
        "si_sdr_db": round(float(np.mean(ratios)), 2),
        "log_spectral_distance_db": round(float(np.mean(distances)), 2),
    }


def write(
    net: ConvCodec, network: dict[str, Any], training: dict[str, Any], folder: Path, name: str
) -> None:
    """Save a codec with its card."""
    content = save({key: value.contiguous() for key, value in net.state_dict().items()})
    with store.writing(folder / f"{name}.safetensors") as partial:
        partial.write_bytes(content)
    store.write_json(
        folder / f"{name}.json",
        {
            "network": network,
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "MIT",
            "training": training,
        },
    )


def _magnitudes(samples: Tensor, n_fft: int) -> Tensor:
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(samples, n_fft, n_fft // 4, window=window, return_complex=True)
    return spectrum.abs() / window.square().sum().sqrt()


def _crop(clips: list[np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
    clip = clips[rng.integers(len(clips))]
    start = rng.integers(max(len(clip) - n, 0) + 1)
    gain = np.float32(10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20))
    return audio.fix_length(clip[start : start + n], n) * gain


def _load(clips: Any, folder: Path) -> list[np.ndarray]:
    return [
        convcodec.prepare(audio.load(folder / path, SAMPLE_RATE_HZ))[0] for path in clips["path"]
    ]


def _shuffled(track: str) -> str:
    """An order of tracks that depends on nothing but their names."""
    return hashlib.sha256(track.encode()).hexdigest()


def _integers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
