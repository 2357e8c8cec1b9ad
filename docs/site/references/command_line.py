"""Every command of `modiste` with its arguments and options, as Typer tells them."""

import re

import typer
from typer.cli import get_docs_for_click

from cli.main import app
from references.markdown import page as made

OPENING = "What `modiste COMMAND --help` says, on one page."


def page() -> str:
    command = typer.main.get_command(app)
    written = get_docs_for_click(obj=command, ctx=typer.Context(command), name="modiste")
    body = re.sub(r"^# .*\n", "", written, count=1)
    return made("Command line", OPENING, [body.replace("```console", "```text")])
