"""What every page shares: templates, static files, the headers of an answer. Knows no listing."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.keys import ASKING, KeyRing
from api.pages import wording
from api.pages.assets import Assets, load_assets
from api.rates import Rate
from api.scopes import needed_for
from db.states import KeyScope

GUESSES_PER_MINUTE = 10
TEMPLATES = Path(__file__).parent / "templates"

# Nothing from elsewhere and nothing inline: what a title or a feed smuggles in can neither run nor call home.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Not `no-store`: it would make going back to an answer of a search ask for the photo again.
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """`keys` are the API's; without one nobody needs to sign in. `guesses` counts wrong keys by address."""

    templates: Environment
    assets: Assets
    keys: KeyRing
    guesses: Rate

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        asking = ASKING.get()
        scope = asking.scope if asking else KeyScope.ADMIN
        text = self.templates.get_template(template).render(
            values, with_key=asking is not None, scope=scope, may=partial(may_send, scope)
        )
        return HTMLResponse(text, status_code=status, headers=HEADERS)


def may_send(scope: KeyScope, action: str) -> bool:
    """Whether a form that is sent to this path would be taken."""
    needed = needed_for("POST", action)
    return needed is None or scope.includes(needed)


def make_site(keys: KeyRing) -> Site:
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    assets = load_assets()
    templates.globals["asset"] = assets.url
    templates.filters |= {
        "percent": wording.percent,
        "number": wording.number,
        "day": wording.day,
        "moment": wording.moment,
        "filter_words": wording.filter_words,
    }
    return Site(templates=templates, assets=assets, keys=keys, guesses=Rate(GUESSES_PER_MINUTE))


async def made(request: Request) -> Site:
    """Async only so that FastAPI does not take a thread for it."""
    site: Site = request.app.state.site
    return site


UseSite = Annotated[Site, Depends(made)]
