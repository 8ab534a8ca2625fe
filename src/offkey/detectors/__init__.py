"""Detectors: one file per system, one contract.

A detector is a subclass of :class:`offkey.detectors.base.Detector`, which says what each must do.
:mod:`trained` says which trained one is taken where none is named.

Adding one takes its file and a line in ``NAMES``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, get_type_hints

from offkey.core import store
from offkey.core.errors import BadInput, unknown
from offkey.core.typed import typed
from offkey.detectors.base import Detector
from offkey.features import Window

NAMES = {
    "resnet": "offkey.detectors.resnet:ResNetDetector",
    "cnn": "offkey.detectors.cnn:CnnDetector",
    "forest": "offkey.detectors.forest:ForestDetector",
    "dual": "offkey.detectors.dual:DualDetector",
    "histogram": "offkey.detectors.histogram:HistogramDetector",
    "comb": "offkey.detectors.comb:CombDetector",
    "peaks": "offkey.detectors.peaks:PeaksDetector",
    "metadata": "offkey.detectors.metadata:MetadataDetector",
}


__all__ = ["NAMES", "Detector", "about", "create", "features", "kind", "load"]


def kind(name: str) -> type[Detector]:
    """The class of a detector."""
    if name not in NAMES:
        raise unknown("detector", name, NAMES)
    module, _, attribute = NAMES[name].partition(":")
    found: type[Detector] = getattr(importlib.import_module(module), attribute)
    return found


def about(name: str) -> str:
    """What a detector is, in a few sentences: the text at the head of its file."""
    text = importlib.import_module(NAMES[name].partition(":")[0]).__doc__ or ""
    return " ".join(text.replace("`", "").split())


def settings(name: str, **given: Any) -> Any:
    """The settings of a detector, without making one.

    Raises
    ------
    BadInput
        A setting is unknown (the nearest valid one is suggested), of another type, or has a bad
        value.
    """
    cls = kind(name)
    known = cls.Settings.__dataclass_fields__
    for setting in given:
        if setting not in known:
            raise unknown(f"setting of detector '{name}'", setting, known)
    hints = get_type_hints(cls.Settings)
    about = {key: f"setting '{key}' of detector '{name}'" for key in given}
    return cls.Settings(
        **{key: typed(about[key], value, hints[key]) for key, value in given.items()}
    )


def create(name: str, **given: Any) -> Detector:
    """A new, untrained detector with the :func:`settings` given."""
    return kind(name)(settings(name, **given))


def features(name: str, **settings: Any) -> Window:
    """What a detector hears, for :func:`offkey.features.variants.build`.

    Raises
    ------
    BadInput
        A setting is unknown (the nearest valid one is suggested).
    """
    made = kind(name).Features
    for setting in settings:
        if setting not in made.__dataclass_fields__:
            raise unknown(f"feature setting of '{name}'", setting, made.__dataclass_fields__)
    return made(**settings)


def load(folder: Path) -> Detector:
    """Read a trained detector.

    Raises
    ------
    BadInput
        There is none, or its file does not match its hash.
    """
    if not (folder / "model.json").is_file():
        raise BadInput(
            f"no trained detector in {folder}: train one by running a study, "
            "e.g. 'offkey run demo', or name another folder with --model."
        )
    return kind(store.read_json(folder / "model.json")["detector"]).load(folder)
