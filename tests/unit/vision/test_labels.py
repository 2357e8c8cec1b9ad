from __future__ import annotations

import pytest

from vision.errors import LabelSpaceError
from vision.labels import AttributeGroup, LabelSpace

SLEEVE = AttributeGroup(name="sleeve", values=("Short", "Long"), exclusive=True, categories=("Shirt",))
COLOUR = AttributeGroup(name="colour", values=("Red", "Blue", "Green"), exclusive=False)
SPACE = LabelSpace(categories=("Shirt", "Shoe"), groups=(SLEEVE, COLOUR))


def test_json_there_and_back_is_the_same_label_space() -> None:
    assert LabelSpace.from_json(SPACE.to_json()) == SPACE


def test_attributes_stand_in_the_order_of_their_columns() -> None:
    assert SPACE.attributes == ("sleeve:Short", "sleeve:Long", "colour:Red", "colour:Blue", "colour:Green")
    assert [SPACE.attributes[at] for _, at in SPACE.columns()] == [SLEEVE.labels(), COLOUR.labels()]


def test_no_sleeve_is_said_of_a_shoe_but_a_colour_is() -> None:
    assert SLEEVE.applies_to("Shirt")
    assert not SLEEVE.applies_to("Shoe")
    assert COLOUR.applies_to("Shoe")


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (lambda: LabelSpace(categories=("Shirt", "Shirt")), "Shirt"),
        (lambda: LabelSpace(categories=("a:b",)), "a:b"),
        (lambda: LabelSpace(categories=(" Shirt",)), "padded"),
        (lambda: LabelSpace(categories=("Shoe",), groups=(SLEEVE,)), "unknown categories"),
        (lambda: LabelSpace(categories=("Shirt",), groups=(SLEEVE, SLEEVE)), "twice"),
        (lambda: AttributeGroup(name="fit", values=("Slim",), exclusive=True), "too few"),
        (lambda: LabelSpace.from_json({"categories": ["Shirt"]}), "groups"),
        (lambda: LabelSpace.from_json({"categories": "Shirt", "groups": []}), "list of texts"),
    ],
)
def test_a_label_space_that_contradicts_itself_is_refused_by_name(broken, names) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LabelSpaceError, match=names):
        broken()
