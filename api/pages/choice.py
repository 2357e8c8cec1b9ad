"""What a person chose to see, as the address says it: a link to any choice is a link to that page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.pages import wording
from api.texts import Text
from db.browsing import CatalogueSize
from db.facets import FacetCount, Facets


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """`attributes`: `group:value`, one a group; `q`: words of titles. Other names are those of the API's parameters."""

    catalogue: str | None = None
    q: str | None = None
    category: str | None = None
    brand: str | None = None
    attributes: tuple[str, ...] = ()

    def as_filters(self) -> dict[str, Any]:
        """For `db.browsing`."""
        chosen = {
            "catalogue": self.catalogue,
            "category": self.category,
            "brand": self.brand,
            "attributes": list(self.attributes),
        }
        return {name: value for name, value in chosen.items() if value}

    def url(self, path: str = "/", **more: str) -> str:
        pairs = [("catalogue", self.catalogue), ("q", self.q), ("category", self.category), ("brand", self.brand)]
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

    def without(self, attribute: str) -> "Choice":
        return replace(self, attributes=tuple(other for other in self.attributes if other != attribute))


async def chosen(
    catalogue: Annotated[Text, Query()] = "",
    q: Annotated[Text, Query(max_length=200)] = "",
    category: Annotated[Text, Query()] = "",
    brand: Annotated[Text, Query()] = "",
    attributes: Annotated[list[Text] | None, Query(max_length=200)] = None,
) -> Choice:
    """Fields that were left empty say nothing; of a group that is named twice, the last counts."""
    by_group = {wording.apart(name)[0]: name for name in attributes or [] if name}
    return Choice(
        catalogue=catalogue or None,
        q=q.strip() or None,
        category=category or None,
        brand=brand or None,
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
    return fields


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
    links = [Link(href=replace(choice, q=None).url(), text=f"“{choice.q}”")] if choice.q else []
    links += [Link(href=replace(choice, category=None).url(), text=choice.category)] if choice.category else []
    links += [Link(href=replace(choice, brand=None).url(), text=choice.brand)] if choice.brand else []
    return links + [Link(href=choice.without(name).url(), text=wording.apart(name)[1]) for name in choice.attributes]
