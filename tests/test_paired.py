"""Paired tests against numbers worked out by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from offkey.core.errors import BadInput
from offkey.metrics import paired


def verdicts(n_lost: int, n_gained: int, n_both: int = 20, n_neither: int = 3):
    """Right clean and right edited, with so many discordant pairs."""
    clean = [True] * n_both + [True] * n_lost + [False] * n_gained + [False] * n_neither
    edited = [True] * n_both + [False] * n_lost + [True] * n_gained + [False] * n_neither
    return np.array(clean), np.array(edited)


@pytest.mark.parametrize(("n_lost", "n_gained"), [(9, 2), (2, 9), (6, 0), (5, 0), (4, 4), (0, 0)])
def test_mcnemar_is_a_coin_over_the_discordant_clips(n_lost, n_gained):
    n, k = n_lost + n_gained, min(n_lost, n_gained)
    by_hand = min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
    lost, gained, p = paired.mcnemar_exact(*verdicts(n_lost, n_gained))
    assert (lost, gained) == (n_lost, n_gained)
    assert p == pytest.approx(by_hand)


def test_six_lost_clips_are_the_first_that_count():
    assert paired.mcnemar_exact(*verdicts(5, 0))[2] > 0.05
    assert paired.mcnemar_exact(*verdicts(6, 0))[2] < 0.05


def test_holm_by_hand():
    # sorted .01 .02 .04 times 3, 2, 1 and never falling: .03 .04 .04
    assert paired.holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert paired.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert len(paired.holm([])) == 0


def test_sign_flips_of_few_tracks_are_enumerated():
    # only all plus and all minus reach the sum: 2 of 16
    assert paired.sign_flip_p([1, 2, 3, 4]) == pytest.approx(2 / 16)
    # |sum| = 2 or more, of ±1 ±1 ±3: sums 5 3 3 1 and their negatives -> 6 of 8 reach 3
    assert paired.sign_flip_p([1, -1, 3]) == pytest.approx(6 / 8)
    # tracks without a difference say nothing
    assert paired.sign_flip_p([1, 2, 3, 4, 0, 0, 0]) == pytest.approx(2 / 16)
    assert paired.sign_flip_p([0, 0]) == 1.0
    # in floating point, .1 + .2 - .3 is not quite 0 in every order
    assert paired.sign_flip_p([0.1, 0.2, -0.3]) == 1.0


def test_sign_flips_of_many_tracks_agree_with_the_binomial():
    # equal steps: the sum counts signs, so p is McNemar's
    differences = np.repeat([1.0, -1.0], [28, 12])
    exact = 2 * sum(comb(40, i) for i in range(13)) / 2**40
    p = paired.sign_flip_p(differences, n_permutations=40_000)
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))
    assert p == paired.sign_flip_p(differences, n_permutations=40_000)
    assert paired.sign_flip_p(np.ones(40), n_permutations=999) == pytest.approx(1 / 1000)


def test_sign_flips_keep_their_level():
    rng = np.random.default_rng(0)
    n, below = 800, 0
    for seed in range(n):
        differences = rng.normal(0, rng.uniform(0.1, 3, 30))
        below += paired.sign_flip_p(differences, n_permutations=399, seed=seed) <= 0.05
    # 5 % of 800 with four standard errors
    assert abs(below - 40) < 4 * np.sqrt(800 * 0.05 * 0.95)


def test_bad_pairs_are_named():
    with pytest.raises(BadInput, match="not finite"):
        paired.sign_flip_p([0.1, float("nan")])
    with pytest.raises(BadInput, match="verdicts"):
        paired.mcnemar_exact([True], [True, False])
