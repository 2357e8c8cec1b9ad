from dataclasses import replace

from cli.commands.export import remarks
from cli.export.formats import ExportFormat
from cli.export.run import Written

PLAIN = Written(
    catalogue="shop",
    file=None,
    format=ExportFormat.SHOPIFY,
    model_version="v1",
    rows=3,
    whole=True,
    enriched=3,
    unmapped={},
    missing={},
    left_out={},
    photo_names=0,
    cursor="x",
)


def test_what_went_well_needs_no_remark_and_all_else_has_one() -> None:
    assert remarks(PLAIN) == []
    assert remarks(replace(PLAIN, rows=0, enriched=0)) == []
    (said,) = remarks(replace(PLAIN, enriched=0))
    assert said.startswith("No listing was looked at yet")
    counts = {f"key {n}": 1000 for n in range(12)}
    said_of_all = remarks(replace(PLAIN, unmapped={"Kurta": 2}, missing={"Title": 1}, left_out=counts, photo_names=4))
    assert said_of_all[0] == "--categories has no entry for Kurta (2): their category is left empty."
    assert said_of_all[1] == "shopify asks for what some listings do not have: Title (1)."
    assert said_of_all[2].endswith("key 8 (1,000), key 9 (1,000) and 2 more.")
    assert said_of_all[3].startswith("4 photos are names of files")
