import pytest

from api.crops import box_of, readable
from vision.preprocess import Box


def test_a_crop_is_four_shares_of_the_photo() -> None:
    assert box_of("0.1,0,0.5,0.4") == Box(0.1, 0, 0.5, 0.4)
    assert box_of("") is None
    assert box_of(None) is None


@pytest.mark.parametrize(
    "crop", ["0,0,1", "a,b,c,d", "0,0,1.2,1", "-0.1,0,1,1", "0,0,0.001,1", "nan,0,1,1", "0,0,inf,1"]
)
def test_what_is_no_part_of_a_photo_is_refused_with_what_is(crop: str) -> None:
    with pytest.raises(ValueError, match=r"shares"):
        readable(crop)
