"""Markdown of people as HTML that can do no harm: rendered, then cleaned, whatever was rendered."""

import html
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache, partial
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token

from resile.app.incident_pictures import PICTURE

ALLOWED: Mapping[str, frozenset[str]] = {
    "a": frozenset({"href", "title"}),
    "img": frozenset({"src", "alt", "title"}),
    "ol": frozenset({"start"}),
    **dict.fromkeys(
        ("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "li", "h1", "h2", "h3", "h4", "h5"),
        frozenset(),
    ),
    **dict.fromkeys(("h6", "table", "thead", "tbody", "tr", "th", "td"), frozenset()),
}
SCHEMES = frozenset({"http", "https", "mailto"})
REL = "noopener noreferrer nofollow"
# Each as long as a note may be, and a page shows a few hundred.
_N_REMEMBERED = 1_000
_LOWEST_HEADING = 6


@lru_cache(maxsize=_N_REMEMBERED)
def as_html(text: str, *, pictures: str | None = None, keeps_lines: bool = True, top_heading: int = 3) -> str:
    """The text as HTML. HTML in it is shown as it was written; a picture that lies elsewhere becomes a link.

    Args:
        pictures: where `![](picture:ID)` is, up to its id: `/incidents/INC-1/pictures/`; None: there are none.
        keeps_lines: the end of a line ends one, as people expect who write notes; False: as files have it.
        top_heading: the level of `#`, below which the others follow.
    """
    parser = _parser(keeps_lines=keeps_lines)
    shown: set[str] = set()
    env: dict[str, Any] = {"pictures": pictures, "shown": shown}
    tokens = parser.parse(text, env)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_LOWEST_HEADING, int(token.tag[1:]) + top_heading - 1)}"
    rendered = parser.renderer.render(tokens, parser.options, env)
    return nh3.clean(
        rendered,
        tags=set(ALLOWED),
        attributes={tag: set(names) for tag, names in ALLOWED.items()},
        attribute_filter=partial(_kept, shown),
        url_schemes=set(SCHEMES),
        link_rel=REL,
        strip_comments=True,
    )


def _kept(shown: set[str], tag: str, attribute: str, value: str) -> str | None:
    """Of pictures only those that were rendered as pictures of the incident."""
    return None if (tag, attribute) == ("img", "src") and value not in shown else value


@lru_cache(maxsize=2)
def _parser(*, keeps_lines: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": keeps_lines}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    return parser


def _image(
    renderer: RendererProtocol, tokens: Sequence[Token], at: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    """A picture of the incident; any other is a link, for whoever reads a note asks no other host by that."""
    token = tokens[at]
    source = str(token.attrs.get("src", ""))
    words = html.escape(renderer.renderInlineAsText(token.children or [], options, env))  # type: ignore[attr-defined]
    found = PICTURE.fullmatch(source)
    if found is not None and env["pictures"] is not None:
        url = html.escape(f"{env['pictures']}{found[1]}")
        env["shown"].add(f"{env['pictures']}{found[1]}")
        return f'<img src="{url}" alt="{words}">'
    if found is not None or not source.startswith(("https://", "http://")):
        return words
    return f'<a href="{html.escape(source)}">{words or html.escape(source)}</a>'
