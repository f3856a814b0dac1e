"""HTML mail to plain text: blocks end lines, quotations become "> " lines, scripts and styles vanish."""

from __future__ import annotations

import re
from html.parser import HTMLParser

BLOCKS = frozenset(
    [
        "address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section",
        "table", "td", "th", "tr", "ul",
    ]
)  # fmt: skip
UNSEEN = frozenset(["script", "style", "template", "title"])

_MARKUP = re.compile(
    r"</?(?:html|head|body|p|div|br|span|table|tr|td|ul|ol|li|a|b|i|u|em|strong|font|h[1-6]|blockquote|img|script"
    r"|style|pre|hr)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
# A tag that closes before the next one opens. html.parser takes quadratic time over tags that never close.
_LONE = re.compile(r"<(?![^<>]{1,5000}>)")


def has_markup(text: str) -> bool:
    """Whether a text holds an HTML tag; "<anna@shop.example>" and "a < b" are none."""
    return _MARKUP.search(text) is not None


def html_to_text(html: str) -> str:
    """The readable text of an HTML document or fragment, however broken, in time linear in its length."""
    reader = _Reader()
    reader.feed(_LONE.sub("&lt;", _without_comments(html)))
    reader.close()
    return reader.text()


def _without_comments(html: str) -> str:
    kept, at = [], 0
    while (start := html.find("<!--", at)) >= 0:
        kept.append(html[at:start])
        end = html.find("-->", start + 4)
        if end < 0:  # never closed: a browser would hide the rest, a reader of complaints must not
            return "".join([*kept, html[start + 4 :]])
        at = end + 3
    return "".join([*kept, html[at:]])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._unseen = 0
        self._quoted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        self._unseen += tag in UNSEEN
        self._quoted += tag == "blockquote"
        if tag in BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in UNSEEN))
        self._quoted = max(0, self._quoted - (tag == "blockquote"))
        if tag in BLOCKS and tag != "br":
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._lines[-1][1].append(data)

    def _break(self) -> None:
        if self._lines[-1][1]:
            self._lines.append((self._quoted, []))
        else:
            self._lines[-1] = (self._quoted, [])

    def text(self) -> str:
        lines = [(depth, " ".join("".join(parts).split())) for depth, parts in self._lines]
        # The signature line of RFC 3676 ends in a blank, which HTML does not show.
        return "\n".join(("> " if depth else "") + ("-- " if line == "--" else line) for depth, line in lines if line)
