from db.copying import Vector, field


def test_what_copy_takes_for_its_own_signs_is_escaped() -> None:
    assert field("a\tb\nc\rd\\e") == "a\\tb\\nc\\rd\\\\e"
    assert field("\\N") == "\\\\N"


def test_none_is_null_and_no_text_is() -> None:
    assert field(None) == "\\N"
    assert field("") == ""
    assert field("None") == "None"


def test_elements_of_an_array_are_quoted_then_escaped() -> None:
    assert field(['say "hi"', "a\\b", "{,}", ""]) == r'{"say \\"hi\\"","a\\\\b","{,}",""}'
    assert field(["NULL", None]) == '{"NULL",NULL}'
    assert field([]) == "{}"
    assert field([1, 2.5]) == "{1,2.5}"


def test_objects_are_json_as_it_is_read_after_copys_escapes() -> None:
    assert field({"a": 'b"\n'}) == '{"a": "b\\\\"\\\\n"}'
    assert field({"größe": "👗"}) == '{"größe": "👗"}'


def test_bytes_flags_and_vectors_have_postgres_spelling() -> None:
    assert field(b"\x00\xff") == "\\\\x00ff"
    assert (field(True), field(False)) == ("t", "f")
    assert field(Vector((0.123456789, -1.0, 1e-9))) == "{0.12346,-1,1e-09}"
