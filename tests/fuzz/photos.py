"""Encoded images of every kind that is read, and ways to spoil them. Knows formats, not what is to come of them."""

import io
import random
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image, ImageCms

SIZE = (48, 40)


@cache
def seeds() -> dict[str, bytes]:
    """By name."""
    rgb = drawn()
    grey, clear = rgb.convert("L"), rgb.convert("RGBA")
    clear.putalpha(grey)
    deep = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    real = Image.fromarray(np.asarray(grey, dtype=np.float32) / 255)
    palette = rgb.quantize(16)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    others = [rgb.rotate(90 * turn) for turn in (1, 2)]
    return {
        **{f"jpeg orientation {n}": encoded(rgb, "JPEG", exif=turned(rgb, n)) for n in (0, 1, 3, 6, 8, 9)},
        "jpeg progressive": encoded(rgb, "JPEG", progressive=True, quality=95, subsampling=0),
        "jpeg grey": encoded(grey, "JPEG"),
        "jpeg cmyk": encoded(rgb.convert("CMYK"), "JPEG"),
        "jpeg icc": encoded(rgb, "JPEG", icc_profile=srgb, dpi=(72, 72), comment=b"a comment"),
        "jpeg restarts": encoded(rgb, "JPEG", restart_marker_rows=1, optimize=True),
        "mpo": encoded(rgb, "MPO", save_all=True, append_images=copies(others)),
        "png": encoded(rgb, "PNG", icc_profile=srgb, exif=turned(rgb, 6)),
        "png 1": encoded(rgb.convert("1"), "PNG"),
        "png grey alpha": encoded(clear.convert("LA"), "PNG"),
        "png rgba": encoded(clear, "PNG"),
        "png 16 bit": encoded(deep, "PNG"),
        "png palette": encoded(palette, "PNG", transparency=bytes(range(0, 160, 10)), bits=4),
        "png transparent colour": encoded(rgb, "PNG", transparency=(200, 30, 30)),
        "png interlaced": interlaced(rgb),
        "png animated": encoded(rgb, "PNG", save_all=True, append_images=copies(others)),
        "webp": encoded(rgb, "WEBP", exif=turned(rgb, 6), icc_profile=srgb),
        "webp lossless": encoded(clear, "WEBP", lossless=True),
        "webp animated": encoded(rgb, "WEBP", save_all=True, append_images=copies(others)),
        "gif": encoded(palette, "GIF"),
        "gif animated": encoded(palette, "GIF", save_all=True, append_images=copies(others), transparency=3,
        disposal=2),
        "bmp": encoded(rgb, "BMP"),
        "bmp palette": encoded(palette, "BMP"),
        "bmp runs": bmp_of_runs(),
        **{
            f"tiff {name}": encoded(image, "TIFF", compression=name.partition(" ")[0])
            for name, image in (
                ("raw", rgb), ("raw cmyk", rgb.convert("CMYK")), ("raw deep", deep), ("raw real", real),
                ("raw palette", palette), ("raw rgba", clear), ("tiff_lzw", rgb), ("tiff_deflate deep", deep),
                ("jpeg", rgb), ("packbits", grey), ("group4", rgb.convert("1")), ("tiff_lzw rgba", clear),
            )
        },
        "tiff pages": encoded(rgb, "TIFF", save_all=True, append_images=copies(others), exif=turned(rgb, 6)),
        "avif": encoded(rgb, "AVIF", exif=turned(rgb, 6), icc_profile=srgb),
        "avif rgba": encoded(clear, "AVIF"),
        "jp2": encoded(rgb, "JPEG2000"),
        "jp2 rgba": encoded(clear, "JPEG2000", irreversible=True),
        "j2k deep": encoded(deep, "JPEG2000", no_jp2=True),
        "j2k tiles": encoded(rgb, "JPEG2000", no_jp2=True, tile_size=(16, 16)),
        "ppm": encoded(rgb, "PPM"),
        "pgm deep": encoded(deep.convert("I"), "PPM"),
        "pfm": encoded(real.convert("F"), "PPM"),
        "ppm of few levels": b"P6\n# a comment\n12 10\n200\n" + b"abc" * 120,
    }  # fmt: skip


def drawn() -> Image.Image:
    """Edges, a gradient and noise: something in every frequency."""
    image = Image.new("RGB", SIZE, (200, 30, 30))
    image.paste(Image.linear_gradient("L").resize((24, 40)).convert("RGB"), (0, 0))
    noise = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image.paste(Image.fromarray(noise), (28, 20))
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    copies([image])[0].save(out, kind, **options)
    return out.getvalue()


