"""`modiste keys`: who may ask over HTTP and on the pages; keys are made, listed and revoked. Tokens are shown once."""

import re
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from cli.errors import UsageError
from cli.opening import open_stack
from cli.output import err, out, print_json, print_table
from cli.settings import Settings
from db.engine import transaction
from db.keys import create_key, list_keys, revoke_key
from db.states import KeyScope

keys = typer.Typer(no_args_is_help=True, help="Keys to the HTTP API and the pages: make, list and revoke them.")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
NAME = re.compile(r"[\w.@-]{1,100}")
SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what it is for, as in shop-frontend.")],
    scope: Annotated[KeyScope, typer.Option(help="read asks; import also changes listings; admin also models.")],
    expires: Annotated[str | None, typer.Option(help="For how long: 12h, 90d or 8w. Default: until revoked.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its token, once: only a hash of it is kept."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a key; take up to 100 letters, digits and . _ @ -")
    lasts = span_of(expires) if expires is not None else None
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        token = create_key(connection, name, scope, lasts=lasts)
    if as_json:
        print_json({"name": name, "scope": scope, "token": token})
    else:
        out.print(token, soft_wrap=True)  # alone, so that it may go to a file or a variable
        err.print(f"The token of {name} ({scope}); it is not shown again. From now on the API asks for a key.")


def span_of(given: str) -> timedelta:
    """`90d` as a time span, at most a hundred years. Raises UsageError."""
    span = re.fullmatch(r"([1-9]\d{0,5})([hdw])", given)
    lasts = timedelta(seconds=int(span[1]) * SECONDS[span[2]]) if span else None
    if lasts is None or lasts > timedelta(days=36_500):
        raise UsageError(f"--expires {given!r} is no time span; write 12h, 90d or 8w")
    return lasts


@keys.command("list")
def list_them(
    revoked: Annotated[bool, typer.Option("--revoked", help="Also those that were revoked.")] = False,
    as_json: AsJson = False,
) -> None:
    """List keys, oldest first; last used is right to the hour."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        rows = list_keys(connection, revoked=revoked)
    if as_json:
        print_json([asdict(row) for row in rows])
    elif not rows:
        out.print("There is no key. Make one with: modiste keys create NAME --scope read")
    else:
        print_table(
            "",
            ["id", "name", "scope", "token", "created", "last used", "expires", "revoked"],
            [
                [
                    row.id,
                    row.name,
                    row.scope,
                    f"{row.prefix}…",
                    *(f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (row.created_at, row.last_used_at)),
                    *(f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (row.expires_at, row.revoked_at)),
                ]
                for row in rows
            ],
        )


@keys.command()
def revoke(key: Annotated[str, typer.Argument(metavar="NAME|ID", help="As modiste keys list shows it.")]) -> None:
    """End a key and the sessions of its pages; a running API knows within ten seconds."""
    with open_stack(Settings()) as stack, transaction(stack.engine) as connection:
        name = revoke_key(connection, key)
        left = list_keys(connection)
    out.print(f"{name} is revoked; a running API refuses it within ten seconds.")
    if not left and Settings().modiste_api_key is None:
        out.print("No key is left: an API on loopback without MODISTE_API_KEY is open to this machine again.")
