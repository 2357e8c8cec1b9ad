"""`modiste sample`: the drawn catalogue as a folder, to try imports and training on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageError
from cli.output import out, progress

PRODUCTS = 240
SEED = 7
MADE = "made.json"


def sample(
    folder: Annotated[Path, typer.Argument(help="Where to draw it; a new or empty folder, or an earlier sample.")],
    products: Annotated[int, typer.Option(min=12, max=100_000, help="How many products to draw.")] = PRODUCTS,
    seed: Annotated[int, typer.Option(help="Another seed draws other products.")] = SEED,
) -> None:
    """Draw a catalogue: photos, the feed that names them, and a manifest of what is true of every photo."""
    folder = folder.expanduser()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MADE).exists():
        raise UsageError(f"{folder} is not empty and no sample; name a new folder")
    feed = drawn_feed(folder, products=products, seed=seed)
    out.print(f"Drawn: {feed}, its photos, and manifest.csv with the labels.", soft_wrap=True, markup=False)
    out.print(f"Next: modiste import {feed} --photos {folder / 'photos'}", soft_wrap=True, markup=False)


def drawn_feed(
    folder: Path, *, products: int = PRODUCTS, seed: int = SEED, tend: Callable[[], object] = lambda: None
) -> Path:
    """The feed of the sample in `folder`, which is drawn where it is not there yet. `tend` is called meanwhile."""
    from cli.sample import draw_catalogue  # numpy and Pillow: a fifth of a second that no other command needs

    feed, made = folder / "feed.csv", folder / MADE
    wanted = json.dumps({"products": products, "seed": seed})
    if feed.exists() and made.exists() and made.read_text() == wanted:
        return feed
    folder.mkdir(parents=True, exist_ok=True)
    made.write_text("{}")
    with progress() as bar:
        task = bar.add_task("drawing the sample catalogue", total=None, says="")

        def on_photo(drawn: int, of: int) -> None:
            bar.update(task, total=of, completed=drawn, says=f"{drawn:,} of {of:,} photos")
            tend()

        draw_catalogue(folder, seed=seed, products=products, on_photo=on_photo)
    made.write_text(wanted)
    return feed
