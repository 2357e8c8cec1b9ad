from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from vision import preprocess
from vision.preprocess import (
    Box,
    PhotoError,
    PhotoFault,
    PixelRule,
    Resize,
    decode,
    open_photo,
    original_size,
    stored_copy,
    to_pixels,
)

RED, BLUE = (200, 30, 30), (30, 30, 200)
RULE = PixelRule(size_px=64, resize=Resize.PAD_WHITE, mean=(0.0,) * 3, std=(1.0,) * 3)


def photo(width: int = 60, height: int = 40) -> Image.Image:
    """Left half red, right half blue: any turn or mirroring shows."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def colour_at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    return image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))  # type: ignore[return-value]


def near(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def with_orientation(image: Image.Image, value: int) -> Image.Exif:
    exif = image.getexif()
    exif[0x0112] = value
    return exif


# As EXIF 2.32 defines the orientation: where the red (left) half of the stored image is seen.
RED_SIDE = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}
PLACE = {"left": (0.1, 0.5), "right": (0.9, 0.5), "top": (0.5, 0.1), "bottom": (0.5, 0.9)}


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_part_of_a_photo_is_one_of_the_upright_photo(orientation, encoded) -> None:  # type: ignore[no-untyped-def]
    data = encoded(photo(600, 400), "JPEG", exif=with_orientation(photo(), orientation))
    halves = {
        "left": Box(0, 0, 0.4, 1),
        "right": Box(0.6, 0, 0.4, 1),
        "top": Box(0, 0, 1, 0.4),
        "bottom": Box(0, 0.6, 1, 0.4),
    }
    other = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    side = RED_SIDE[orientation]
    for box, colour in ((halves[side], RED), (halves[other[side]], BLUE)):
        pixels = decode(data, RULE, box)
        assert pixels.shape == (64, 64, 3)
        assert near(tuple(pixels[32, 32].tolist()), colour, 25)


def test_a_part_of_a_large_jpeg_keeps_its_pixels(encoded) -> None:  # type: ignore[no-untyped-def]
    fine = Image.new("RGB", (1600, 1600), RED)
    fine.paste(BLUE, (0, 0, 8, 1600))
    part = decode(encoded(fine, "JPEG", quality=95), RULE, Box(0, 0, 0.08, 0.08))
    assert near(tuple(part[32, 1].tolist()), BLUE, 40)  # a thin line that an eighth of the photo does not hold


def test_a_part_with_nothing_to_see_is_refused(encoded) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PhotoError) as caught:
        decode(encoded(photo(), "PNG"), RULE, Box(0.99, 0, 0.01, 1))
    assert caught.value.fault is PhotoFault.TOO_SMALL


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_stands_upright_whatever_its_exif_orientation(kind, orientation, encoded) -> None:  # type: ignore[no-untyped-def]
    data = encoded(photo(), kind, exif=with_orientation(photo(), orientation))
    upright = open_photo(data)
    assert near(colour_at(upright, *PLACE[RED_SIDE[orientation]]), RED, 25)
    assert upright.size == ((40, 60) if orientation >= 5 else (60, 40))
    assert original_size(data) == upright.size


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("1", (255, 255, 255)), ("L", (200, 200, 200)), ("LA", (200, 200, 200)), ("P", RED), ("RGB", RED),
        ("RGBA", RED), ("CMYK", RED), ("YCbCr", RED), ("LAB", RED), ("I;16", (200, 200, 200)),
        ("I", (200, 200, 200)), ("F", (200, 200, 200)),
    ],
)  # fmt: skip
def test_every_mode_becomes_rgb_with_its_colour(mode, expected, encoded) -> None:  # type: ignore[no-untyped-def]
    assert near(
        colour_at(open_photo(encoded(in_mode(mode), "TIFF" if mode in TIFF_ONLY else "PNG")), 0.5, 0.5), expected
    )


TIFF_ONLY = {"CMYK", "YCbCr", "LAB", "F", "I"}


def in_mode(mode: str) -> Image.Image:
    red, grey = Image.new("RGB", (20, 20), RED), Image.new("L", (20, 20), 200)
    if mode == "LAB":
        return ImageCms.profileToProfile(
            red, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )  # type: ignore[return-value]
    if mode == "I;16":
        return Image.fromarray(np.full((20, 20), 200 * 257, dtype=np.uint16))
    if mode == "I":
        return Image.fromarray(np.full((20, 20), 200 * 257, dtype=np.int32))
    if mode == "F":
        return Image.fromarray(np.full((20, 20), 200 / 255, dtype=np.float32))
    if mode == "P":
        return red.quantize()
    return (grey if mode in {"1", "L", "LA"} else red).convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparent_is_white(mode, encoded) -> None:  # type: ignore[no-untyped-def]
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    data = encoded(clear.convert(mode), "PNG", **({"transparency": 0} if mode == "P" else {})) if mode != "PA" else None
    image = open_photo(data or encoded(clear, "WEBP", lossless=True))
    assert near(colour_at(image, 0.5, 0.5), (255, 255, 255))


def test_first_frame_of_an_animation_is_the_photo(encoded) -> None:  # type: ignore[no-untyped-def]
    frames = [Image.new("RGB", (20, 20), RED), Image.new("RGB", (20, 20), BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(colour_at(open_photo(data), 0.5, 0.5), RED)


def test_large_jpeg_is_decoded_at_reduced_scale_but_not_below_what_is_asked(encoded) -> None:  # type: ignore[no-untyped-def]
    data = encoded(photo(1600, 1200), "JPEG")
    assert open_photo(data, at_least_px=256).size == (400, 300)
    assert original_size(data) == (1600, 1200)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def broken_photos() -> dict[str, tuple[bytes, PhotoFault]]:
    out = io.BytesIO()
    photo(300, 300).save(out, "JPEG")
    jpeg = out.getvalue()
    png = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(png, "PNG")
    webp = io.BytesIO()
    Image.effect_noise((200, 200), 50).convert("RGB").save(webp, "WEBP")
    dot = io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "PNG")
    return {
        "half a jpeg": (jpeg[: len(jpeg) // 2], PhotoFault.TRUNCATED),
        "start of a jpeg": (jpeg[:20], PhotoFault.TRUNCATED),
        "half a png": (png.getvalue()[: len(png.getvalue()) // 2], PhotoFault.TRUNCATED),
        "half a webp": (webp.getvalue()[: len(webp.getvalue()) // 2], PhotoFault.TRUNCATED),
        "nothing": (b"", PhotoFault.NOT_AN_IMAGE),
        "a web page": (b"<!doctype html><title>404</title>", PhotoFault.NOT_AN_IMAGE),
        "a drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PhotoFault.UNSUPPORTED_FORMAT),
        "a phone's heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", PhotoFault.UNSUPPORTED_FORMAT),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", PhotoFault.UNSUPPORTED_FORMAT),
        "a bomb": (png_header(30_000, 30_000), PhotoFault.DECOMPRESSION_BOMB),
        "a lesser bomb": (png_header(9_000, 9_000), PhotoFault.DECOMPRESSION_BOMB),
        "no pixels": (png_header(0, 10), PhotoFault.TOO_SMALL),
        "a dot": (dot.getvalue(), PhotoFault.TOO_SMALL),
    }


@pytest.mark.parametrize("name", broken_photos())
def test_a_broken_photo_is_refused_with_its_fault(name: str) -> None:
    data, fault = broken_photos()[name]
    with pytest.raises(PhotoError) as caught:
        decode(data, RULE)
    assert caught.value.fault is fault
    with pytest.raises(PhotoError) if fault is not PhotoFault.TRUNCATED else _any_outcome():
        original_size(data)


class _any_outcome:  # noqa: N801  a header can be whole while the pixels are not
    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, fault: object, trace: object) -> bool:
        return isinstance(fault, PhotoError) or fault is None


def test_too_many_bytes_are_refused_before_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "MAX_BYTES", 10)
    with pytest.raises(PhotoError) as caught:
        decode(b"\xff\xd8\xff" + b"0" * 8, RULE)
    assert caught.value.fault is PhotoFault.TOO_LARGE


def test_broken_exif_costs_nothing(encoded) -> None:  # type: ignore[no-untyped-def]
    for exif in (
        b"Exif\0\0garbage",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40,
        b"Exif\0\0II*\0\xff\xff\xff\xff",
    ):
        assert open_photo(encoded(photo(), "JPEG", exif=exif)).size == (60, 40)


def test_pad_white_keeps_proportions_and_loses_nothing() -> None:
    pixels = to_pixels(photo(100, 50), RULE)
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[:15] == 255).all()
    assert (pixels[-15:] == 255).all()
    assert near(tuple(pixels[32, 1]), RED)
    assert near(tuple(pixels[32, 62]), BLUE)


def test_centre_crop_and_squash_fill_the_square() -> None:
    wide = Image.new("RGB", (120, 40), RED)
    wide.paste(BLUE, (40, 0, 80, 40))
    cropped = to_pixels(wide, PixelRule(size_px=64, resize=Resize.CENTRE_CROP, mean=(0.0,) * 3, std=(1.0,) * 3))
    squashed = to_pixels(wide, PixelRule(size_px=64, resize=Resize.SQUASH, mean=(0.0,) * 3, std=(1.0,) * 3))
    assert near(tuple(cropped[32, 3]), BLUE)
    assert near(tuple(squashed[32, 3]), RED)
    assert near(tuple(squashed[2, 32]), BLUE)


def test_a_very_thin_photo_still_becomes_square() -> None:
    assert to_pixels(Image.new("RGB", (9, 4000), RED), RULE).shape == (64, 64, 3)


def test_stored_copy_has_a_short_side_of_256_and_is_never_enlarged() -> None:
    assert Image.open(io.BytesIO(stored_copy(photo(800, 600)))).size == (341, 256)
    assert Image.open(io.BytesIO(stored_copy(photo(100, 60)))).size == (100, 60)
    assert max(Image.open(io.BytesIO(stored_copy(photo(300, 9000)))).size) == 1024


def test_stored_copy_gives_nearly_the_pixels_of_the_original(encoded) -> None:  # type: ignore[no-untyped-def]
    original = encoded(photo(1200, 900), "JPEG", quality=95)
    again = decode(stored_copy(open_photo(original)), RULE)
    assert np.abs(decode(original, RULE).astype(int) - again.astype(int)).mean() < 2


def test_many_threads_decode_to_the_same_pixels_and_change_nothing_global(encoded) -> None:  # type: ignore[no-untyped-def]
    data = [encoded(photo(300 + n, 200), "JPEG") for n in range(16)]
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    alone = [decode(one, RULE) for one in data]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: decode(one, RULE), data))
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_of_a_file_that_ends_too_early_people_see_what_there_is(kind: str) -> None:
    out = io.BytesIO()
    noisy = Image.fromarray(np.random.default_rng(0).integers(60, 256, (200, 200, 3), dtype=np.uint8))
    noisy.save(out, kind)
    short = out.getvalue()[: len(out.getvalue()) // 2]
    with pytest.raises(PhotoError, match="truncated"):
        open_photo(short)
    seen = open_photo(short, whole=False)
    assert seen.size == (200, 200)
    rows = np.asarray(seen).sum(axis=(1, 2)) > 0
    assert 40 < rows.sum() < 160


@pytest.mark.parametrize("kind", ["WEBP", "JPEG"])
def test_where_nothing_was_decoded_there_is_nothing_to_see(kind: str) -> None:
    out = io.BytesIO()
    photo(200, 200).save(out, kind, progressive=True)
    with pytest.raises(PhotoError):
        open_photo(out.getvalue()[: len(out.getvalue()) * 2 // 3], whole=False)
