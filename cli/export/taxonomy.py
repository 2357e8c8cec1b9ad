"""The model's categories in a marketplace's own words, as a person wrote them down: CSV or TOML."""

import csv
import io
import tomllib
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from cli.errors import UsageError

CATEGORY, MARKETPLACE, LISTINGS = "category", "marketplace_category", "listings"
SHOWN = 5


def read_taxonomy(file: Path, known: Collection[str]) -> dict[str, str]:
    """The marketplace's name or id of each category that has one. Raises UsageError, also for what is not `known`."""
    try:
        text = file.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--categories {file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    entries = list(of_toml(file, text) if file.suffix.lower() == ".toml" else of_csv(file, text))
    wrong = [advice(where, category, known) for where, category, _ in entries if category not in known]
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise UsageError(f"--categories {file} names categories that there are not: {'; '.join(wrong[:SHOWN])}{more}")
    taxonomy: dict[str, str] = {}
    for where, category, name in entries:
        if taxonomy.setdefault(category, name) != name:
            raise UsageError(f"--categories {file}, {where}: {category} is there twice, as two different things")
    return {category: name for category, name in taxonomy.items() if name}


def of_csv(file: Path, text: str) -> Iterator[tuple[str, str, str]]:
    """Where it stands, category and the marketplace's name, of each line."""
    header = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    if not {CATEGORY, MARKETPLACE} <= set(rows.fieldnames or ()):
        raise UsageError(
            f"--categories {file} needs columns named {CATEGORY} and {MARKETPLACE}; "
            "--categories-template FILE writes such a file to fill in"
        )
    for row in rows:
        if category := (row[CATEGORY] or "").strip():
            yield f"line {rows.line_num}", category, (row[MARKETPLACE] or "").strip()


def of_toml(file: Path, text: str) -> Iterator[tuple[str, str, str]]:
    try:
        entries = tomllib.loads(text).get("categories")
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--categories {file} is no TOML: {error}") from error
    if not isinstance(entries, dict):
        raise UsageError(f'--categories {file} needs a table [categories] with lines such as "T-Shirt" = "212"')
    for category, name in entries.items():
        if not isinstance(name, str | int):
            raise UsageError(f"--categories {file}: {category} is neither a name nor a number")
        yield "[categories]", category, str(name).strip()


def advice(where: str, category: str, known: Collection[str]) -> str:
    near = get_close_matches(category, known, n=1, cutoff=0.5)
    return f"{category!r} ({where}{f'; did you mean {near[0]}?' if near else ''})"


def write_template(file: Path, categories: Mapping[str, int]) -> None:
    """The categories, and how many listings have each, to be filled in. Raises UsageError; never overwrites a file."""
    try:
        with file.expanduser().open("x", newline="", encoding="utf-8") as out:
            if file.suffix.lower() == ".toml":
                out.write("[categories]\n")
                out.writelines(f'{quoted(name)} = ""  # {count:,} listings\n' for name, count in categories.items())
            else:
                rows = csv.writer(out, lineterminator="\n")
                rows.writerow((CATEGORY, LISTINGS, MARKETPLACE))
                rows.writerows((name, count, "") for name, count in categories.items())
    except FileExistsError as error:
        raise UsageError(f"{file} is there already, perhaps filled in; name another file") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error


def quoted(name: str) -> str:
    """As TOML writes a key of any characters."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
