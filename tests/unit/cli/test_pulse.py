import os
from pathlib import Path

import pytest

from cli.pulse import Pulse
from deploy import health


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODISTE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_scheduler_is_healthy_from_its_first_sweep_until_it_stops_or_sweeps_no_more(home: Path) -> None:
    pulse = Pulse(home)
    assert health.main(["scheduler"]) == 1
    pulse.beat()
    assert health.main(["scheduler"]) == 0
    os.utime(home / "scheduler.pulse", (1, 1))
    assert health.main(["scheduler"]) == 1
    pulse.beat()
    assert health.main(["scheduler"]) == 0
    pulse.stop()
    assert health.main(["scheduler"]) == 1
    pulse.stop()


def test_a_pulse_that_cannot_be_written_stops_no_work(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.write_text("a file in the way")
    Pulse(home).beat()
    assert "the scheduler will look dead" in caplog.text
