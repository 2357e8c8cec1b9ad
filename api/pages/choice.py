"""What a person chose to see, as the address says it: a link to any choice is a link to that page."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.pages import wording
from api.texts import Text
from db.browsing import CatalogueSize
from db.facets import FacetCount, Facets

SINGLE = ("catalogue", "q", "category", "brand", "seller", "sure", "price_min", "price_max")
TYPED = ("q", "price_min", "price_max")
ABSTAINED = {"yes": False, "no": True}
SURE = {"yes": "Sure", "no": "Not sure"}
# Of a list so many values are in sight; these lists are open from the start.
SHOWN = 8
OPEN = ("category", "colour")
# What a person types as a price: other things filter nothing, as fields that were left empty.
PRICE = re.compile(r"\d{1,12}(\.\d{1,4})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """`attributes`: `group:value`, one a group; `q`: words of titles; `sure`: `yes` or `no`, of the model.

    Other names are those of the API's parameters. Prices are whole or decimal numbers as they were typed.
    """

    catalogue: str | None = None
    q: str | None = None
    category: str | None = None
    brand: str | None = None
    seller: str | None = None
    sure: str | None = None
    price_min: str | None = None
    price_max: str | None = None
    attributes: tuple[str, ...] = ()

    def as_filters(self) -> dict[str, Any]:
        """For `db.browsing`."""
        chosen = {name: getattr(self, name) for name in ("catalogue", "category", "brand", "seller")}
        prices = {name: getattr(self, name) for name in ("price_min", "price_max")}
        chosen |= {name: float(price) for name, price in prices.items() if price is not None}
        chosen |= {"abstained": ABSTAINED.get(self.sure or ""), "attributes": list(self.attributes) or None}
        return {name: value for name, value in chosen.items() if value is not None}

    @property
    def narrows(self) -> bool:
        """Whether any filter is on, the catalogue apart."""
        return replace(self, catalogue=None) != Choice()

    def url(self, path: str = "/", **more: str) -> str:
        query = urlencode([*self._pairs(SINGLE), *more.items()])
        return f"{path}?{query}" if query else path

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form that asks for `TYPED` sends along."""
        return self._pairs([name for name in SINGLE if name not in TYPED])

    def _pairs(self, names: Sequence[str]) -> list[tuple[str, str]]:
        said = [(name, getattr(self, name)) for name in names]
        return [(name, value) for name, value in said if value] + [("attributes", name) for name in self.attributes]

    @property
    def all_url(self) -> str:
        """The whole catalogue."""
        return Choice(catalogue=self.catalogue).url()

    @property
    def search_url(self) -> str:
        """Where a photo is searched with among the same catalogue."""
        return Choice(catalogue=self.catalogue).url("/search")

    def choosing(self, name: str, value: str | None) -> "Choice":
        """With another value of one filter; None: without it."""
        other: dict[str, Any] = {name: value}
        return replace(self, **other)

    def saying(self, group: str, value: str | None) -> "Choice":
        """With another value of an attribute group; None: without any."""
        kept = tuple(name for name in self.attributes if wording.apart(name)[0] != group)
        return replace(self, attributes=kept if value is None else (*kept, f"{group}:{value}"))

    def without(self, attribute: str) -> "Choice":
        return replace(self, attributes=tuple(other for other in self.attributes if other != attribute))


async def chosen(
    catalogue: Annotated[Text, Query()] = "",
    q: Annotated[Text, Query(max_length=200)] = "",
    category: Annotated[Text, Query()] = "",
    brand: Annotated[Text, Query()] = "",
    seller: Annotated[Text, Query()] = "",
    sure: Annotated[Text, Query()] = "",
    price_min: Annotated[Text, Query()] = "",
    price_max: Annotated[Text, Query()] = "",
    attributes: Annotated[list[Text] | None, Query(max_length=200)] = None,
) -> Choice:
    """Fields that were left empty say nothing; of a group that is named twice, the last counts."""
    by_group = {wording.apart(name)[0]: name for name in attributes or [] if name}
    return Choice(
        catalogue=catalogue or None,
        q=q.strip() or None,
        category=category or None,
        brand=brand or None,
        seller=seller or None,
        sure=sure if sure in SURE else None,
        price_min=price_min if PRICE.fullmatch(price_min) else None,
        price_max=price_max if PRICE.fullmatch(price_max) else None,
        attributes=tuple(by_group.values()),
    )


