"""A score becomes sound: players, instruments, tempo, room and level are drawn per track.

Everything random follows from (seed, track_id, purpose), so a track sounds the same whoever renders
it. The synthesizer is symusic's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.datasets import decoders, scores, soundfont
from offkey.sound import audio

# Rendered at twice the rate and resampled: the synthesizer folds high partials back.
SAMPLE_RATE_HZ = decoders.SAMPLE_RATE_HZ
SYNTH_RATE_HZ = 2 * SAMPLE_RATE_HZ
SYNTH_QUALITY = 2
LEAD_S = 1.0  # rendered before the excerpt and cut, so that notes ring into its first moment
MAX_REST_S = 0.7
MAX_PEAK = 0.7  # room for the twin, whose peaks may be higher at the same level
# Above about 96 some looped samples send symusic's synthesizer into an endless loop, and below 36
# the oboe is silent: notes out of range move by octaves.
LOWEST, HIGHEST = 36, 88

# General MIDI programs, counted from 0
FAMILIES: dict[str, tuple[int, ...]] = {
    "piano": (0, 1, 2, 4, 5),
    "harpsichord": (6, 7),
    "mallets": (8, 9, 11, 12, 13, 15),
    "organ": (16, 18, 19, 20, 21),
    "guitar": (24, 25, 26, 27, 105),
    "strings": (40, 41, 42, 48, 49, 110),
    "plucked": (45, 46, 104, 107),
    "voices": (52, 53, 54),
    "brass": (56, 57, 58, 60, 61),
    "reeds": (64, 66, 68, 69, 70, 71),
    "flutes": (72, 73, 74, 75, 79),
    "synth": (80, 81, 88, 89, 90),
}
DRONES = (19, 20, 21, 42, 43, 48, 109)
KICK, SNARE, WOODBLOCK, HAT, TAMBOURINE, SHAKER = 36, 38, 76, 42, 54, 70
# (drum, beats of a bar of four) per groove
GROOVES: tuple[tuple[tuple[int, tuple[float, ...]], ...], ...] = (
    ((KICK, (0, 2)), (SNARE, (1, 3)), (HAT, (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5))),
    ((KICK, (0, 2.5)), (WOODBLOCK, (1, 3)), (SHAKER, (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5))),
    ((KICK, (0, 1, 2, 3)), (TAMBOURINE, (0.5, 1.5, 2.5, 3.5))),
)
TIME, LENGTH, MIDI, VELOCITY, TRACK = range(5)


def render(score_path: str, track_id: str, seed: int, duration_s: float) -> np.ndarray:
    """Play one score.

    Parameters
    ----------
    score_path : str
        Path within music21's corpus.
    track_id : str
        Whose random choices to make.
    seed : int
        The study's seed.
    duration_s : float
        Length of the excerpt.

    Returns
    -------
    ndarray of float32, shape (n,)
        Mono, at ``SAMPLE_RATE_HZ``, -26 to -16 dBFS (less where peaks forbid it), never clipped.

    Raises
    ------
    BadInput
        The score is missing, too short, or silent.
    """
    notes = scores.read(score_path)
    notes[:, scores.ONSET_Q] -= notes[0, scores.ONSET_Q]
    played, programs, beat_s = _perform(notes, duration_s, track_id, seed)
    start_s = _start(played, duration_s, seeding.rng(seed, track_id, "start"), score_path)
    # Nobody's instruments agree on concert pitch: without this every note would lie on one grid,
    # and a detector would take any music off that grid for something it has never heard.
    tuning = 2 ** (seeding.rng(seed, track_id, "tuning").uniform(-50, 50) / 1200)
    samples = _synthesize(played, programs, start_s - LEAD_S, duration_s + LEAD_S, tuning)
    rng = seeding.rng(seed, track_id, "drums")
    if rng.random() < 1 / 6:
        hits = _synthesize(_groove(played, beat_s, rng), [], start_s - LEAD_S, duration_s + LEAD_S)
        samples += audio.match_level(hits, samples) * np.float32(10 ** (rng.uniform(-12, -3) / 20))
    samples = _room(samples, seeding.rng(seed, track_id, "room"))
    n = round(duration_s * SAMPLE_RATE_HZ)
    samples = audio.fix_length(samples[round(LEAD_S * SAMPLE_RATE_HZ) :], n)
    if audio.rms_dbfs(samples) < audio.SILENCE_DBFS:
        raise BadInput(f"score '{score_path}' renders to silence (track '{track_id}').")
    return _level(samples, seeding.rng(seed, track_id, "level"))


def _perform(
    notes: np.ndarray, duration_s: float, track_id: str, seed: int
) -> tuple[np.ndarray, list[int], float]:
    """Notes in seconds with velocities, the program of each part, and the beat."""
    rng = seeding.rng(seed, track_id, "performance")
    length_q = float((notes[:, scores.ONSET_Q] + notes[:, scores.DURATION_Q]).max())
    # Written note values say little about tempo (a breve of 1560, a quaver of 1880): the tempo
    # follows from how many onsets a second are to be heard.
    onsets = len(np.unique(notes[:, scores.ONSET_Q].round(3)))
    quarter_s = max(onsets / length_q / rng.uniform(2.0, 5.5), (duration_s + 2) / length_q)
    part = np.unique(notes[:, scores.PART], return_inverse=True)[1]
    n_parts = int(part.max()) + 1
    timing_s, articulation = rng.uniform(0.003, 0.015), rng.uniform(0.75, 1.0)
    loudness = rng.uniform(60, 105, n_parts)[part] + rng.normal(0, 6, len(notes))
    swell = rng.uniform(0, 10) * np.sin(notes[:, scores.ONSET_Q] / rng.uniform(2, 8))
    played = np.empty((len(notes), 5))
    played[:, TIME] = notes[:, scores.ONSET_Q] * quarter_s + rng.normal(0, timing_s, len(notes))
    written_s = notes[:, scores.DURATION_Q] * quarter_s
    shortened = articulation * rng.uniform(0.9, 1.05, len(notes))
    # a long note ends a breath early, not a quarter of its length
    played[:, LENGTH] = np.maximum(written_s * shortened, written_s - 0.2)
    played[:, MIDI] = notes[:, scores.PITCH] + rng.integers(-5, 6)
    played[:, VELOCITY] = loudness + swell
    played[:, TRACK] = part
    programs = _programs(n_parts, rng)
    if n_parts == 1:
        played, programs = _accompany(played, programs, quarter_s, rng)
    return played, programs, quarter_s


def _programs(n_parts: int, rng: np.random.Generator) -> list[int]:
    """One player, players of one family, or any players."""
    names = list(FAMILIES)
    family = FAMILIES[names[rng.integers(len(names))]]
    kind = rng.choice(["one", "family", "any"], p=[0.35, 0.3, 0.35])
    if kind == "one":
        return [int(rng.choice(family))] * n_parts
    if kind == "family":
        return [int(rng.choice(family)) for _ in range(n_parts)]
    return [int(rng.choice(FAMILIES[names[rng.integers(len(names))]])) for _ in range(n_parts)]


def _accompany(
    played: np.ndarray, programs: list[int], quarter_s: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """Give a single line company: a second player an octave away, a drone on its last note."""
    voices = [played]
    if rng.random() < 0.5:
        double = played.copy()
        double[:, MIDI] += rng.choice([-12, 0, 12])
        double[:, TIME] += rng.normal(0, 0.012, len(double))
        double[:, TRACK] = len(programs)
        voices.append(double)
        programs = programs + _programs(1, rng)
    if rng.random() < 0.6:
        root = 36 + (int(played[-1, MIDI]) - 36) % 12
        every_s = quarter_s * rng.choice([2, 4, 8])
        times = np.arange(0, played[:, TIME].max(), every_s)
        velocity = rng.uniform(45, 85)
        for pitch in (root, root + 7, root + 12)[: rng.integers(1, 4)]:
            drone = np.empty((len(times), 5))
            drone[:] = (0, every_s, pitch, velocity, len(programs))
            drone[:, TIME] = times
            voices.append(drone)
        programs = [*programs, int(rng.choice(DRONES))]
    return np.concatenate(voices), programs


def _start(played: np.ndarray, duration_s: float, rng: np.random.Generator, score: str) -> float:
    """A moment from which music sounds for `duration_s` without a long rest."""
    ordered = played[np.argsort(played[:, TIME], kind="stable")]
    onset = ordered[:, TIME]
    reached = np.maximum.accumulate(onset + ordered[:, LENGTH])
    rest = np.append(onset[1:], np.inf) - reached
    latest = reached[-1] - duration_s
    for start in rng.permutation(np.unique(onset[onset <= latest])):
        inside = (onset >= start) & (reached < start + duration_s)
        if not (rest[inside] > MAX_REST_S).any():
            return float(start - rng.uniform(0, 0.25))
    raise BadInput(f"score '{score}' has no {duration_s:g} s without a rest of {MAX_REST_S} s.")


def _groove(played: np.ndarray, beat_s: float, rng: np.random.Generator) -> np.ndarray:
    """Hits of a drum kit under the whole piece, as notes of track -1."""
    while not 0.3 <= beat_s < 0.6:
        beat_s *= 2 if beat_s < 0.3 else 0.5
    bars = np.arange(0, played[:, TIME].max(), 4 * beat_s)
    hits = []
    for drum, beats in GROOVES[rng.integers(len(GROOVES))]:
        times = (bars[:, None] + np.array(beats) * beat_s).ravel()
        track = np.empty((len(times), 5))
        track[:] = (0, 0.1, drum, rng.uniform(40, 90), -1)
        track[:, TIME] = times + rng.normal(0, 0.006, len(times))
        hits.append(track)
    return np.concatenate(hits)


def _synthesizer() -> Any:
    # a new one for every track: what it played before would colour what it plays next
    import symusic

    return symusic.Synthesizer(str(soundfont.path()), SYNTH_RATE_HZ, SYNTH_QUALITY)


def _synthesize(
    played: np.ndarray,
    programs: list[int],
    start_s: float,
    duration_s: float,
    tuning: float = 1.0,
) -> np.ndarray:
    """Sound of the notes heard in a window, at ``SAMPLE_RATE_HZ``, `tuning` times as high."""
    import symusic

    # played slower by what the resampling below makes faster and higher
    begin = np.maximum(played[:, TIME] - start_s, 0.0) * tuning
    end = np.minimum(played[:, TIME] + played[:, LENGTH] - start_s, duration_s) * tuning
    pitch = played[:, MIDI]
    pitch = pitch + 12 * np.ceil(np.maximum(LOWEST - pitch, 0) / 12)
    pitch = pitch - 12 * np.ceil(np.maximum(pitch - HIGHEST, 0) / 12)
    pitch = np.where(played[:, TRACK] < 0, played[:, MIDI], pitch)
    velocity = np.clip(played[:, VELOCITY], 20, 127)
    score: Any = symusic.Score(480)
    score = score.to("second")
    for track in np.unique(played[:, TRACK]).astype(int).tolist():
        player: Any = symusic.Track(
            "", programs[track] if track >= 0 else 0, track < 0, ttype="second"
        )
        for i in np.flatnonzero((played[:, TRACK] == track) & (end - begin > 0.02)):
            note = symusic.Note(
                begin[i], end[i] - begin[i], int(pitch[i]), int(velocity[i]), ttype="second"
            )
            player.notes.append(note)
        score.tracks.append(player)
    samples = np.asarray(_synthesizer().render(score, True)).mean(axis=0)
    samples = audio.resample(samples.astype(np.float32), SYNTH_RATE_HZ * tuning, SAMPLE_RATE_HZ)
    return audio.fix_length(samples, round(duration_s * SAMPLE_RATE_HZ))


def _room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a small room to three tracks of five: exponentially decaying noise, darker with time."""
    from scipy.signal import fftconvolve, lfilter

    if rng.random() >= 0.6:
        return samples
    rt60_s, wet = rng.uniform(0.15, 1.2), rng.uniform(0.05, 0.4)
    time_s = np.arange(round(rt60_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    noise = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    damping = rng.uniform(0.1, 0.7)
    tail = lfilter([1 - damping], [1, -damping], noise)
    tail /= np.sqrt(np.sum(tail**2))
    return ((1 - wet) * samples + wet * fftconvolve(samples, tail)[: len(samples)]).astype(
        np.float32
    )


def _level(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set a random level over a faint noise floor, so that no clip holds digital silence."""
    samples = samples - samples.mean()
    gain_db = rng.uniform(-26, -16) - audio.rms_dbfs(samples)
    gain = min(10 ** (gain_db / 20), MAX_PEAK / float(np.abs(samples).max()))
    floor = 10 ** (rng.uniform(-84, -66) / 20) * rng.standard_normal(len(samples))
    return (gain * samples + floor).astype(np.float32)
