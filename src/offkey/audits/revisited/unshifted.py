"""Spectrograms of the wrong folder: "pitch-shifted" ones made from the clips before the shift.

``create_dataset_key_change_spectrograms.ipynb`` writes the shifted sound to a folder of its own and
then draws its spectrograms from ``fmc / folder``, the clean sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from offkey import protocols
from offkey.audits.revisited.rows import MENDED, PUBLISHED
from offkey.features.variants import Variant
from offkey.protocols import Trained


def wrong_folder(trained: Sequence[Trained], clean: Variant, shifted: Variant) -> pd.DataFrame:
    """Test clean-trained detectors on what was published as the shifted clips, and on these.

    Parameters
    ----------
    trained : sequence of Trained
        Per seed a detector trained on clean music.
    clean, shifted : Variant
        The same test clips before and after the edit.

    Returns
    -------
    DataFrame
        Predictions; regime ``published`` are the clean clips under the name of the edit.
    """
    named = replace(clean, condition=shifted.condition)
    tables = [
        protocols.predict_seeds(trained, [variant], regime=regime, train_variant="clean")
        for regime, variant in ((PUBLISHED, named), (MENDED, shifted))
    ]
    return pd.concat(tables, ignore_index=True)
