"""A detector as an ONNX model, run by ONNX Runtime in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from offkey.core.errors import BadInput
from offkey.detectors.external.by_command import asked
from offkey.detectors.external.description import External
from offkey.detectors.external.reading import Said

WORKER = Path(__file__).with_name("workers") / "onnx_model.py"


@dataclass(frozen=True, kw_only=True)
class ByOnnx(External):
    """A model with one input; the mean over the pieces of a clip is its answer.

    Attributes
    ----------
    onnx : str
        Its file.
    input : str
        ``samples``, or ``log_mel``: our log-mels, windows of 4 s.
    sample_rate_hz : int
        Of the samples; 0: as the clip's file has it.
    seconds : float
        Length of a piece that the model takes, cut or padded with zeros; 0: the whole clip.
    index : int
        Which number of the first output means AI; the last one by default.
    activation : str
        What makes it a probability: ``none``, ``sigmoid`` or ``softmax``.
    """

    KIND: ClassVar[str] = "onnx"

    onnx: str
    input: Literal["samples", "log_mel"] = "samples"
    sample_rate_hz: int = 0
    seconds: float = 0.0
    index: int = -1
    activation: Literal["none", "sigmoid", "softmax"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.place / self.onnx).is_file():
            raise BadInput(f"detector: there is no model '{self.onnx}' in {self.place}.")
        if self.sample_rate_hz < 0 or self.seconds < 0:
            raise BadInput("detector: sample_rate_hz and seconds must be 0 or more.")

    @property
    def words(self) -> str:
        """The file."""
        return f"'{self.onnx}'"

    def require(self) -> None:
        """Refuse to start without ONNX Runtime."""
        if importlib.util.find_spec("onnxruntime") is None:
            raise BadInput(
                f"detector {self.words} needs the package onnxruntime, which is not installed: "
                "pip install onnxruntime."
            )

    def own_files(self) -> list[Path]:
        """The model, and weights that lie beside it."""
        model = self.place / self.onnx
        beside = (model.with_name(model.name + end) for end in (".data", "_data"))
        return [model, *(path for path in beside if path.is_file())]

    def ask(self, sounds: Sequence[Path], place: Path, log: Path) -> Iterator[Said]:
        """Run it on every file."""
        listing, scores = place / "list.txt", place / "scores"
        listing.write_text("".join(f"{path}\n" for path in sounds), encoding="utf-8")
        names = ("input", "sample_rate_hz", "seconds", "index", "activation")
        about = {"onnx": str(self.place / self.onnx), **{k: getattr(self, k) for k in names}}
        words = [sys.executable, str(WORKER), json.dumps(about), str(listing), str(scores)]
        yield from asked(self, words, scores, place, log)
