"""Contact sheets: photos in a grid with a line of text under each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from vision.errors import VisionError

TILE_PX = 220
TEXT_PX = 34
GAP_PX = 14
COLUMNS = 5
INK, FAINT, PAPER = (32, 32, 36), (228, 228, 232), (255, 255, 255)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One photo of the sheet; `picture` is None where the store no longer has it."""

    title: str
    picture: bytes | None


def draw_sheet(
    tiles: Sequence[Tile], open_photo: Callable[[bytes], Image.Image], *, columns: int = COLUMNS
) -> Image.Image:
    """The tiles in reading order, `columns` to a row."""
    rows = -(-len(tiles) // columns)
    width = columns * (TILE_PX + GAP_PX) + GAP_PX
    height = rows * (TILE_PX + TEXT_PX + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (width, height), PAPER)
    for place, tile in enumerate(tiles):
        left = GAP_PX + place % columns * (TILE_PX + GAP_PX)
        top = GAP_PX + place // columns * (TILE_PX + TEXT_PX + GAP_PX)
        draw_tile(sheet, (left, top), tile, open_photo, first=place == 0)
    return sheet


def draw_tile(
    sheet: Image.Image, corner: tuple[int, int], tile: Tile, open_photo: Callable[[bytes], Image.Image], *, first: bool
) -> None:
    left, top = corner
    pen = ImageDraw.Draw(sheet)
    picture = picture_of(tile, open_photo)
    if picture is None:
        pen.rectangle((left, top, left + TILE_PX, top + TILE_PX), fill=FAINT)
    else:
        fitted = ImageOps.contain(picture, (TILE_PX, TILE_PX))
        sheet.paste(fitted, (left + (TILE_PX - fitted.width) // 2, top + (TILE_PX - fitted.height) // 2))
    pen.rectangle((left, top, left + TILE_PX, top + TILE_PX), outline=INK if first else FAINT, width=3 if first else 1)
    font = ImageFont.load_default(13)
    pen.text((left, top + TILE_PX + 8), cut_to(tile.title, font, TILE_PX), fill=INK, font=font)


def picture_of(tile: Tile, open_photo: Callable[[bytes], Image.Image]) -> Image.Image | None:
    try:
        return open_photo(tile.picture) if tile.picture else None
    except VisionError:
        return None


def cut_to(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    """As much of the text as fits."""
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(f"{text}…") > width_px:
        text = text[:-1]
    return f"{text}…"
