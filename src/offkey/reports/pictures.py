"""Pictures in few bytes: at most 256 colours, and nothing about when and by what they were made."""

from __future__ import annotations

import io

import numpy as np

COLOURS = 256


def small_png(png: bytes) -> bytes:
    """A PNG picture again with a palette; one that has a palette stays as it is.

    The same picture gives the same bytes.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    if picture.mode == "P":
        return png
    method = Image.Quantize.FASTOCTREE  # keeps thin coloured lines, which a median cut loses
    full = Image.new("RGB", picture.size, "white")
    full.paste(picture, mask=picture.getchannel("A") if "A" in picture.getbands() else None)
    few = full.quantize(COLOURS, method, dither=Image.Dither.NONE)
    # the paper, as in the corner, keeps its very colour: it must not stand out on the page
    palette = np.array(few.getpalette()).reshape(-1, 3)
    palette[np.asarray(few)[0, 0]] = np.asarray(full)[0, 0]
    few.putpalette(palette.ravel().tolist())
    small = io.BytesIO()
    few.save(small, format="png", optimize=True)
    return small.getvalue()
