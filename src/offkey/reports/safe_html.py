"""Make HTML safe to open anywhere: nothing runs, nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # half a second that only the making of pages needs
    from bs4 import Tag

# Sent with every page as well, so that the browser enforces what seal() has arranged.
POLICY = (
    "default-src 'none'; img-src data: 'self' file:; media-src data: 'self' file:; "
    "style-src 'unsafe-inline'"
)
_ACTIVE = ("script", "link", "iframe", "frame", "object", "embed", "base", "applet", "form")
_LOADING = ("src", "srcset", "poster", "background", "data", "xlink:href", "action", "formaction")
_LOADING_HREF = ("use", "image", "feimage", "link")
_REMOTE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//|^\s*(?:javascript|vbscript|file):", re.I)
_INSIDE = re.compile(r"^\s*(?:data:|#)", re.I)
_STYLE_LOAD = re.compile(r"@import[^;]*;?|url\(\s*['\"]?(?!data:|#)[^)]*\)", re.I)
_PLAIN_LINK = re.compile(r"^\s*(?:https?:|mailto:|#|[^:]*$|[./])", re.I)


def seal(page: str, *, beside: bool = False) -> str:
    """Take out scripts, event handlers and everything that would load from another place.

    Ordinary links to the web stay, and pictures and sound inside the page (``data:``). Tables get
    a box of their own that scrolls on a narrow screen.

    Parameters
    ----------
    page : str
        A whole HTML page.
    beside : bool
        Whether it may load files that lie beside it (relative addresses).
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(_ACTIVE):
        tag.decompose()
    for tag in soup.find_all("meta", attrs={"http-equiv": re.compile("refresh", re.I)}):
        tag.decompose()
    for tag in soup.find_all(True):
        _seal_tag(tag, beside)
    for tag in soup.find_all("style"):
        tag.string = _STYLE_LOAD.sub("", tag.get_text())
    for table in soup.find_all("table"):
        if not table.find_parent(class_="scroll"):
            table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0"}))
    return str(soup)


def _allowed(address: str, beside: bool) -> bool:
    return bool(_INSIDE.match(address)) or (beside and not _REMOTE.match(address))


def _seal_tag(tag: Tag, beside: bool) -> None:
    for name in list(tag.attrs):
        value = str(tag.attrs[name])
        loads = name in _LOADING or (name == "href" and tag.name in _LOADING_HREF)
        bad_link = name == "href" and not loads and not _PLAIN_LINK.match(value)
        sources = value.split(",") if name == "srcset" and "data:" not in value else [value]
        if (
            name.lower().startswith("on")
            or (loads and any(not _allowed(source, beside) for source in sources))
            or (name == "style" and _STYLE_LOAD.search(value))
            or (name == "srcdoc")
            or bad_link
        ):
            del tag.attrs[name]
    if tag.name == "a" and str(tag.get("href", "")).startswith("http"):
        tag["rel"] = "noopener noreferrer"
