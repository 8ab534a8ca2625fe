"""The clips of a data set under every edit, as rows of features on disk."""

from offkey.features.variants.building import build, build_each
from offkey.features.variants.variant import Variant, edited, overview

__all__ = ["Variant", "build", "build_each", "edited", "overview"]
