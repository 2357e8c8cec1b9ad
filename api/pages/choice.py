"""What a person chose to see, as the address says it: a link to any choice is a link to that page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.pages import wording
from api.texts import Text
from db.browsing import CatalogueSize
from db.facets import FacetCount, Facets

SINGLE = ("catalogue", "q", "category", "brand", "seller", "sure", "price_min", "price_max")
ABSTAINED = {"yes": False, "no": True}
SURE = {"yes": "Sure", "no": "Not sure"}
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
        pairs = [(name, getattr(self, name)) for name in SINGLE]
        pairs += [("attributes", attribute) for attribute in self.attributes] + list(more.items())
        query = urlencode([(name, value) for name, value in pairs if value])
        return f"{path}?{query}" if query else path

    @property
    def all_url(self) -> str:
        """The whole catalogue."""
        return Choice(catalogue=self.catalogue).url()

    @property
    def search_url(self) -> str:
        """Where a photo is searched with among the same catalogue."""
        return Choice(catalogue=self.catalogue).url("/search")

    def leaving_out(self, name: str) -> "Choice":
        nothing: dict[str, Any] = {name: None}
        return replace(self, **nothing)

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


UseChoice = Annotated[Choice, Depends(chosen)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A way to go, and whether one is there already."""

    href: str
    text: str
    here: bool = False
    count: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A list to choose one value from; `name` is the parameter's, options are (what is sent, what is read)."""

    id: str
    name: str
    label: str
    chosen: str
    options: Sequence[tuple[str, str]]


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


def fields_of(choice: Choice, facets: Facets) -> list[Field]:
    """The filters there are. What is chosen stays choosable, even where nothing has it any more."""
    chosen_values = dict(map(wording.apart, choice.attributes))
    groups: Mapping[str, Sequence[FacetCount]] = dict.fromkeys(chosen_values, ()) | dict(facets.attributes)
    order = [*wording.FIRST_GROUPS, *groups]
    by_name = sorted(groups, key=order.index)
    about = facets.estimated
    fields = [_field("category", "category", choice.category, facets.categories, about=about)]
    fields += [_field("attributes", name, chosen_values.get(name), groups[name], about=about) for name in by_name]
    if facets.brands or choice.brand:
        fields.append(_field("brand", "brand", choice.brand, facets.brands, about=about))
    if facets.sellers or choice.seller:
        fields.append(_field("seller", "seller", choice.seller, facets.sellers, about=about))
    fields.append(_sureness(choice, facets))
    return fields


def _sureness(choice: Choice, facets: Facets) -> Field:
    counts = {"yes": facets.sure, "no": facets.unsure}
    texts = {sure: f"{text} ({wording.rough(counts[sure], about=facets.estimated)})" for sure, text in SURE.items()}
    return Field(
        id="filter-sure", name="sure", label="The model is", chosen=choice.sure or "", options=list(texts.items())
    )


def _field(name: str, group: str, chosen: str | None, counts: Sequence[FacetCount], *, about: bool) -> Field:
    prefix = f"{group}:" if name == "attributes" else ""
    options = [(f"{prefix}{one.value}", f"{one.value} ({wording.rough(one.listings, about=about)})") for one in counts]
    if chosen and chosen not in {one.value for one in counts}:
        options.append((f"{prefix}{chosen}", chosen))
    return Field(
        id=f"filter-{group}",
        name=name,
        label=wording.group_name(group),
        chosen=f"{prefix}{chosen}" if chosen else "",
        options=options,
    )


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
        Link(href=choice.leaving_out(n).url(), text=text) for n, text in texts.items() if text and getattr(choice, n)
    ]
    return links + [Link(href=choice.without(name).url(), text=wording.apart(name)[1]) for name in choice.attributes]
