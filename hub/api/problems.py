"""Errors as RFC 9457 problem details: a stable `type`, a title in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hub.errors import ContractError, HubError

MEDIA_TYPE = "application/problem+json"
_PERSIAN, _ENGLISH = "fa", "en"


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem: its HTTP status, and title and advice in both languages."""

    status: int
    title_fa: str
    title_en: str
    advice_fa: str
    advice_en: str


KINDS: dict[str, Kind] = {
    "not-found": Kind(
        404,
        "پیدا نشد",
        "Not found",
        "نشانی یا شناسه را بررسی کنید.",
        "Check the address or the id.",
    ),
    "method-not-allowed": Kind(
        405,
        "این روش مجاز نیست",
        "Method not allowed",
        "این نشانی فقط روش‌های نوشته‌شده در سرآیند Allow را می‌پذیرد.",
        "This address takes only the methods of the Allow header.",
    ),
    "invalid-parameter": Kind(
        422,
        "پارامتر نادرست",
        "Invalid parameter",
        "پارامترهای نام‌برده را درست کنید.",
        "Correct the parameters that are named.",
    ),
    "bad-cursor": Kind(
        400,
        "مکان‌نمای نادرست",
        "Bad cursor",
        "مقدار next صفحه پیش را بی‌تغییر و با همان پالایه‌ها به کار ببرید، یا از آغاز شروع کنید.",
        "Use `next` of the page before unchanged and with the same filters, or begin again.",
    ),
    "forbidden": Kind(
        403,
        "اجازه ندارید",
        "Forbidden",
        "تا زمانی که ورود کاربران فراهم نیست، فقط همین رایانه می‌تواند بخواند.",
        "While there is no sign-in, only this machine may read.",
    ),
    "misdirected": Kind(
        421,
        "میزبان ناشناخته",
        "Unknown host",
        "با نام localhost یا نشانی 127.0.0.1 درخواست کنید.",
        "Ask by the name localhost or the address 127.0.0.1.",
    ),
    "bad-request": Kind(
        400,
        "درخواست نادرست",
        "Bad request",
        "درخواست را درست کنید.",
        "Correct the request.",
    ),
    "not-ready": Kind(
        503,
        "هنوز آماده نیست",
        "Not ready",
        "کمی بعد دوباره بپرسید؛ ‎/readyz می‌گوید چه چیزی کم است.",
        "Ask again in a moment; /readyz says what is missing.",
    ),
    "internal": Kind(
        500,
        "خطای درونی",
        "Internal error",
        "این خطای سامانه است، نه شما؛ گزارش کارگزار API آن را دارد.",
        "The fault is the hub's, not yours; the API's log has it.",
    ),
}
_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 403: "forbidden"}


class ProblemError(Exception):
    """Raised by a route to answer with a problem; `detail` adds to the kind's advice."""

    def __init__(self, name: str, detail: str = "", **more: Any) -> None:
        self.name = name
        self.detail = detail
        self.more = more
        super().__init__(f"{name}: {detail}")


def response(
    accept_language: str, name: str, detail: str = "", *, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the answer for a problem in the language that the reader prefers."""
    kind, language = KINDS[name], preferred(accept_language)
    persian = language == _PERSIAN
    advice = kind.advice_fa if persian else kind.advice_en
    body = {
        "type": f"/help/problems/{name}",
        "title": kind.title_fa if persian else kind.title_en,
        "status": kind.status,
        "detail": f"{detail} {advice}".strip(),
        **more,
    }
    told = {"Content-Language": language, "Vary": "Accept-Language", **(headers or {})}
    return JSONResponse(body, kind.status, told, media_type=MEDIA_TYPE)


def preferred(accept_language: str) -> str:
    """Return `fa` or `en`, whichever an Accept-Language header weighs more; `en` where it says neither."""
    weights = {_PERSIAN: 0.0, _ENGLISH: 0.001}
    for part in accept_language.lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0].strip()
        if language in weights:
            weights[language] = max(weights[language], _number(weight))
    return max(weights, key=lambda each: weights[each])


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ContractError, _broken)
    app.add_exception_handler(HubError, _failed)
    app.add_exception_handler(Exception, _bug)


def language_of(request: Request) -> str:
    """Return the request's Accept-Language header."""
    return request.headers.get("accept-language", "")


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this type only
    return response(language_of(request), error.name, error.detail, **error.more)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    name = _BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal")
    return response(language_of(request), name, headers=dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    faults = [
        {"name": str(each["loc"][-1]), "in": str(each["loc"][0]), "why": str(each["msg"])}
        for each in error.errors()
    ]
    told = " ".join(f"{each['name']}: {each['why']}." for each in faults)
    return response(language_of(request), "invalid-parameter", told, parameters=faults)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    return response(language_of(request), "invalid-parameter", str(error))


async def _failed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HubError)  # noqa: S101 - registered for this type only
    structlog.get_logger().warning("request failed", path=request.url.path, error=str(error))
    name = "not-ready" if error.retriable else "internal"
    return response(language_of(request), name)


async def _bug(request: Request, error: Exception) -> JSONResponse:
    structlog.get_logger().error("request failed", path=request.url.path, exc_info=error)
    return response(language_of(request), "internal")


def _number(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
