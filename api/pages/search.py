"""`/search`: a photo is dropped, the model looks at it, and similar listings are shown. The photo is not kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Response
from sqlalchemy import Connection

from api.crops import Crop
from api.network import Embedded
from api.pages.choice import Choice, Link, UseChoice
from api.pages.site import Site, UseSite
from api.pages.tiles import Attribute, Seen, SimilarTile, similar_tiles
from api.resources import Resources, Use
from api.search import look
from api.uploads import FORM, PhotoField, photo_bytes
from db.browsing import list_catalogues, listing_cards
from db.engine import transaction
from db.similarity import similar_to

SIMILAR = 24
VARIED = {"diversity": 0.5}

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPage:
    """`catalogues`: where to search, if there is a choice; `answer` once a photo was looked at, or its part `crop`."""

    choice: Choice
    catalogues: Sequence[Link]
    seen: Seen | None = None
    model_version: str | None = None
    crop: str = ""
    varied: bool = False
    similar: Sequence[SimilarTile] = ()


@router.get("/search")
def search(use: Use, site: UseSite, choice: UseChoice) -> Response:
    with transaction(use.engine) as connection:
        return site.page("search.html", page=SearchPage(choice=choice, catalogues=where(connection, choice)))


@router.post("/search", dependencies=FORM)
async def answer(
    use: Use,
    site: UseSite,
    choice: UseChoice,
    photo: PhotoField,
    crop: Annotated[Crop, Form()] = "",
    varied: Annotated[bool, Form()] = False,
) -> Response:
    """`varied`: answers are to differ from each other, too."""
    return await to_thread.run_sync(answer_page, use, site, choice, photo, crop, varied, limiter=use.at_once)


def answer_page(use: Resources, site: Site, choice: Choice, photo: PhotoField, crop: str, varied: bool) -> Response:
    """Raises PhotoError for what is no photo, or `OtherVersionActive` where the active version changed twice."""

    def find(connection: Connection, embedded: Embedded) -> SearchPage:
        vector = embedded.prediction.embedding.tolist()
        version, seen = embedded.model_version, seen_in(embedded)
        filters = Choice(catalogue=choice.catalogue).as_filters()
        options = VARIED if varied else {}
        rows = similar_to(connection, vector, k=SIMILAR, filters=filters, options=options, model_version=version)
        return SearchPage(
            choice=choice,
            catalogues=where(connection, choice),
            seen=seen,
            model_version=version,
            crop=crop,
            varied=varied,
            similar=similar_tiles(rows, listing_cards(connection, [row.listing_id for row in rows]), seen),
        )

    _, page = look(use, photo_bytes(photo), crop, find)
    return site.page("search.html", page=page)


def seen_in(embedded: Embedded) -> Seen:
    said = embedded.prediction
    scored = zip(said.attributes, said.attribute_scores, strict=True)
    return Seen(
        category=said.categories[0] if said.categories else None,
        category_score=said.category_scores[0] if said.category_scores else None,
        abstained=said.abstained,
        corrected=False,
        attributes=[Attribute.of(name, score) for name, score in scored],
    )


def where(connection: Connection, choice: Choice) -> list[Link]:
    """The catalogues to search in: all, or one of those with something in it."""
    names = [size.name for size in list_catalogues(connection) if size.listings]
    if len(names) < 2:
        return []
    links = [Link(href="/search", text="All catalogues", here=choice.catalogue is None)]
    chosen = [(Choice(catalogue=name).url("/search"), name) for name in names]
    return links + [Link(href=href, text=name, here=choice.catalogue == name) for href, name in chosen]
