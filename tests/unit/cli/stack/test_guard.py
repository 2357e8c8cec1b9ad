from cli.stack.guard import read_watched


def test_groups_that_were_forgotten_are_not_left_to_end():
    assert read_watched(["+ 10 2.5\n", "+ 11 30.0\n", "- 10\n", "- 99\n"]) == {11: 30.0}
