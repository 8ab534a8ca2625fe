"""Asks a Python function about every file of a list; one JSON line an answer, written at once.

Usage: ``python_function.py MODULE:FUNCTION LIST OUT BATCH``. The function takes samples (float32,
one channel) and their rate; with a BATCH above 0, a list of such and a list of rates. Only the
standard library and soundfile are needed, so it runs in the environment of the detector.
"""

import importlib
import json
import sys

import soundfile


def main() -> None:
    name, listing, out, batch = sys.argv[1:]
    sys.path[0] = ""  # modules are looked for where the detector works, not beside this file
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    with open(listing, encoding="utf-8") as stream:
        paths = stream.read().splitlines()
    size = int(batch)
    with open(out, "w", encoding="utf-8") as answers:
        for first in range(0, len(paths), size or 1):
            some = paths[first : first + (size or 1)]
            sounds = [soundfile.read(path, dtype="float32") for path in some]
            if size:
                samples, rates = zip(*sounds, strict=True)
                found = list(function(list(samples), list(rates)))
            else:
                found = [function(*sounds[0])]
            if len(found) != len(some):
                sys.exit(f"{name} gave {len(found)} answers for {len(some)} clips")
            for path, value in zip(some, found, strict=True):
                line = {"path": path, "probability": plain(value)}
                answers.write(json.dumps(line) + "\n")
            answers.flush()


def plain(value: object) -> object:
    """An answer as JSON holds it: numbers of numpy and torch are turned into Python's."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main()
