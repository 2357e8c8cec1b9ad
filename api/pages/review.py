"""`/review`: one listing after the other, the most valuable first; a person accepts, corrects, skips or takes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Cookie, Depends, Form, Query, Response
from sqlalchemy import Connection
from starlette.responses import RedirectResponse

from api.pages import wording
from api.pages.choice import Link
from api.pages.errors import UnknownChoice
from api.pages.site import UseSite
from api.pages.tiles import Picture, Seen, name_of, picture_of, seen_of
from api.resources import Use
from api.texts import Text
from db.browsing import list_catalogues, listing_details
from db.corrections import CATEGORY, Correction, correct_listing, correctable, find_correction, undo_correction
from db.engine import transaction
from db.review import Kind, Position, Queue, ReviewItem, contradictions_of, likely_words

PATH = "/review"
WHO = "modiste_who"
WHO_LASTS_S = 365 * 24 * 3600
SOMEBODY = "somebody"
# As many as there are keys for.
CHOICES = 6
KINDS = {
    None: "Most valuable",
    Kind.CATEGORY: "Category against the photo",
    Kind.COLOUR: "Colour against the photo",
    Kind.UNSURE: "Model not sure",
}

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Which queue a person works through, and how far they are."""

    catalogue: str | None = None
    kind: Kind | None = None
    after: Position | None = None

    def url(self, path: str = PATH, **more: str | int | None) -> str:
        after = f"{self.after.worth}:{self.after.listing_id}" if self.after else None
        said = {"catalogue": self.catalogue, "kind": self.kind, "after": after, **more}
        query = urlencode([(name, value) for name, value in said.items() if value is not None])
        return f"{path}?{query}" if query else path


async def place(catalogue: Text = "", kind: Text = "", after: Text = "") -> Place:
    """Out of the address. Raises `UnknownChoice`."""
    return read_place(catalogue, kind, after)


def read_place(catalogue: str, kind: str, after: str) -> Place:
    if kind and kind not in list(Kind):
        raise UnknownChoice(detail=f"There is no queue {kind}; there are {', '.join(Kind)}")
    worth, _, listing_id = after.partition(":")
    try:
        position = Position(worth=float(worth), listing_id=int(listing_id)) if after else None
    except ValueError as error:
        raise UnknownChoice(detail=f"{after} is no place in the queue; begin at /review") from error
    return Place(catalogue=catalogue or None, kind=Kind(kind) if kind else None, after=position)


