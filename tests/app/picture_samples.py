"""Pictures made for tests, and what only looks like one."""

import zlib
from io import BytesIO

from PIL import Image, PngImagePlugin


def picture_bytes(kind: str = "PNG", *, size: tuple[int, int] = (8, 6), mode: str = "RGB", colour: int = 40) -> bytes:
    written = BytesIO()
    Image.new(mode, size, colour if mode in {"L", "P", "1"} else (colour,) * len(mode)).save(written, format=kind)
    return written.getvalue()


def picture_with_a_place() -> bytes:
    """A photograph that says where it was taken, with a comment, turned on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    written = BytesIO()
    Image.new("RGB", (8, 6), (1, 2, 3)).save(written, format="JPEG", exif=exif, comment=b"taken by ann")
    return written.getvalue()


def picture_with_words() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "ann")
    written = BytesIO()
    Image.new("RGB", (8, 6)).save(written, format="PNG", pnginfo=words)
    return written.getvalue()


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A few bytes that say that they are a picture of a thousand million pixels."""
    small = bytearray(picture_bytes(mode="1"))
    small[16:20], small[20:24] = width.to_bytes(4, "big"), height.to_bytes(4, "big")
    # The checksum of what says so.
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)


def webp_bomb() -> bytes:
    """The same of WebP, whose decoder makes room before anybody can ask how large it is."""
    side = (16_383 - 1).to_bytes(3, "little")
    chunk = b"VP8X" + (10).to_bytes(4, "little") + b"\x00\x00\x00\x00" + side + side
    frame = picture_bytes("WEBP")[12:]
    body = b"WEBP" + chunk + frame
    return b"RIFF" + len(body).to_bytes(4, "little") + body


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
