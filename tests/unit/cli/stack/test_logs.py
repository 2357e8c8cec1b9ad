from cli.stack.logs import KEPT_BYTES, rotate, tail


def test_tail_reads_the_last_lines_of_a_large_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(log, lines=2) == ["line 99998", "line 99999"]


def test_tail_of_a_missing_log_is_empty(tmp_path):
    assert tail(tmp_path / "none.log") == []


def test_a_large_log_is_set_aside_and_a_small_one_kept(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * KEPT_BYTES)
    rotate(log)
    assert log.exists()
    log.write_bytes(b"x" * (KEPT_BYTES + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "a.log.1").stat().st_size == KEPT_BYTES + 1
