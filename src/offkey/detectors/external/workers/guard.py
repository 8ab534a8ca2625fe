"""Runs a command and ends with it; ends it, with all it started, when standard input closes.

Whoever started this process holds the other end: where that one dies, however it dies, the detector
does not live on. Usage: ``guard.py COMMAND ...``.
"""

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127


def main() -> int:
    """Exit code of the command, 128 + N where signal N ended it."""
    try:
        child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"{sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return NOT_STARTED

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        _kill(child.pid)
        child.wait()

    threading.Thread(target=end_with_parent, daemon=True).start()
    code = child.wait()
    _kill(child.pid)  # what it left running
    return code if code >= 0 else 128 - code


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:  # nothing of it is left
        return


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the thread that waits for the parent would be waited for
