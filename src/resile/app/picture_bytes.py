"""What may be kept of bytes that somebody calls a picture: its pixels, written anew, and nothing else of it."""

import hashlib
import struct
import threading
from io import BytesIO

from msgspec import Struct
from PIL import Image, ImageOps

from resile.model.errors import ConfigError
from resile.ports.picture_book import MAX_BYTES

# Three screens of 3840 by 2160 side by side. Four bytes each while it is decoded: 100 MB, which is why they take turns.
MAX_PIXELS = 25_000_000
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
# What each format writes as it is.
_PLAIN_MODES = {
    "PNG": frozenset({"1", "L", "P", "RGB", "RGBA"}),
    "JPEG": frozenset({"L", "RGB"}),
    "WEBP": frozenset({"RGB", "RGBA"}),
}
_QUALITY = 90
_N_ID_CHARACTERS = 32
# Whatever Pillow raises over bytes that are damaged or hostile.
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error)
_NONE = "this is no picture that can be read; paste or choose a PNG, JPEG, GIF or WebP"
_one_at_a_time = threading.Lock()
# Its own limit warns where ours refuses, and ours is lower.
Image.MAX_IMAGE_PIXELS = None


class Rewritten(Struct, frozen=True, kw_only=True):
    """A picture as it is kept; `id` is the beginning of the digest of its bytes."""

    id: str
    media_type: str
    width: int
    height: int
    content: bytes


def rewritten(content: bytes) -> Rewritten:
    """The picture that the bytes are, of several frames the first, without place, camera, comments or what follows it.

    Raises:
        ConfigError: it is none, or too large.
    """
    if len(content) > MAX_BYTES:
        raise _too_large(len(content))
    with _one_at_a_time:
        try:
            with Image.open(BytesIO(content), formats=_FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise ConfigError(
                        f"the picture has {width:,} by {height:,} pixels, more than {MAX_PIXELS:,}; "
                        "cut out the part that shows it"
                    )
                return _written(image)
        except _UNREADABLE:
            raise ConfigError(_NONE) from None


def _written(image: Image.Image) -> Rewritten:
    # What Pillow calls MPO is a JPEG with a second picture behind it.
    kind = {"PNG": "PNG", "GIF": "PNG", "WEBP": "WEBP"}.get(str(image.format), "JPEG")
    # Which way is up is told by what is not kept.
    upright = ImageOps.exif_transpose(image)
    plain_modes = _PLAIN_MODES[kind]
    mode = upright.mode
    if upright.has_transparency_data and "RGBA" in plain_modes:
        mode = "RGBA"
    elif mode not in plain_modes:
        mode = "RGB"
    # A copy even where the mode fits: what else the file told hangs on the picture that was read.
    plain = upright.convert(mode) if upright.mode != mode else upright.copy()
    plain.info.clear()
    written = BytesIO()
    plain.save(written, format=kind, **({} if kind == "PNG" else {"quality": _QUALITY}))
    content = written.getvalue()
    if len(content) > MAX_BYTES:
        raise _too_large(len(content))
    return Rewritten(
        id=hashlib.sha256(content).hexdigest()[:_N_ID_CHARACTERS],
        media_type=f"image/{kind.lower()}",
        width=plain.width,
        height=plain.height,
        content=content,
    )


def _too_large(n_bytes: int) -> ConfigError:
    return ConfigError(f"the picture has {n_bytes:,} bytes, more than {MAX_BYTES:,}; cut out the part that shows it")