Choosing = Callable[[str, str | None], Choice]
UseChoice = Annotated[Choice, Depends(chosen)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A way to go, and whether one is there already."""

    href: str
    text: str
    here: bool = False
    count: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """Values to choose one from, as links: the first few, and the rest. `chosen`: the one that is on.

    The link of the chosen one takes it away again.
    """

    label: str
    chosen: str | None
    first: Sequence["Value"]
    rest: Sequence["Value"]
    open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One of a facet's, and how many listings it would leave; `swatch` is a colour for the eye, where it is one."""

    href: str
    text: str
    count: str | None
    here: bool
    swatch: str | None = None


def catalogue_links(choice: Choice, catalogues: Sequence[CatalogueSize]) -> list[Link]:
    """All of them and each with something in it; none where there is nothing to choose."""
    stocked = [size for size in catalogues if size.listings]
    if len(stocked) < 2:
        return []
    everything = Link(href="/", text="All", here=choice.catalogue is None)
    return [everything, *(_catalogue_link(choice, size) for size in stocked)]


def _catalogue_link(choice: Choice, size: CatalogueSize) -> Link:
    count = f"{'about ' if size.estimated else ''}{wording.number(size.listings)}"
    href = Choice(catalogue=size.name).url()
    return Link(href=href, text=size.name, here=choice.catalogue == size.name, count=count)


def facets_of(choice: Choice, facets: Facets) -> list[Facet]:
    """The filters there are. What is chosen stays choosable, even where nothing has it any more."""
    by_group = dict(map(wording.apart, choice.attributes))
    groups: Mapping[str, Sequence[FacetCount]] = dict.fromkeys(by_group, ()) | dict(facets.attributes)
    order = [*wording.FIRST_GROUPS, *groups]
    lists: list[tuple[str, str | None, Sequence[FacetCount], Choosing]] = [
        ("category", choice.category, facets.categories, choice.choosing)
    ]
    lists += [(group, by_group.get(group), groups[group], choice.saying) for group in sorted(groups, key=order.index)]
    lists += [("brand", choice.brand, facets.brands, choice.choosing)]
    lists += [("seller", choice.seller, facets.sellers, choice.choosing)]
    found = [
        _facet(name, chosen, counts, choosing, about=facets.estimated)
        for name, chosen, counts, choosing in lists
        if counts or chosen
    ]
    return [*found, _sureness(choice, facets)]


def _facet(name: str, chosen: str | None, counts: Sequence[FacetCount], choosing: Choosing, *, about: bool) -> Facet:
    values = [
        Value(
            href=choosing(name, None if one.value == chosen else one.value).url(),
            text=one.value,
            count=wording.rough(one.listings, about=about),
            here=one.value == chosen,
            swatch=wording.SWATCHES.get(one.value) if name == "colour" else None,
        )
        for one in counts
    ]
    if chosen and not any(value.here for value in values):
        values.append(Value(href=choosing(name, None).url(), text=chosen, count=None, here=True))
    first = [value for place, value in enumerate(values) if place < SHOWN or value.here]
    return Facet(
        label=wording.group_name(name),
        chosen=chosen,
        first=first,
        rest=[value for value in values if value not in first],
        open=name in OPEN or chosen is not None,
    )


def _sureness(choice: Choice, facets: Facets) -> Facet:
    counts = {"yes": facets.sure, "no": facets.unsure}
    values = [
        Value(
            href=choice.choosing("sure", None if sure == choice.sure else sure).url(),
            text=text,
            count=wording.rough(counts[sure], about=facets.estimated),
            here=sure == choice.sure,
        )
        for sure, text in SURE.items()
    ]
    chosen = SURE.get(choice.sure or "")
    return Facet(label="The model is", chosen=chosen, first=values, rest=[], open=chosen is not None)


def removals(choice: Choice) -> list[Link]:
    """One link for each filter that is on: the same page without it."""
    texts = {
        "q": f"“{choice.q}”",
        "category": choice.category,
        "brand": choice.brand,
        "seller": choice.seller,
        "sure": SURE.get(choice.sure or ""),
        "price_min": f"from {choice.price_min}",
        "price_max": f"up to {choice.price_max}",
    }
    links = [
        Link(href=choice.choosing(n, None).url(), text=text) for n, text in texts.items() if text and getattr(choice, n)
    ]
    return links + [Link(href=choice.without(name).url(), text=wording.apart(name)[1]) for name in choice.attributes]
