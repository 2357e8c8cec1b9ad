"""`/models`: the model versions, how well each does, and which serves; one is put into service, or taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Response
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, RedirectResponse

from api.pages import wording
from api.pages.site import HEADERS, Site, UseSite
from api.resources import Resources, Use
from api.texts import ModelName
from broker import dispatch
from db.backfills import begin_backfill, open_backfills
from db.canary import Canary, canary
from db.coverage import Coverage, coverage
from db.engine import transaction
from db.errors import ModelInUse, NotCovered, UnknownModelVersion
from db.gate import what_it_lacks
from db.models import RegisteredModel, activate_model, active_model, list_models, model_before, model_by_name
from db.recall import Recall, last_checks
from db.retiring import retire_model
from db.states import ModelState
from store import Area, NotInStore, StoreError, report_name
from vision.errors import VisionError

PATH = "/models"
ASKED = 100
CHECKS = 30
# The headline figure of each field, by the last part of its metric's name; all others stand below.
MEASURES = {
    "top1": "right at the first guess",
    "recall@1": "the nearest is the same product",
    "micro_f1": "micro F1",
}
FIRST = ("category", "retrieval")
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A measured share; `range` is its 95 % interval, where the model's report has one."""

    name: str
    value: str
    range: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A model version in the list. `share`: of the photo contents that answers rest on, those it has seen."""

    name: str
    href: str
    state: ModelState
    registered: str
    about: str
    figures: Sequence[Figure]
    share: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionPage:
    """`lacks`: why it would not be put into service; `wrong`: why it was not, just now."""

    version: Version
    seen: Coverage | None
    lacks: Sequence[str]
    wrong: str | None
    backfills: Sequence[int]
    canary: Canary | None
    with_canary: str | None
    checks: Sequence[tuple[str, Sequence[Recall]]]
    line: str
    metrics: Sequence[tuple[str, str]]
    sources: Sequence[tuple[str, str]]
    report: str | None


@router.get(PATH)
def models(use: Use, site: UseSite) -> Response:
    with transaction(use.engine) as connection:
        registered = list_models(connection)
        shares = {m.id: coverage(connection, m.id).share for m in registered if m.state is not ModelState.RETIRED}
        before = before_of(connection) if len(registered) > 1 else None
    versions = [version_of(model, shares.get(model.id)) for model in reversed(registered)]
    return site.page("models.html", versions=versions, before=before)


@router.get(f"{PATH}/{{name}}")
def one(use: Use, site: UseSite, name: ModelName, compare: bool = False) -> Response:
    """`compare`: also what would change if it were active, which is asked of a sample and takes a moment."""
    return shown(use, site, name, compare=compare)


@router.get(f"{PATH}/{{name}}/report")
def report(use: Use, name: ModelName) -> Response:
    """The page that the trainer wrote of it. It is nobody's of ours: it runs nothing and asks for nothing."""
    try:
        page = use.store.read(Area.REPORTS, report_name(name))
    except NotInStore:
        raise UnknownModelVersion(f"there is no report of {name}") from None
    return HTMLResponse(page, headers=HEADERS | {"Content-Security-Policy": REPORT_POLICY})


@router.post(f"{PATH}/rollback")
async def roll_back(use: Use, site: UseSite) -> Response:
    return await to_thread.run_sync(put_back, use, site)


@router.post(f"{PATH}/{{name}}/activate")
async def activate(use: Use, site: UseSite, name: ModelName, force: Annotated[bool, Form()] = False) -> Response:
    return await to_thread.run_sync(put_into_service, use, site, name, force)


@router.post(f"{PATH}/{{name}}/backfill")
def backfill(use: Use, name: ModelName) -> Response:
    """Has it see what it has not; to begin again is to go on."""
    with transaction(use.engine) as connection:
        begin_backfill(connection, name)
    return go(name, BackgroundTask(dispatch, use.engine, use.broker))


@router.post(f"{PATH}/{{name}}/retire")
def retire(use: Use, site: UseSite, name: ModelName) -> Response:
    """Deletes what the version saw; it stays in the list."""
    try:
        retire_model(use.engine, name)
    except ModelInUse as error:
        return shown(use, site, name, wrong=f"Not retired: {error}.", status=409)
    return go(name)


def put_back(use: Resources, site: Site) -> Response:
    with transaction(use.engine) as connection:
        name = model_before(connection).name
    return put_into_service(use, site, name, False)


