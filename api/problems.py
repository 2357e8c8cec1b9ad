"""Errors as RFC 9457 problem details: what was wrong, and what to do."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError

from db.errors import (
    BadQuestion,
    DbError,
    NoActiveModel,
    NotEnriched,
    NotMigrated,
    NotReachable,
    UnknownListing,
)

STATUS: Mapping[type[Exception], int] = {
    BadQuestion: 422,
    UnknownListing: 404,
    NotEnriched: 409,
    NoActiveModel: 503,
    NotMigrated: 503,
    NotReachable: 503,
}


class KeyNeeded(Exception):
    """This route needs the API key, as `Authorization: Bearer KEY`."""


def install(app: FastAPI) -> None:
    """Renders every error that can be expected; what is left is a fault of the program, and a 500."""

    @app.exception_handler(DbError)
    def known(_: Request, error: DbError) -> JSONResponse:
        return problem(STATUS.get(type(error), 500), type(error).__name__, str(error))

    @app.exception_handler(OperationalError)
    def away(_request: Request, _error: OperationalError) -> JSONResponse:
        return problem(503, NotReachable.__name__, str(NotReachable()))

    @app.exception_handler(KeyNeeded)
    def unauthorised(_request: Request, _error: KeyNeeded) -> JSONResponse:
        return problem(401, KeyNeeded.__name__, str(KeyNeeded.__doc__), {"WWW-Authenticate": "Bearer"})


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )
