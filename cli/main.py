"""The `modiste` command: its subcommands, and what a person reads when one of them fails."""

import signal
import sys
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape

from cli.commands import (
    control,
    corrections,
    demo,
    doctor,
    export,
    importing,
    improve,
    keys,
    models,
    quarantine,
    recall,
    report,
    sample,
    services,
    similar,
    status,
    tidy,
    train,
)
from cli.entry import name_and_version
from cli.errors import message_of
from cli.output import err, out

app = typer.Typer(
    name="modiste",
    help="Enrich a fashion catalogue: categories, attributes and similar listings, in your own PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("import")(importing.import_feed)
app.command()(status.status)
app.command()(report.report)
app.command()(control.pause)
app.command()(control.resume)
app.command()(control.cancel)
app.command()(control.retry)
app.add_typer(quarantine.quarantine, name="quarantine")
app.command()(export.export)
app.command()(similar.similar)
app.command()(recall.recall)
app.add_typer(corrections.corrections, name="corrections")
app.add_typer(models.models, name="models")
app.add_typer(keys.keys, name="keys")
app.command()(train.train)
app.command()(improve.improve)
app.command()(services.up)
app.command()(services.api)
app.command()(services.worker)
app.command()(services.scheduler)
app.command()(services.migrate)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(services.psql)
app.command()(doctor.doctor)
app.command()(tidy.tidy)
app.command()(demo.demo)
app.command()(sample.sample)


def say_version(asked: bool) -> None:
    if asked:
        out.print(name_and_version())
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of `modiste` itself."""


def main() -> None:
    """Runs a command. Errors that can be expected end it with one message and status 1."""
    signal.signal(signal.SIGTERM, leave)
    try:
        app()
    except Exception as error:
        message = message_of(error)
        if message is None:
            raise
        err.print(f"[red]modiste:[/] {escape(message)}")
        sys.exit(1)


def leave(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM leaves as Ctrl-C does: what was opened is closed on the way out. Services take it over themselves."""
    raise KeyboardInterrupt
