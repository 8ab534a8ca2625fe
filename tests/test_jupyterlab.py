"""A real JupyterLab in a real browser: open a notebook, run all, stop, run again, change theme."""

import base64
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import small_copy

from offkey import detectors
from offkey.core import store
from offkey.detectors.trained import AI_OR_HUMAN

websocket = pytest.importorskip("websocket", reason="needs the package 'websocket-client'")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
SHOTS = os.environ.get("OFFKEY_SCREENSHOTS", "")  # a folder: what the browser showed is kept there

# bounds for a machine that has other work to do, too; all of it takes seconds on one that has not
LOADING_S, WORKING_S, STOPPING_S = 240, 300, 60

pytestmark = pytest.mark.skipif(
    not BROWSER, reason="no chromium on this machine: install Debian's package 'chromium'"
)

STATE = """(() => {
  const panel = [...jupyterapp.shell.widgets('main')][0];
  if (!panel || !panel.content || !panel.content.widgets) return {ready: false};
  const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
  const cells = panel.content.widgets.filter(cell => cell.model.type === "code");
  const outputs = cells.flatMap(cell => cell.model.outputs.toJSON());
  return {
    ready: Boolean(kernel && kernel.connectionStatus === "connected" && cells.length),
    status: kernel ? kernel.status : "",
    waiting: cells.filter(cell => cell.promptNode?.textContent.includes("*")
      || cell.model.executionState === "running").length,
    errors: outputs.filter(o => o.output_type === "error").map(o => o.ename),
    text: outputs.filter(o => o.output_type === "stream").map(o => o.text).flat().join(""),
    red: outputs.filter(o => o.name === "stderr").map(o => o.text).flat().join(""),
    ran: cells.filter(cell => cell.model.executionCount).length,
    pictures: outputs.filter(o => o.data && o.data["image/png"]).length,
    cells: cells.length,
  };
})()"""


SAID = "document.querySelector('.jupyter-widgets b').innerText"
"""What the panel of 19 says of the sound and its edit."""


