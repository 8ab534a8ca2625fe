"""The committed pages in a real browser, with the network off."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

RESULTS = Path(__file__).parents[1] / "results"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
PAGES = [
    RESULTS / "index.html",
    RESULTS / "demo" / "index.html",
    RESULTS / "demo" / "notebooks" / "02_create_dataset_pitch.html",
    RESULTS / "demo" / "notebooks" / "07_compare_augmentations.html",
]
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-sync", "--disable-background-networking", "--disable-component-update"),
    *("--hide-scrollbars", "--timeout=5000", "--enable-logging=stderr"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
]

pytestmark = pytest.mark.skipif(
    not BROWSER, reason="no chromium on this machine: install Debian's package 'chromium'"
)


def _open(page: Path, profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={profile}", *words, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_page_shows_its_pictures_without_a_network(page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "page.png"
    done = _open(page, tmp_path / "profile", f"--screenshot={shot}", "--window-size=1000,1600")
    assert shot.is_file(), done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints
    pixels = np.asarray(Image.open(shot).convert("L"), dtype=float)
    assert pixels.std() > 10, "the page is blank"


@pytest.mark.parametrize("width", [1000, 500])  # a browser without a screen gets no narrower
@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_picture_decodes_and_no_text_runs_out_of_the_page(
    page: Path, width: int, tmp_path: Path
) -> None:
    probe = tmp_path / "probe.html"
    script = """<script>addEventListener("load", () => {
      const pictures = [...document.images];
      const broken = pictures.filter(p => p.currentSrc && !p.naturalWidth).length;
      const wide = document.documentElement.scrollWidth - innerWidth;
      document.title = `pictures=${pictures.length} broken=${broken} wide=${wide}`;
    });</script></body>"""
    text = page.read_text(encoding="utf-8")
    policy = re.compile(r"<meta [^>]*Content-Security-Policy[^>]*>")
    assert policy.search(text), "the page itself lets no script run"
    base = f'<head><base href="{page.parent.as_uri()}/">'
    probe.write_text(
        policy.sub("", text).replace("</body>", script).replace("<head>", base),
        encoding="utf-8",
    )
    done = _open(probe, tmp_path / "profile", "--dump-dom", f"--window-size={width},1600")
    found = re.search(r"<title>pictures=(\d+) broken=(\d+) wide=(-?\d+)</title>", done.stdout)
    assert found, done.stderr[-500:]
    pictures, broken, wide = map(int, found.groups())
    assert pictures >= 1
    assert broken == 0
    assert wide <= 0


@pytest.mark.parametrize("page", PAGES[:2], ids=lambda path: path.parent.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r'href="([^"#]+)', page.read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"(https?|data|mailto):", link)]
    assert inside
    for link in inside:
        assert (page.parent / unquote(link)).exists(), link
