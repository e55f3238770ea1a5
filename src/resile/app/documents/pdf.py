"""A document as PDF through Typst: pictures within as vectors, fonts embedded, tagged for screen readers."""

from importlib.resources import files
from typing import Any

import msgspec
import typst

from resile import __version__
from resile.analytics.chart_parts import PALETTES
from resile.app.documents.content import Content
from resile.app.documents.pictures import svg_of
from resile.app.printable import printable_data

# The text's width on the page: 174 mm at 96 pixels an inch.
_WIDTH_PX = 658
# Part of the typst wheel; what it lacks is taken from the machine's fonts.
FONT = "Libertinus Serif"


def pdf_document(content: Content) -> bytes:
    """The whole file."""
    template = (files(__package__) / "templates" / "document.typ").read_bytes()
    data: dict[str, Any] = {
        "content": msgspec.to_builtins(content_without_pictures(content)),
        "colours": {name.lower(): colour for name, colour in PALETTES["light"].items()},
        "font": FONT,
        "version": __version__,
        "made": f"{content.frame.made_at:%Y-%m-%d %H:%M} UTC",
        "pictures": [
            None
            if section.picture is None
            else {"svg": svg_of(section.picture, _WIDTH_PX, font=FONT), "alt": section.picture.description}
            for section in content.sections
        ],
    }
    made: bytes = typst.compile(
        template,
        format="pdf",
        sys_inputs={"data": msgspec.json.encode(printable_data(data)).decode()},
        timestamp=content.frame.made_at.replace(microsecond=0),
    )
    return made


def content_without_pictures(content: Content) -> Content:
    """The content without what cannot be written down as data."""
    sections = [msgspec.structs.replace(section, picture=None) for section in content.sections]
    return msgspec.structs.replace(content, sections=sections)
