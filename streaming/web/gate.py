"""What every page of ours checks before it answers, and how it refuses.

Requests from other web sites, and names rebound to our address, are refused: a page somewhere must
not be able to use somebody's own machine. Refusals are JSON {"error", "message"}; a fault of ours
is logged with its traceback and answered with 500.
"""

import ipaddress
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

log = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob: mediastream:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(hosts: frozenset[str], explain: Callable[[web.HTTPException], str]) -> Any:
    """A middleware. `hosts`: names, besides IP addresses and localhost, that are ours; `explain`:
    words for a refusal of aiohttp's."""

    @web.middleware
    async def check(request: web.Request, handler: Answer) -> web.StreamResponse:
        try:
            _check_origin(request, hosts)
            response = await handler(request)
        except web.HTTPException as error:
            return refuse(error.status, error.reason, explain(error))
        except ConnectionError:
            raise  # nobody is there to be answered
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return refuse(500, "fault", "a fault of Vivify; the server's log has the details")
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return check


def refuse(
    status: int, error: str, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    """The JSON answer to what cannot be done."""
    body: dict[str, Any] = {"error": error.lower(), "message": message}
    return web.json_response(body, status=status, headers={**HEADERS, **(headers or {})})


async def text(request: web.Request) -> str:
    """The body as text; an HTTPException where it is none."""
    try:
        return await request.text()
    except LookupError as error:  # a charset that Python does not know
        raise web.HTTPUnsupportedMediaType from error
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest(text=f"the body cannot be read ({error})") from error


async def body(request: web.Request, most: int) -> bytes:
    """The body of an upload; HTTPRequestEntityTooLarge beyond `most` bytes."""
    parts, size = [], 0
    async for chunk in request.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)
        parts.append(chunk)
    return b"".join(parts)


def _check_origin(request: web.Request, hosts: frozenset[str]) -> None:
    """Refuse other sites (Origin) and names that were rebound to our address (Host)."""
    host = _split(f"//{request.host}").hostname or ""
    if host != "localhost" and host not in hosts and not _is_address(host):
        raise web.HTTPForbidden(
            text=f"this server does not know itself as {host[:80]!r}; open it by its IP address"
        )
    origin = request.headers.get("Origin")
    if origin is not None and _split(origin).netloc != request.host:
        raise web.HTTPForbidden(text="this request comes from another web site")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise web.HTTPForbidden(text=f"{url[:80]!r} is not an address ({error})") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
