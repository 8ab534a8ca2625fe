"""What numba compiles: by one process at a time, and afterwards without waiting for anybody."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from offkey.core import compiled, errors

NOWHERE = Path("/proc/nowhere")  # nothing can be made there, not even by root


@pytest.fixture
def no_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment that belongs to another user."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(compiled, "_package", lambda name: NOWHERE / name)
    compiled.cache_folder.cache_clear()
    yield
    compiled.cache_folder.cache_clear()


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is compiled, empty at first: compiling librosa once is enough."""
    return tmp_path_factory.mktemp("kernels")


def _run(program: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_one_process_at_a_time_compiles_librosa(kernels: Path) -> None:
    program = (
        "import numpy as np\n"
        "from offkey.core import compiled\n"
        "assert compiled.librosa().util.localmax(np.array([0.0, 1.0, 0.0])).tolist()[1]\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kernels)}
    command = [sys.executable, "-c", program]
    with FileLock(kernels / compiled.lock_file().name):
        pair = [subprocess.Popen(command, env=environment) for _ in range(2)]
        with pytest.raises(subprocess.TimeoutExpired):
            pair[0].wait(timeout=6)
        assert not any(kernels.rglob("*localmax*.nbc"))
        assert not any(kernels.glob("offkey-*.nbi"))
    assert [process.wait(timeout=300) for process in pair] == [0, 0]
    assert any(kernels.rglob("*localmax*.nbc"))
    assert len(list(kernels.glob("offkey-*.nbi"))) == 1
    assert subprocess.run(command, env=environment, timeout=300).returncode == 0


def test_what_has_been_compiled_is_imported_without_waiting() -> None:
    compiled.librosa()
    program = "from offkey.features import LogMel; LogMel().frequencies_hz()"
    with FileLock(compiled.lock_file()):
        assert _run(program).returncode == 0


def test_parts_that_compile_on_every_import_are_left_out_until_they_are_used() -> None:
    compiled.librosa()
    program = (
        "import sys\n"
        "from offkey.core import compiled\n"
        "compiled.librosa().filters.mel(sr=16_000, n_fft=512)\n"
        "compiled.librosa().griffinlim\n"
        "print('librosa.beat' in sys.modules)\n"
    )
    assert _run(program).stdout == "False\n"


def test_another_users_environment_is_not_written(
    no_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert compiled.cache_folder() == tmp_path / "home" / "offkey"
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "home" / "offkey")


def test_without_a_home_a_folder_of_this_user_alone_serves(
    no_folder: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(NOWHERE))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = compiled.cache_folder()
    assert folder == tmp_path / f"offkey-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    compiled.cache_folder.cache_clear()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr(os, "getuid", lambda: 4711)  # somebody else's folder of that name
    (tmp_path / "offkey-4711").mkdir()
    with pytest.raises(errors.BadInput, match="set NUMBA_CACHE_DIR"):
        compiled.cache_folder()


def test_kernels_compile_where_neither_code_nor_home_can_be_written(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from offkey.core import compiled\n"
        f"compiled._package = lambda name: Path({str(NOWHERE)!r})\n"
        "import numpy as np\n"
        "from offkey.perturbations import vocoder\n"
        "vocoder.analyse(np.ones(4096, np.float32))\n"
    )
    environment = {"XDG_CACHE_HOME": str(NOWHERE), "HOME": str(NOWHERE), "TMPDIR": str(tmp_path)}
    done = _run(program, NUMBA_CACHE_DIR="", **environment)
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / f"offkey-{os.getuid()}").rglob("*.nbc"))


def test_a_named_folder_that_cannot_be_written_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(NOWHERE))
    compiled.cache_folder.cache_clear()
    with pytest.raises(errors.BadInput, match="NUMBA_CACHE_DIR=/proc/nowhere cannot be written"):
        compiled.cache_folder()
    compiled.cache_folder.cache_clear()


def test_a_file_system_without_locks_compiles_all_the_same(kernels: Path) -> None:
    """With an old lock file there; what else such file systems answer is tested with the locks."""
    name = "ENOSYS"
    program = f"""
import errno, fcntl, os
def flock(*_): raise OSError(errno.{name}, os.strerror(errno.{name}))
fcntl.flock = flock
from offkey.core import compiled
compiled.lock_file().touch()  # of an earlier process
compiled.librosa()
print(len(list(compiled.cache_folder().glob("offkey-*.nbi"))))
"""
    for receipt in kernels.glob("offkey-*.nbi"):
        receipt.unlink()
    done = _run(program, NUMBA_CACHE_DIR=str(kernels))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