def copies(images: list[Image.Image]) -> list[Image.Image]:
    """Saving leaves things behind in an image that the next format trips over."""
    return [image.copy() for image in images]


def turned(image: Image.Image, orientation: int) -> Image.Exif:
    exif = image.getexif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    return exif


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header: bytes, *chunks: bytes) -> bytes:
    return b"".join((b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *chunks, chunk(b"IEND", b"")))


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)


def interlaced(image: Image.Image) -> bytes:
    """Adam7, which Pillow reads and does not write."""
    pixels = np.asarray(image)
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = (row for y, x, down, right in passes for row in pixels[y::down, x::right])
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return png(png_header(*image.size, interlace=1), chunk(b"IDAT", packed))


def bmp_of_runs(width: int = 48, height: int = 40, data: bytes | None = None) -> bytes:
    """An eight-bit BMP in run lengths (RLE8)."""
    runs = (bytes([width, 1, 0, 0]) * height + b"\0\1") if data is None else data
    palette = b"".join(bytes([n, n, n, 0]) for n in range(256))
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + info + palette + runs


NUMBERS = [
    packed
    for value in (0, 1, 2, 7, 8, 9, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 9_000, 20_000, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
    for packed in (struct.pack(">I", value), struct.pack("<I", value), struct.pack(">H", value % 65_536),)
]  # fmt: skip
PIECES = [
    *NUMBERS, b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xda", b"\xff\xc2", b"\xff\xc4", b"\xff\xdb", b"\xff\xdd\0\4\0\1",
    b"\xff\xe1",
    b"Exif\0\0", b"II*\0", b"MM\0*", b"ICC_PROFILE\0\1\1", b"MPF\0", b"Adobe\0d\0\0\0\0\2", b"IHDR", b"IDAT",
    b"PLTE", b"tRNS", b"iCCP",
    b"eXIf", b"acTL", b"fdAT", b"IEND", b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"GIF87a",
    b"GIF89a", b"\x21\xf9\4",
    b"\x2c", b"\x3b", b"BM", b"ftypavif", b"meta", b"iloc", b"mdat", b"\xff\x4f\xff\x51", b"\xff\x52", b"P3 ",
    b"P6 ", b"Pf ", b"1e999 ",
    b"nan ", b"-1 ", b"\0" * 40, b"\xff" * 40,
]  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn, images: dict[str, bytes]) -> bytes:
    """One of the images with up to five faults: bytes changed, lost, repeated or foreign, an end too early."""
    names = sorted(images)
    data = bytearray(images[draw(st.sampled_from(names))])
    for _ in range(draw(st.integers(1, 5))):
        kind, at = draw(st.sampled_from(KINDS)), draw(st.integers(0, 65_535))
        # Half of the faults near the beginning: that is where headers stand.
        place = at // 2 % max(1, min(len(data), 160)) if at % 2 else (at * len(data)) >> 16
        if kind == "flip":
            if data:
                data[place % len(data)] ^= 1 << draw(st.integers(0, 7))
        elif kind == "over":
            piece = draw(st.sampled_from(PIECES))
            data[place : place + len(piece)] = piece
        elif kind == "insert":
            data[place:place] = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)))
        elif kind == "noise":
            length = draw(st.integers(1, 60))
            data[place : place + length] = random.Random(at).randbytes(length)
        elif kind == "lose":
            del data[place : place + draw(st.integers(1, 200))]
        elif kind == "repeat":
            length = draw(st.integers(1, 400))
            data[place:place] = data[place : place + length] * draw(st.integers(1, 3))
        elif kind == "splice":
            other = images[draw(st.sampled_from(names))]
            data = data[:place] + other[(draw(st.integers(0, 65_535)) * len(other)) >> 16 :]
        else:
            del data[place:]
    return with_right_checksums(bytes(data)) if draw(st.booleans()) else bytes(data)


KINDS = ("flip", "flip", "over", "over", "insert", "noise", "lose", "repeat", "splice", "cut")


def with_right_checksums(data: bytes) -> bytes:
    """A PNG's checksums made to fit, so that what is wrong inside of a chunk is not refused for them."""
    if not data.startswith(b"\x89PNG"):
        return data
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = struct.pack(">I", zlib.crc32(out[at + 4 : end]))
        at = end + 4
    return bytes(out)