class Page:
    """One page of the browser, over the DevTools protocol."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=60, suppress_origin=True)
        self._number = itertools.count(1)

    def send(self, method: str, **words: Any) -> Any:
        number = next(self._number)
        self._socket.send(json.dumps({"id": number, "method": method, "params": words}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def ask(self, script: str) -> Any:
        """Value of an expression, a promise's when it is kept."""
        words = {"expression": script, "awaitPromise": True, "returnByValue": True}
        result = self.send("Runtime.evaluate", **words)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, script: str, seconds: float) -> Any:
        """Wait until an expression is true; return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.ask(script)
            if value:
                return value
            time.sleep(0.3)
        self.shot("failed")
        raise AssertionError(f"not in {seconds} s: {script}; now: {self.ask(STATE)}")

    def shot(self, name: str) -> None:
        if SHOTS:
            data = self.send("Page.captureScreenshot")["data"]
            (Path(SHOTS) / f"{name}.png").write_bytes(base64.b64decode(data))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(address: str, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < end, f"{address} does not answer"
            time.sleep(0.3)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    """A browser beside JupyterLab in a checkout where nothing has run; the address of the Lab."""
    place = small_copy(tmp_path_factory.mktemp("lab"))
    about = {"purpose": AI_OR_HUMAN, "regime": "clean", "train_clips": 1}
    detector = detectors.create("cnn", width=1)
    detector.validated = 0.5
    detector.save(place / "data" / "models" / "demo-cnn", **about)  # so that 19 has one to ask
    own = tmp_path_factory.mktemp("jupyter")
    port, tools = _free_port(), _free_port()
    folders = {f"JUPYTER_{name}_DIR": str(own / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("OFFKEY_DATA", store.WRITTEN)},
        **folders,
        "IPYTHONDIR": str(own / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "OFFKEY_JOBS": "2",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"]
    command += ["--allow-root", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={place}", "--LabApp.expose_app_in_browser=True"]
    command += ["--ServerApp.quit_button=False", "--LabApp.news_url=", "--ip=127.0.0.1"]
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += ["--window-size=1280,1500", f"--remote-debugging-port={tools}", "about:blank"]
    flags += [f"--user-data-dir={own / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND, "
              "EXCLUDE 127.0.0.1"]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    server = subprocess.Popen(command, env=environment, cwd=place, **quiet)
    browser = subprocess.Popen([str(BROWSER), *flags], **quiet)
    try:
        _answers(f"http://127.0.0.1:{port}/api", LOADING_S)
        pages = _answers(f"http://127.0.0.1:{tools}/json/list", LOADING_S)
        address = next(page for page in pages if page["type"] == "page")["webSocketDebuggerUrl"]
        yield Page(address), f"http://127.0.0.1:{port}/lab?reset"
    finally:
        _end(browser)
        _end(server)


def _open(page: Page, lab: str, notebook: str) -> None:
    page.send("Page.navigate", url=lab)
    page.until("typeof jupyterapp !== 'undefined' && Boolean(jupyterapp.shell)", LOADING_S)
    page.ask(f"jupyterapp.restored.then(() => void jupyterapp.commands.execute('docmanager:open', "
             f"{{path: 'notebooks/{notebook}.ipynb', factory: 'Notebook'}}))")  # fmt: skip
    page.until(f"{STATE}.ready", LOADING_S)
    # commands go to the widget that has the focus; a page that nobody looks at gives it to none
    page.send("Page.bringToFront")
    page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    page.ask("void jupyterapp.shell.activateById([...jupyterapp.shell.widgets('main')][0].id)")
    page.until("Boolean(jupyterapp.shell.currentWidget)", LOADING_S)


def _command(page: Page, name: str) -> None:
    page.ask(f"void jupyterapp.commands.execute('{name}')")


def test_open_run_all_stop_and_run_again(lab: tuple[Page, str]) -> None:
    page, address = lab
    _open(page, address, "01_create_dataset")

    # no music, no log-mels: the first run has something to do, in several processes
    _command(page, "runmenu:run-all")
    page.until(f"/making|render|\\d+%\\|/.test({STATE}.text)", WORKING_S)
    page.shot("1-running")
    time.sleep(1)
    _command(page, "kernelmenu:interrupt")
    # a kernel that was stopped turns away what is asked before it has answered for every cell
    stopped_whole = f"{STATE}.errors.length && {STATE}.waiting === 0 && {STATE}.status === 'idle'"
    page.until(stopped_whole, STOPPING_S)
    stopped = page.ask(STATE)
    page.shot("2-stopped")
    assert stopped["errors"] == ["KeyboardInterrupt"]
    assert stopped["ran"] < stopped["cells"], "nothing was left to stop"

    _command(page, "notebook:clear-all-cell-outputs")
    _command(page, "runmenu:run-all")
    page.until(f"{STATE}.ran === {STATE}.cells && {STATE}.status === 'idle'", WORKING_S)
    done = page.ask(STATE)
    assert not done["errors"]
    assert not done["red"], done["red"]
    assert done["pictures"]

    # one picture of each pair is to be seen, the dark one in the dark theme
    seen = """[...document.querySelectorAll('.offkey-light, .offkey-dark')]
      .filter(img => img.offsetParent !== null).map(img => img.className)"""
    page.ask("void document.querySelector('.offkey-light').scrollIntoView()")
    time.sleep(1)
    assert set(page.ask(seen)) == {"offkey-light"}
    page.shot("3-light")
    page.ask("jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.until("document.body.dataset.jpThemeLight === 'false'", 20)
    time.sleep(1)
    assert set(page.ask(seen)) == {"offkey-dark"}
    page.shot("4-dark")

    # saved and opened again, every output is there: text bars need no widgets
    page.ask("jupyterapp.commands.execute('docmanager:save')")
    _open(page, address, "01_create_dataset")
    # a notebook that is only opened is not trusted: JupyterLab shows the plain pictures
    page.until(f"{STATE}.pictures === {done['pictures']}", 30)
    page.shot("5-opened-again")
    assert "Error displaying widget" not in page.ask("document.body.innerText")
    assert page.ask(STATE)["ran"] == done["ran"]


def test_a_slider_is_moved_and_the_detectors_answer(lab: tuple[Page, str]) -> None:
    page, address = lab
    _open(page, address, "19_try_it")
    _command(page, "runmenu:run-all")
    page.until(f"{STATE}.ran === {STATE}.cells && {STATE}.status === 'idle'", WORKING_S)
    done = page.ask(STATE)
    assert not done["errors"]
    assert not done["red"], done["red"]
    text = "document.body.innerText"
    assert "AI from 0.50" in page.ask(text) and "by vocoder" not in page.ask(SAID)
    page.ask("void document.querySelector('.noUi-handle').scrollIntoView()")
    page.shot("6-panel")

    # the first slider is that of semitones: a step is a quarter of one
    press = "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true})"
    page.ask(f"void document.querySelector('.noUi-handle').dispatchEvent({press})")
    page.until(f"{SAID}.includes('+0.25 st by vocoder')", WORKING_S)
    page.until(f"{STATE}.status === 'idle'", WORKING_S)
    page.shot("7-moved")

    pictures = f"{STATE}.pictures"
    curve = (
        "[...document.querySelectorAll('button')].find(b => /against semitones/.test(b.innerText))"
    )
    page.ask(f"void {curve}.click()")
    drawn = "document.querySelectorAll('.jupyter-widgets img').length"
    page.until(drawn, WORKING_S)
    assert page.ask(pictures) == done["pictures"]
    page.ask(f"void {curve}.scrollIntoView()")
    page.shot("8-curve")
