"""Executes one notebook: ``python -m offkey.runner.notebook_process JOB.json``.

A process of its own per run, so that memory and a crash stay with it. The last line on stdout is
the result as JSON (stdout, since it works when the disk is full). Closing stdin, or the death of
the process that holds its other end, stops notebook and kernel.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from offkey.core.errors import BadInput

GRACE_S = 4.0
"""How long a kernel may tidy up after an interrupt before it is killed."""
LONGEST = 70
"""Bytes of a temporary folder's path that leave room for a socket's name (macOS takes 103)."""
SHORT_FOLDERS = (os.environ.get("XDG_RUNTIME_DIR", "/tmp"), "/tmp", "/var/tmp")


class ThisInterpreter(AsyncKernelManager):
    """A kernel of the Python that runs this file, whatever kernels the machine has installed."""

    started: ClassVar[list[ThisInterpreter]] = []

    def __init__(self, **settings: Any) -> None:
        # sockets in this run's own folder: no port, and no name, that another run could take first
        sockets = str(Path(os.environ["JUPYTER_RUNTIME_DIR"]) / "kernel")
        super().__init__(**{**settings, "transport": "ipc", "ip": sockets})
        self.started.append(self)

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        # the debugger's warning about frozen modules would end up in the run's log
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
        return KernelSpec(
            argv=[*argv, "-f", "{connection_file}"], display_name="Python 3", language="python"
        )

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and everything in its process group."""
        pid = getattr(self.provisioner, "pid", None)
        if pid:
            try:
                os.killpg(pid, number)
            except ProcessLookupError:
                return  # it ended by itself meanwhile


def _stop_when_abandoned(scratch: Path) -> None:
    os.read(sys.stdin.fileno(), 1)  # unbuffered: a lock on sys.stdin would break a normal exit
    for kernel in ThisInterpreter.started:
        kernel.signal(signal.SIGINT)
    time.sleep(GRACE_S)
    for kernel in ThisInterpreter.started:
        kernel.signal(signal.SIGKILL)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def _execute(job: dict[str, Any]) -> None:
    papermill.execute_notebook(
        # papermill fills {names} in paths
        job["notebook"].replace("{", "{{").replace("}", "}}"),
        "notebook.partial.ipynb",
        parameters=job["parameters"],
        kernel_name="python3",
        language="python",
        progress_bar=False,
        cwd=job["cwd"],
        kernel_manager_class=ThisInterpreter,
    )


def _peak_rss_mb() -> float:
    """Largest memory of any ended child, that is of the kernel."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return round(peak * unit / 1e6, 1)


def _reached_a_cell() -> bool:
    output = Path("notebook.partial.ipynb")
    if not output.is_file():
        return False
    cells = json.loads(output.read_text(encoding="utf-8"))["cells"]
    states = [cell["metadata"].get("papermill", {}).get("status") for cell in cells]
    return any(state not in (None, "pending") for state in states)


def _result(job: dict[str, Any]) -> str:
    """Run the notebook; return what went wrong in one line, or nothing."""
    for attempt in (1, 2):
        try:
            _execute(job)
        except PapermillExecutionError as error:
            first = next(iter((error.evalue or "").strip().splitlines()), "no message")
            return f"cell [{error.exec_count}]: {error.ename}: {first}"
        except (DeadKernelError, RuntimeError) as error:
            if _reached_a_cell():
                used = f"it had used {_peak_rss_mb():.0f} MB"
                return f"kernel was killed (probably out of memory): {used}"
            if attempt == 2:
                return f"the kernel did not start ({error})"
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return "no space left for the notebook: free some, or choose another --data folder"
        else:
            return ""
    return ""


def short_folder() -> str:
    """Where the kernel's sockets go: the usual temporary folder, or a shorter one.

    The path of a socket may have some hundred bytes; a cluster's ``TMPDIR`` can be as long.
    """
    for folder in (tempfile.gettempdir(), *SHORT_FOLDERS):
        if len(os.fsencode(folder)) <= LONGEST and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise BadInput(
        f"the path of the temporary folder {tempfile.gettempdir()} is too long for a kernel's "
        f"sockets: set TMPDIR to one of at most {LONGEST} characters."
    )


def main() -> None:
    """Run the job named on the command line, in its folder."""
    path = Path(sys.argv[1])
    job = json.loads(path.read_text(encoding="utf-8"))
    os.chdir(path.parent)
    try:
        folder = short_folder()
    except BadInput as problem:
        print(json.dumps({"error": str(problem), "peak_rss_mb": 0.0}), flush=True)
        return
    # sockets of the kernel and its history: a short path, and nobody else's settings
    with tempfile.TemporaryDirectory(
        prefix="offkey-", dir=folder, ignore_cleanup_errors=True
    ) as name:
        scratch = Path(name)
        os.environ["JUPYTER_RUNTIME_DIR"] = str(scratch)
        os.environ["IPYTHONDIR"] = str(scratch / "ipython")
        threading.Thread(target=_stop_when_abandoned, args=[scratch], daemon=True).start()
        error = _result(job)
    print(json.dumps({"error": error, "peak_rss_mb": _peak_rss_mb()}), flush=True)


if __name__ == "__main__":
    main()
