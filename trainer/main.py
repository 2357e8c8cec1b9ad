"""`python -m trainer`: its subcommands, and what a person reads when one of them fails."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from trainer.commands import comparing, exporting, inspecting, measuring, reporting, training
from trainer.errors import TrainerError
from vision.errors import VisionError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Trains, measures and exports modiste's models.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(inspecting.inspect)
app.command()(training.run)
app.command()(measuring.evaluate)
app.command()(comparing.compare)
app.command()(exporting.export)
app.command()(exporting.quantize)
app.command()(reporting.report)


def main() -> None:
    """Runs the command; an error that we know is one sentence on standard error and exit status 1."""
    try:
        app()
    except (TrainerError, VisionError) as fault:
        Console(stderr=True, emoji=False).print(str(fault), markup=False)
        sys.exit(1)
