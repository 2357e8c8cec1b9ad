"""Errors as RFC 9457 problem details: what was wrong, and what to do. Every answer of 400 and above is one."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from api.errors import ApiError
from db.errors import (
    BadQuestion,
    DbError,
    ImportCancelled,
    ImportFinished,
    NoActiveModel,
    NoForecast,
    NotEnriched,
    NotMigrated,
    NotReachable,
    OtherVersionActive,
    UnknownCatalogue,
    UnknownImport,
    UnknownListing,
    UnknownModelVersion,
)
from store import StoreError
from vision.errors import VisionError
from vision.preprocess import PhotoError, PhotoFault

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[Exception], int] = {
    BadQuestion: 422,
    UnknownCatalogue: 404,
    UnknownListing: 404,
    UnknownImport: 404,
    UnknownModelVersion: 404,
    NotEnriched: 409,
    ImportCancelled: 409,
    ImportFinished: 409,
    NoForecast: 409,
    OtherVersionActive: 409,
    NoActiveModel: 503,
    NotMigrated: 503,
    NotReachable: 503,
}
STATUS_OF_FAULT: Mapping[PhotoFault, int] = {
    PhotoFault.TOO_LARGE: 413,
    PhotoFault.NOT_AN_IMAGE: 415,
    PhotoFault.UNSUPPORTED_FORMAT: 415,
    PhotoFault.UNSUPPORTED_MODE: 415,
}
ADVICE: Mapping[int, str] = {
    400: "The body cannot be read: send what its Content-Type says, JSON in UTF-8 or a whole multipart form.",
    404: "There is no such route; /docs lists them all.",
    405: "This route does not take the method {method}; the header Allow names what it takes.",
}
NO_NUMBER = "write a number with a point, such as 12.5"
ADVICE_OF_FAULT: Mapping[str, str] = dict.fromkeys(
    ("decimal_parsing", "decimal_type", "float_parsing", "float_type"), NO_NUMBER
)
FAILED = "The API failed at this request, and it is not the request's fault; the log of the API says why."
BUSY = "The API is busy: no connection to PostgreSQL was free in time. Ask again in a moment."


def install(app: FastAPI) -> None:
    """Renders every error, expected or not. What is not expected is logged by the server as well."""
    handlers: Mapping[type[Exception], Any] = {
        ApiError: of_api,
        DbError: of_db,
        PhotoError: of_photo,
        VisionError: of_vision,
        StoreError: of_store,
        OperationalError: lambda _, __: problem(503, "NotReachable", str(NotReachable())),
        PoolTimeout: lambda _, __: problem(503, "Busy", BUSY, headers={"Retry-After": "1"}),
        DBAPIError: lambda _, __: problem(500, "InternalError", FAILED),
        RequestValidationError: of_validation,
        HTTPException: of_http,
        Exception: lambda _, __: problem(500, "InternalError", FAILED),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def problem(
    status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """`kind`: a CamelCase name, stable, which becomes the problem's type and title."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return JSONResponse(
        {
            "type": f"urn:modiste:problem:{words.replace(' ', '-')}",
            "title": words.capitalize(),
            "status": status,
            "detail": detail,
            **more,
        },
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def of_api(_: Request, error: ApiError) -> JSONResponse:
    return of_error(error)


def of_error(error: ApiError) -> JSONResponse:
    more = {"reason": error.reason} if error.reason else {}
    return problem(error.status, type(error).__name__, str(error), headers=error.answer_headers(), **more)


def of_db(_: Request, error: DbError) -> JSONResponse:
    # The driver's words have the server's address in them, which is for `modiste doctor` and not for whoever asks.
    detail = str(NotReachable()) if isinstance(error, NotReachable) else str(error)
    return problem(STATUS.get(type(error), 500), type(error).__name__, detail)


def of_photo(_: Request, error: PhotoError) -> JSONResponse:
    return problem(STATUS_OF_FAULT.get(error.fault, 422), "PhotoError", str(error), reason=error.fault)


def of_vision(_: Request, error: VisionError) -> JSONResponse:
    return problem(503, "ModelDoesNotRun", f"{error} (`modiste doctor` says more.)")


def of_store(_: Request, error: StoreError) -> JSONResponse:
    """Without the error's own words, which name the place of the store."""
    return problem(503, type(error).__name__, "The store does not have or take what this needs; see `modiste doctor`.")


def of_validation(_: Request, error: RequestValidationError) -> JSONResponse:
    came = list(error.body) if isinstance(error.body, FormData) else None
    faults = [fault_of(fault, came) for fault in error.errors()]
    return problem(422, "BadRequest", " ".join(sentence(fault) for fault in faults), errors=faults)


def fault_of(fault: Mapping[str, Any], came: Sequence[str] | None = None) -> dict[str, str]:
    """Pydantic's fault as where it is (query, path, body), the parameter's name and what is wrong with it.

    `came`: of a form, the fields that it has.
    """
    if fault["type"] == "json_invalid":
        return {"in": "body", "name": "", "detail": f"JSON cannot be read at character {fault['loc'][-1]}"}
    where, *path = [str(part) for part in fault["loc"]] or ["request"]
    detail = ADVICE_OF_FAULT.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")
    if came is not None and (fault["type"] == "missing" or detail.startswith("Expected UploadFile")):
        detail = needed_file(path[-1], came)
    return {"in": where, "name": ".".join(path)[:200], "detail": detail}


def needed_file(field: str, came: Sequence[str]) -> str:
    """Only files are needed in forms; all else in them may be left out."""
    others = [repr(name[:100]) for name in came[:5] if name != field]
    instead = f"; what came instead is in {', '.join(others)}" if others and field not in came else ""
    return f"the file goes into the field {field!r}, as curl -F {field}=@FILE sends it{instead}"


def sentence(fault: Mapping[str, str]) -> str:
    named = f"{fault['name']} ({fault['in']})" if fault["name"] else f"The {fault['in']}"
    detail = re.sub(r"^[A-Z](?![A-Z])", lambda first: first[0].lower(), fault["detail"])
    return f"{named}: {detail}" if detail.endswith(("?", ".")) else f"{named}: {detail}."


def of_http(request: Request, error: HTTPException) -> JSONResponse:
    """What the framework says: unknown routes, methods, bodies it cannot take apart."""
    kind = HTTPStatus(error.status_code).phrase.title().replace(" ", "").replace("-", "")
    detail = ADVICE.get(error.status_code, str(error.detail)).format(method=request.method)
    return problem(error.status_code, kind, detail, headers=with_head(error.headers or {}))


def with_head(headers: Mapping[str, str]) -> dict[str, str]:
    """HEAD is answered wherever GET is (`api.heads`), which the router does not know."""
    return {
        name: re.sub(r"\bGET\b", "GET, HEAD", value) if name == "Allow" else value for name, value in headers.items()
    }


def documented(*statuses: int, text: str | None = None) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: what else it may answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": text or HTTPStatus(status).phrase, "content": content} for status in statuses}
