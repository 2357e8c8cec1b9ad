from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.export.taxonomy import read_taxonomy, write_template

KNOWN = ("Dress", "T-Shirt", 'Odd "name"')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.csv", "category,listings,marketplace_category\nDress,3,2271\nT-Shirt,0, Shirts & Tops \n,,\n"),
        ("c.csv", "\ufeffmarketplace_category;category\n2271;Dress\nShirts & Tops;T-Shirt\n"),
        ("c.toml", '[categories]\nDress = 2271\n"T-Shirt" = "Shirts & Tops"\n'),
    ],
)
def test_a_person_may_write_csv_as_any_spreadsheet_saves_it_or_toml(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_taxonomy(tmp_path / name, KNOWN) == {"Dress": "2271", "T-Shirt": "Shirts & Tops"}


@pytest.mark.parametrize("name", ["c.csv", "c.toml"])
def test_a_template_can_be_read_as_it_is_and_has_no_entry_yet(tmp_path: Path, name: str) -> None:
    write_template(tmp_path / name, dict.fromkeys(KNOWN, 7))
    assert read_taxonomy(tmp_path / name, KNOWN) == {}
    assert all(word in (tmp_path / name).read_text() for word in ("Dress", "T-Shirt", "Odd", "7"))
    with pytest.raises(UsageError, match="is there already"):
        write_template(tmp_path / name, {})


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "c.csv",
            "category,marketplace_category\nT-Shrt,1\nDress,2\nXyz,3\n",
            r"'T-Shrt' \(line 2; did you mean T-Shirt\?\); 'Xyz' \(line 4\)$",
        ),
        ("c.csv", "category,id\nDress,1\n", "needs columns named category and marketplace_category"),
        ("c.csv", "category,marketplace_category\nDress,1\nDress,2\n", "line 3: Dress is there twice"),
        ("c.toml", "[categories]\nDress = [1]\n", "Dress is neither a name nor a number"),
        ("c.toml", "Dress = 1\n", r"needs a table \[categories\]"),
        ("c.toml", "Dress", "is no TOML"),
        ("missing.csv", None, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        read_taxonomy(tmp_path / name, KNOWN)