UsePlace = Annotated[Place, Depends(place)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """A word to choose by a button. `key` is what chooses it on a keyboard."""

    word: str
    note: str
    key: str
    swatch: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One field of one listing. `accepted`: the word that is kept by accepting."""

    listing_id: int
    href: str
    title: str
    brand: str | None
    price: str | None
    field: str
    label: str
    why: str
    accepted: str | None
    words: Sequence[Word]
    all_words: Sequence[str]
    may_be_none: bool
    photos: Sequence[Picture]
    photo_id: int | None
    seen: Seen | None
    said: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What was just said, to take back."""

    id: int
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewPage:
    """`task` None: nothing is left. `begin`: where to begin anew, where something was skipped."""

    place: Place
    kinds: Sequence[Link]
    catalogues: Sequence[Link]
    quality: str
    task: Task | None
    left: int
    done: Done | None
    skip: str | None
    here: str
    begin: str | None
    who: str


@router.get(PATH)
def review(
    use: Use,
    site: UseSite,
    here: UsePlace,
    listing: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    field: Text = CATEGORY,
    done: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    who: Annotated[str, Cookie(alias=WHO)] = "",
) -> Response:
    """`listing`, `field`: this one now, whatever the queue says. `done`: the correction that was just made."""
    with transaction(use.engine) as connection:
        queue = use.review_ahead.queue(connection, catalogue=here.catalogue, kind=here.kind, after=here.after)
        page = page_of(connection, queue, here, listing, field, done, unquote(who))
    return site.page("review.html", page=page)


@router.post(PATH)
def answer(
    use: Use,
    listing: Annotated[int, Form(ge=1, le=2**63 - 1)],
    field: Annotated[Text, Form()],
    now: Annotated[Text, Form()] = "",
    other: Annotated[Text, Form()] = "",
    photo: Annotated[Text, Form()] = "",
    who: Annotated[Text, Form()] = "",
    going_on: Annotated[Text, Form(alias="next")] = "",
) -> Response:
    """Writes the correction and goes on. `now`: the word of a button; `other`: that of the list beside them."""
    word = other if now == "other" else now.removeprefix("=")
    with transaction(use.engine) as connection:
        made = correct_listing(
            connection,
            listing,
            field=field,
            now=word or None,
            who=who.strip() or SOMEBODY,
            photo_id=int(photo) if photo.isdecimal() else None,
        )
    response = go(going_on, f"done={made}")
    response.set_cookie(WHO, quote(who.strip()), max_age=WHO_LASTS_S, httponly=True, samesite="strict")
    return response


@router.post(f"{PATH}/undo")
def undo(
    use: Use, correction: Annotated[int, Form(ge=1, le=2**63 - 1)], back: Annotated[Text, Form()] = ""
) -> Response:
    """Takes back what was just said, and shows its listing again."""
    with transaction(use.engine) as connection:
        undone = find_correction(connection, correction)
        listing_id = undo_correction(connection, correction)
    return go(back, f"listing={listing_id}&field={quote(undone.field if undone else CATEGORY)}")


def go(where: str, more: str) -> RedirectResponse:
    """To a place in the queue, and nowhere else."""
    queue = where if where == PATH or where.startswith(f"{PATH}?") else PATH
    return RedirectResponse(f"{queue}{'&' if '?' in queue else '?'}{more}", status_code=303)


def page_of(
    connection: Connection, queue: Queue, here: Place, listing: int | None, field: str, done: int | None, who: str
) -> ReviewPage:
    item = queue.items[0] if queue.items else None
    task, following = None, here
    if listing is not None:
        task = task_of(connection, listing, field, None)
    elif item is not None:
        task = task_of(connection, item.listing_id, item.field, item)
        following = Place(catalogue=here.catalogue, kind=here.kind, after=item.position)
    said = find_correction(connection, done) if done else None
    return ReviewPage(
        place=here,
        kinds=[
            Link(href=Place(catalogue=here.catalogue, kind=kind).url(), text=text, here=kind == here.kind)
            for kind, text in KINDS.items()
        ],
        catalogues=catalogue_links(connection, here),
        quality=Place(catalogue=here.catalogue).url("/quality"),
        task=task,
        left=queue.left + (task is not None and all(one.listing_id != task.listing_id for one in queue.items)),
        done=done_of(said),
        skip=following.url() if task else None,
        here=here.url(),
        begin=Place(catalogue=here.catalogue, kind=here.kind).url() if here.after else None,
        who=who,
    )


def catalogue_links(connection: Connection, here: Place) -> list[Link]:
    names = [size.name for size in list_catalogues(connection) if size.listings]
    if len(names) < 2:
        return []
    links = [Link(href=Place(kind=here.kind).url(), text="All catalogues", here=here.catalogue is None)]
    return links + [
        Link(href=Place(catalogue=name, kind=here.kind).url(), text=name, here=name == here.catalogue) for name in names
    ]


def done_of(said: Correction | None) -> Done | None:
    if said is None or said.undone_at is not None:
        return None
    name = said.title or said.external_id
    field = wording.group_name(said.field)
    if said.now == said.was:
        return Done(id=said.id, words=f"Confirmed: {name} is {said.now or f'without {said.field}'}.")
    return Done(id=said.id, words=f"{field} of {name}: {said.was or 'nothing'} → {said.now or 'nothing'}.")


def task_of(connection: Connection, listing_id: int, field: str, item: ReviewItem | None) -> Task:
    """Raises `UnknownListing`, `NoActiveModel`, and `UnknownChoice` for a field that the model does not tell."""
    known = correctable(connection)
    if field not in known:
        raise UnknownChoice(detail=f"The model tells nothing of {field}; it tells {', '.join(known)}")
    details = listing_details(connection, listing_id)
    if item is None:
        item = next((one for one in contradictions_of(connection, listing_id) if one.field == field), None)
    seen = seen_of(details.card.enrichment)
    accepted = word_now(seen, field)
    shown = [photo for photo in details.photos if photo.digest]
    pictures = [picture_of(p.id, p.digest, p.state, alt=f"Photo {p.position + 1}") for p in shown]
    return Task(
        listing_id=listing_id,
        href=f"/listings/{listing_id}",
        title=name_of(details.card),
        brand=details.card.brand,
        price=wording.price(details.card.price, details.card.currency),
        field=field,
        label=wording.group_name(field),
        why=why_asked(item),
        accepted=accepted,
        words=words_for(known[field], accepted, item, likely_words(connection, listing_id, field), field),
        all_words=sorted(known[field]),
        may_be_none=field != CATEGORY,
        photos=[picture for picture in pictures if picture],
        photo_id=shown[0].id if shown else None,
        seen=seen,
        said=[(n, v) for n, v in (("Category", details.card.seller_category), ("Colour", details.card.colour)) if v],
    )


def word_now(seen: Seen | None, field: str) -> str | None:
    if seen is None:
        return None
    if field == CATEGORY:
        return seen.category
    return next((attribute.value for attribute in seen.attributes if attribute.group == field), None)


def why_asked(item: ReviewItem | None) -> str:
    """In a sentence, what makes this worth a look."""
    if item is None:
        return "What is true of it?"
    if item.kind is Kind.UNSURE:
        return f"The model is not sure: {item.seen} is its best guess, at {wording.percent(item.score)}."
    return (
        f"The seller says “{item.said}”. Of {wording.number(item.alike)} listings with that word most are seen as "
        f"{item.usual}; this one is seen as {item.seen}, at {wording.percent(item.score)}."
    )


def words_for(
    known: Sequence[str], accepted: str | None, item: ReviewItem | None, likely: Sequence[str], field: str
) -> list[Word]:
    """Buttons for what is most likely true: what the model and the seller say, and what else it may be."""
    said = {word.lower(): word for word in known}.get((item.said or "").lower()) if item else None
    notes: dict[str, str] = {accepted: "the model's word"} if accepted else {}
    for word, note in (
        (said, "the seller's word"),
        (item.usual if item else None, "what the seller's word means here"),
    ):
        if word:
            notes.setdefault(word, note)
    for word in likely:
        notes.setdefault(word, "possible")
    chosen = [word for word in notes if word in known][:CHOICES]
    swatches: Mapping[str, str] = wording.SWATCHES if field == "colour" else {}
    return [
        Word(word=word, note=notes[word], key=str(number), swatch=swatches.get(word))
        for number, word in enumerate(chosen, start=1)
    ]
