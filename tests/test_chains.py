"""Chains of edits: named, drawn, applied one after another, refused where they make no sense."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import RATE, tune

from offkey import perturbations
from offkey.core.errors import BadInput
from offkey.detectors.metadata import MetadataDetector, MetadataSettings
from offkey.features import LogMel
from offkey.features.variants import Variant
from offkey.perturbations import Source
from offkey.sound import audio

MUSIC = tune("chain", 3.0)


def _edit(variant: str, seed: int = 0) -> np.ndarray:
    (condition,) = perturbations.find([variant])
    drawn = json.loads(json.dumps(perturbations.draw(condition, seed, "clip")))
    return perturbations.apply(condition, Source(MUSIC), drawn)[0]


def test_a_chain_is_a_condition_with_its_own_name_and_label() -> None:
    (chain,) = perturbations.find(["pitch+1>codec_mp3_128"])
    assert (chain.variant, chain.label) == ("pitch+1>codec_mp3_128", "+1 st, then MP3 128 kbps")
    assert (chain.perturbation, chain.engine) == ("chain", "vocoder")
    assert [link.variant for link in chain.links] == ["pitch+1", "codec_mp3_128"]
    assert perturbations.find(["pitch+1 > codec_mp3_128"]) == [chain]
    long = "pitch+1@librosa>tempo1.1@signalsmith>noise20>codec_aac_64"
    (found,) = perturbations.find([long])
    assert (found.variant, found.engine) == (long, "librosa+signalsmith")
    (other,) = perturbations.find(["pitch+1>noise20"], "signalsmith")
    assert other.variant == "pitch+1@signalsmith>noise20"
    assert set(chain.columns()) == set(perturbations.CLEAN.columns())


def test_links_are_applied_in_order_and_the_level_is_brought_back_once() -> None:
    both = _edit("lowpass4>codec_mp3_64")
    one = perturbations.find(["lowpass4", "codec_mp3_64"])
    samples = MUSIC
    for condition in one:
        drawn = perturbations.draw(condition, 0, "clip")
        kind = perturbations.module(condition.perturbation)
        samples = kind.apply(Source(samples), None, **drawn)
    np.testing.assert_allclose(both, audio.match_level(samples, MUSIC), atol=1e-6)
    assert not np.allclose(both, _edit("codec_mp3_64>lowpass4"), atol=1e-3)
    assert audio.rms_dbfs(both) == pytest.approx(audio.rms_dbfs(MUSIC), abs=0.01)
    louder = _edit("pitch+1>gain+6")  # an edit of level stays one
    assert audio.rms_dbfs(louder) > audio.rms_dbfs(MUSIC) + 1


def test_the_numbers_of_every_link_are_kept() -> None:
    random, noise = perturbations.find(["original_pitch", "noise20"])
    (chain,) = perturbations.find(["original_pitch>noise20"])
    alone = [perturbations.draw(link, 3, "clip") for link in (random, noise)]
    drawn = perturbations.draw(chain, 3, "clip")
    assert drawn == {"links": alone}
    assert perturbations.steps(chain, drawn) == list(zip((random, noise), alone, strict=True))
    assert perturbations.steps(perturbations.CLEAN, {}) == []


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("pitch+1>", "a link is empty"),
        (">pitch+1", "a link is empty"),
        ("pitch+1>>noise20", "a link is empty"),
        ("clean>pitch+1", "a link is clean"),
        ("pitch>noise20", "'pitch' has 10 levels; name one of pitch-4"),
        ("pitch+1>codec_mp3_12", "did you mean 'codec_mp3_128'"),
        ("noise20@librosa>pitch+1", "'noise20' uses no engine"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(variant: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        perturbations.find([variant])


def test_metadata_sees_the_last_codec(tiny_clips: pd.DataFrame) -> None:
    (chain,) = perturbations.find(["codec_mp3_128>pitch+1>codec_aac_64>noise20"])
    drawn = json.dumps(perturbations.draw(chain, 0, "clip"))
    clips = tiny_clips.assign(drawn=drawn, sample_rate_hz=RATE)
    facts = MetadataDetector(MetadataSettings()).values(Variant(chain, clips, LogMel(), "name"))
    assert {(row[0], row[3]) for row in facts} == {(64.0, "aac")}
