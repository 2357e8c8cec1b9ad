"""Asking for similar listings from Python: the SQL functions of migrations/sql, as frozen rows and typed errors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import DBAPIError

from db.engine import first_line
from db.errors import BadQuestion, DbError, NoActiveModel, NotEnriched, OtherVersionActive, UnknownListing

ERRORS: Mapping[str, type[DbError]] = {
    "22023": BadQuestion,  # invalid_parameter_value
    "22003": BadQuestion,  # numeric_value_out_of_range: k or a number of the vector
    "22P02": BadQuestion,  # invalid_text_representation: a filter with NaN or half a surrogate pair
    "22P05": BadQuestion,  # untranslatable_character: a filter with a NUL
    "0A000": BadQuestion,  # feature_not_supported
    "P0002": UnknownListing,  # no_data_found
    "55000": NotEnriched,  # object_not_in_prerequisite_state
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SimilarListing:
    """A row of `modiste.similar_listings`: score in 0 to 1, `how` one of exact, approximate, partial."""

    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    category: str
    score: float
    photo_id: int | None
    matched_photo_id: int
    folded: int
    why: Mapping[str, Any]
    how: str


def similar_listings(
    connection: Connection,
    listing_id: int,
    *,
    k: int = 12,
    filters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[SimilarListing]:
    """Raises `UnknownListing`, `NotEnriched` or `BadQuestion`, in the words of the SQL function."""
    asked = {"asked": listing_id, "k": k, "filters": filters, "options": options}
    return _rows(connection, "similar_listings(CAST(:asked AS bigint), :k, :filters, :options)", asked)


def similar_to(
    connection: Connection,
    embedding: Sequence[float],
    *,
    k: int = 12,
    filters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    model_version: str | None = None,
) -> list[SimilarListing]:
    """`embedding`: of the active version and its dimension. Raises `BadQuestion` or `NoActiveModel`.

    `model_version` names the version it is of: raises `OtherVersionActive` where that is not the active one (any more).
    It must then be the transaction's first question.
    """
    if model_version is not None:
        require_active(connection, model_version)
    asked = {"asked": [float(x) for x in embedding], "k": k, "filters": filters, "options": options}
    return _rows(connection, "similar_to(CAST(:asked AS real[]), :k, :filters, :options)", asked)


def similar_to_many(
    connection: Connection,
    liked: Sequence[int],
    unliked: Sequence[int] = (),
    *,
    k: int = 12,
    filters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[SimilarListing]:
    """Like all of `liked` and unlike `unliked`, at most 100 each. Raises as `similar_listings`."""
    asked = {"liked": list(liked), "unliked": list(unliked), "k": k, "filters": filters, "options": options}
    call = "similar_to_many(CAST(:liked AS bigint[]), CAST(:unliked AS bigint[]), :k, :filters, :options)"
    return _rows(connection, call, asked)


def listings_like(
    connection: Connection, attributes: Sequence[str], *, k: int = 12, filters: Mapping[str, Any] | None = None
) -> list[SimilarListing]:
    """By attributes alone, 1 to 100 of them as `group:value`; score: the mean of theirs. Raises `BadQuestion`."""
    asked = {"attributes": list(attributes), "k": k, "filters": filters}
    return _rows(connection, "listings_like(CAST(:attributes AS text[]), :k, :filters)", asked)


def similar_batch(
    connection: Connection,
    listing_ids: Sequence[int],
    *,
    k: int = 12,
    filters: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[int, list[SimilarListing]]:
    """For up to 1,000 listings in one call; one that cannot be asked about has an empty list. Raises `BadQuestion`."""
    asked = {"asked": list(listing_ids), "k": k, "filters": filters, "options": options}
    rows = _call(connection, "similar_batch(CAST(:asked AS bigint[]), :k, :filters, :options)", asked)
    found: dict[int, list[SimilarListing]] = {listing_id: [] for listing_id in listing_ids}
    for listing_id, answers in groupby(rows, key=lambda row: row["asked_listing_id"]):
        found[listing_id] = [
            SimilarListing(**{name: value for name, value in row.items() if name not in ("asked_listing_id", "rank")})
            for row in answers
        ]
    return found


def require_active(connection: Connection, model_version: str) -> None:
    """Holds for the rest of the transaction, which sees one moment of the database: before or after an activation."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    active = connection.scalar(text("SELECT name FROM modiste.model_version WHERE state = 'active'"))
    if active is None:
        raise NoActiveModel
    if active != model_version:
        raise OtherVersionActive(f"the vector is of model version {model_version}, but {active} is active")


