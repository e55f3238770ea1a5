"""Charts as SVG, from the same Vega-Lite specifications as the pages'."""

import re
from html import escape

import vl_convert

from resile.analytics.chart_parts import PALETTES
from resile.app.documents.content import Picture, Spec
from resile.app.printable import printable, printable_data

# In the order of the palette, so that of names with one colour the first gives the variable.
_VARIABLES = {colour: name for name, colour in reversed(list(PALETTES["light"].items()))}
_COLOUR = re.compile(r'\b(fill|stroke)="(#[0-9a-fA-F]{6})"')
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(\bid="|url\(#|href="#)([^")]+)')
_FONT = re.compile(r' font-family="[^"]*"')
_OPENING = re.compile(r"<svg\b")


def svg_of(picture: Picture, width: int, *, font: str | None = None) -> str:
    """The picture as SVG, `width` pixels wide in all, on no ground of its own, in colours for a light page."""
    # The renderer ends the whole process on a null character.
    spec: Spec = printable_data(picture.spec(width))
    config = {**spec.get("config", {}), "aria": False}
    if font is not None:
        config["font"] = font
    spec |= {
        "background": "transparent",
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 0, "right": 4, "top": 6, "bottom": 6},
        "config": config,
    }
    # No address may be fetched: the data stands in the specification.
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return svg


def themed(svg: str, picture: Picture, prefix: str) -> str:
    """An SVG to stand within a page: it follows the page's theme, keeps its ids to itself, and says what it shows."""
    svg = _COLOUR.sub(_variable, svg)
    # The renderer numbers ids on and on over the process's life: numbered anew, the same report is the same file.
    ids = {name: f"{prefix}-{number}" for number, name in enumerate(dict.fromkeys(_ID.findall(svg)))}
    svg = _REFERENCE.sub(lambda match: f"{match[1]}{ids.get(match[2], match[2])}", svg)
    svg = _FONT.sub("", svg)
    return _OPENING.sub(
        lambda _: f'<svg role="img" aria-label="{escape(printable(picture.description))}"', svg, count=1
    )


def _variable(match: re.Match[str]) -> str:
    name = _VARIABLES.get(match[2].lower())
    return match[0] if name is None else f'{match[1]}="var(--{name.lower()})"'
