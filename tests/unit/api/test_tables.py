import csv
import io

import pytest

from api import tables
from api.tables import pieces


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_nothing_in_a_table_is_a_formula(text: str) -> None:
    (_, (cell, number)) = csv.reader(io.StringIO(b"".join(pieces(["a", "b"], [[text, -1]])).decode(), newline=""))
    assert (cell, number) == (f"'{text}", "-1")


def test_a_table_of_any_length_comes_in_pieces_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_A_PIECE", 10)
    made = list(pieces(["n", "text"], ([n, 'ü,"\n'] for n in range(25))))
    assert len(made) == 3
    rows = list(csv.reader(io.StringIO(b"".join(made).decode(), newline="")))
    assert rows == [["n", "text"], *([str(n), 'ü,"\n'] for n in range(25))]