def _rows(connection: Connection, call: str, asked: dict[str, Any]) -> list[SimilarListing]:
    return [SimilarListing(**row) for row in _call(connection, call, asked)]


def _call(connection: Connection, call: str, asked: dict[str, Any]) -> Sequence[RowMapping]:
    """Rows of a function of modiste's; k, filters and options get their types here."""
    types = {":k": "integer", ":filters": "jsonb", ":options": "jsonb"}
    for name, sql_type in types.items():
        call = call.replace(name, f"CAST({name} AS {sql_type})")
    given = {
        name: json.dumps(dict(value or {})) if name in ("filters", "options") else value
        for name, value in asked.items()
    }
    with typed_errors():
        return connection.execute(text(f"SELECT * FROM modiste.{call}"), given).mappings().all()


@contextmanager
def typed_errors() -> Iterator[None]:
    """What the functions of migrations/sql raise, as an error of `db` in their words."""
    try:
        yield
    except DBAPIError as error:
        kind = ERRORS.get(getattr(error.orig, "pgcode", ""))
        if kind is None:
            raise
        if kind is NotEnriched and "no model version is active" in first_line(error):
            raise NoActiveModel from error
        raise kind(worded(error)) from error


def worded(error: DBAPIError) -> str:
    """What PostgreSQL says, with its hint."""
    hint = getattr(getattr(error.orig, "diag", None), "message_hint", None)
    return f"{first_line(error)}. {hint}" if hint else first_line(error)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedListing:
    """A listing that somebody named. `photo_digest`: SHA-256 (hex) of its first enriched photo."""

    id: int
    catalogue: str
    title: str | None
    photo_digest: str | None


def find_listing(connection: Connection, external_id: str, catalogue: str | None = None) -> NamedListing:
    """A listing by external id; `catalogue` may be left out while only one has it. Raises `UnknownListing`."""
    rows = connection.execute(
        text("""
            SELECT l.id, l.catalogue, l.title, (
                SELECT encode(c.sha256, 'hex') FROM modiste.photo p JOIN modiste.content c ON c.id = p.content_id
                WHERE p.listing_id = l.id AND p.state = 'enriched' ORDER BY p.position, p.id LIMIT 1) AS photo_digest
            FROM modiste.listing l
            WHERE l.external_id = :external_id AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
            ORDER BY l.catalogue LIMIT 5
        """),
        {"external_id": external_id, "catalogue": catalogue},
    ).all()
    if not rows:
        where = f" in catalogue {catalogue}" if catalogue else ""
        raise UnknownListing(f"there is no listing {external_id}{where}")
    if len(rows) > 1:
        names = ", ".join(row.catalogue for row in rows)
        raise UnknownListing(f"listing {external_id} is in several catalogues ({names}); name one with --catalogue")
    found = rows[0]
    return NamedListing(id=found.id, catalogue=found.catalogue, title=found.title, photo_digest=found.photo_digest)


def photo_digests(connection: Connection, photo_ids: Sequence[int]) -> dict[int, str]:
    """SHA-256 (hex) of the content of each of these photos, under which the store knows it."""
    rows = connection.execute(
        text("""
            SELECT p.id, encode(c.sha256, 'hex') AS digest FROM modiste.photo p
            JOIN modiste.content c ON c.id = p.content_id WHERE p.id = ANY (:ids)
        """),
        {"ids": list(photo_ids)},
    )
    return {row.id: row.digest for row in rows}