def put_into_service(use: Resources, site: Site, name: str, force: bool) -> Response:
    """Through the gate: what it has seen, its index, its files. Refused, the page says why."""
    try:
        with transaction(use.engine) as connection:
            lacks = what_it_lacks(connection, model_by_name(connection, name))
        if lacks and not force:
            raise NotCovered(f"{name} {' and '.join(lacks)}. A backfill sees to that.")
        use.network.check(name)
    except (NotCovered, StoreError, VisionError) as error:
        return shown(use, site, name, wrong=f"Not put into service: {error}", status=409)
    with transaction(use.engine) as connection:
        activate_model(connection, name)
    return go(name)


def go(name: str, then: BackgroundTask | None = None) -> RedirectResponse:
    return RedirectResponse(f"{PATH}/{name}", status_code=303, background=then)


def before_of(connection: Connection) -> str | None:
    try:
        return model_before(connection).name
    except UnknownModelVersion:
        return None


def shown(
    use: Resources, site: Site, name: str, *, compare: bool = False, wrong: str | None = None, status: int = 200
) -> Response:
    """Raises `UnknownModelVersion`."""
    with transaction(use.engine) as connection:
        model = model_by_name(connection, name)
        kept = model.state is not ModelState.RETIRED
        seen = coverage(connection, model.id) if kept else None
        lacks = what_it_lacks(connection, model) if kept else []
        working = open_backfills(connection, model.id)
        checks = [check for check in last_checks(connection, CHECKS) if check.model_version == name]
        active = active_model(connection)
    other = kept and active.id != model.id
    found = None
    if compare and other:
        with transaction(use.engine) as connection:
            found = canary(connection, active, model, sample=ASKED)
    recalls = [check.recall for check in reversed(checks) if check.recall is not None]
    page = VersionPage(
        version=version_of(model, seen.share if seen else None),
        seen=seen,
        lacks=lacks,
        wrong=wrong,
        backfills=working,
        canary=found if found and found.compared else None,
        with_canary=f"{PATH}/{name}?compare=true" if other and not compare else None,
        checks=[(wording.day(check.checked_at), check.rows) for check in checks[:1]],
        line=line_of(recalls),
        metrics=[(key, f"{value:.4g}") for key, value in model.manifest.get("metrics", {}).items()],
        sources=[
            (source.get("name", ""), f"{source.get('photos', 0):,} photos, {source.get('licence', '')}")
            for source in model.manifest.get("sources", [])
        ],
        report=f"{PATH}/{name}/report" if use.store.exists(Area.REPORTS, report_name(name)) else None,
    )
    return site.page("model.html", status=status, page=page)


def version_of(model: RegisteredModel, share: float | None) -> Version:
    labels: Mapping[str, Any] = model.manifest.get("labels", {})
    categories, groups = len(labels.get("categories", [])), len(labels.get("groups", []))
    parent = model.manifest.get("parent")
    return Version(
        name=model.name,
        href=f"{PATH}/{model.name}",
        state=model.state,
        registered=wording.day(model.registered_at),
        about=f"{categories} categories, {groups} attribute groups, vectors of {model.embedding_dim} numbers"
        + (f"; trained from {parent}" if parent else ""),
        figures=figures_of(model.manifest.get("metrics", {})),
        share=None if share is None else f"{100 * share:.4g} %",
    )


def figures_of(metrics: Mapping[str, float]) -> list[Figure]:
    """The headline ones: over all sources together, a line a field, the category's first."""
    found = []
    for name in sorted(metrics, key=lambda name: (name.split("/")[1:2] not in [[first] for first in FIRST], name)):
        parts, value = name.split("/"), metrics[name]
        if len(parts) != 3 or parts[0] != "all" or parts[2] not in MEASURES:
            continue
        low, high = metrics.get(f"{name}/low"), metrics.get(f"{name}/high")
        between = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
        found.append(
            Figure(
                name=f"{wording.group_name(parts[1])}, {MEASURES[parts[2]]}",
                value=f"{100 * value:.1f} %",
                range=between,
            )
        )
    return found


def line_of(recalls: Sequence[float]) -> str:
    """Recall of the last checks as the points of an SVG line, 300 wide and 60 high; 0.9 at the bottom, 1 on top."""
    if len(recalls) < 2:
        return ""
    step = 300 / (len(recalls) - 1)
    return " ".join(f"{n * step:.1f},{60 * min(1, (1 - recall) / 0.1):.1f}" for n, recall in enumerate(recalls))
