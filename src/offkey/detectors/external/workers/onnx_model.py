"""Asks an ONNX model about every file of a list; one JSON line an answer, written at once.

Usage: ``onnx_model.py SETTINGS LIST OUT``, settings as JSON: those of
:class:`offkey.detectors.external.by_onnx.ByOnnx`.
"""

import json
import sys

import numpy as np

from offkey.features import LogMel
from offkey.sound import audio


def main() -> None:
    """Judge every file of a list."""
    import onnxruntime  # an extra: the package is not always there

    text, listing, out = sys.argv[1:]
    about = json.loads(text)
    session = onnxruntime.InferenceSession(about["onnx"], providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    with open(listing, encoding="utf-8") as stream, open(out, "w", encoding="utf-8") as answers:
        for path in stream.read().splitlines():
            pieces = heard(path, about)
            # as many axes as the model has: (n, values), (n, 1, values), (n, 1, rows, values)
            while pieces.ndim < len(given.shape):
                pieces = pieces[:, None]
            found = [session.run(None, {given.name: piece[None]})[0] for piece in pieces]
            value = float(np.mean([probability(one, about) for one in found]))
            answers.write(json.dumps({"path": path, "probability": value}) + "\n")
            answers.flush()


def heard(path: str, about: dict) -> np.ndarray:
    """What the model gets of a clip: pieces of samples, or windows of log-mels, float32."""
    samples, rate = audio.read(path)
    if about["input"] == "log_mel":
        features = LogMel()
        samples = audio.at_rate(samples, rate, features.sample_rate_hz)
        count = max(1, len(samples) // features.window_samples)
        samples = audio.fix_length(samples, max(len(samples), features.window_samples))
        rows = features.prepare(samples, count).astype(np.float32)
        return rows[: count * features.window_frames].reshape(
            count, features.window_frames, features.n_mels
        )
    wanted = about["sample_rate_hz"] or rate
    samples = audio.at_rate(samples, rate, wanted)
    size = round(about["seconds"] * wanted) or len(samples)
    count = max(1, len(samples) // size)
    return audio.fix_length(samples, count * size).reshape(count, size)


def probability(output: np.ndarray, about: dict) -> float:
    """P(AI) from what the model gives for one piece."""
    values = np.asarray(output, dtype=np.float64).ravel()
    if about["activation"] == "softmax":
        values = np.exp(values - values.max())
        values /= values.sum()
    value = values[about["index"]]
    return 0.5 * (1 + np.tanh(value / 2)) if about["activation"] == "sigmoid" else value


if __name__ == "__main__":
    main()
