"""A document as one HTML file: styles and pictures within, nothing from anywhere else."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from resile import __version__
from resile.analytics.chart_parts import PALETTES
from resile.app.documents.content import Content, Picture
from resile.app.documents.pictures import svg_of, themed
from resile.app.printable import printable

_WIDTH_PX = 820


def html_document(content: Content) -> bytes:
    """The whole file, UTF-8."""
    pictures = [section.picture for section in content.sections if section.picture]
    drawn = {id(picture): _drawn(picture, number) for number, picture in enumerate(pictures)}
    templates = files(__package__) / "templates"
    page = _environment().from_string((templates / "document.html").read_text("utf-8"))
    text = page.render(
        content=content,
        css=Markup((templates / "document.css").read_text("utf-8")),  # noqa: S704 - a file of ours
        themes=PALETTES,
        drawn=lambda picture: drawn[id(picture)],
        version=__version__,
        message="".join(text for text, _ in content.message),
    )
    return text.encode()


def _drawn(picture: Picture, number: int) -> Markup:
    return Markup(themed(svg_of(picture, _WIDTH_PX), picture, f"p{number}"))  # noqa: S704 - the renderer escapes text


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )


def _shown(value: object) -> object:
    """What stands in the page for a value; our own markup as it is."""
    return printable(value) if type(value) is str else value
