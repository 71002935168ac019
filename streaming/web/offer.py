"""What a browser may send us: the offer and the control messages, checked before use.

Everything here comes from outside. Whatever does not fit is a TransportError (or PackageError for
a name that is not offered) with a message for the person at the other end.
"""

import json
from dataclasses import dataclass
from typing import Any

from streaming.errors import TransportError

MAX_MESSAGE = 4096  # characters of a control message
MAX_NAME = 100
LOOK = "look"  # its value is an object, see streaming.web.look
NAMES = ("style", "avatar", "forget")  # kinds with a name as value
SWITCHES = ("mute", "camera", "follow", "learn")  # kinds with true or false
_RECEIVES, _SENDS = ("recvonly", "sendrecv"), ("sendonly", "sendrecv")
KINDS = ("ping", *NAMES, LOOK, "interrupt", *SWITCHES, "bye")


@dataclass(frozen=True, slots=True)
class Offer:
    """POST /offer."""

    sdp: str
    avatar: str | None
    style: str | None
    size: int | None
    lookahead_ms: int | None


@dataclass(frozen=True, slots=True)
class Control:
    """One message of the data channel."""

    kind: str  # one of KINDS
    value: Any  # ping: number; NAMES: str; SWITCHES: bool; LOOK: dict; others: None


def read_offer(body: Any) -> Offer:
    """From decoded JSON: {"sdp", "type": "offer", "avatar"?, "style"?, "size"?, "lookahead"?}."""
    if not isinstance(body, dict):
        raise TransportError(f"the body is a JSON {type(body).__name__}, expected an object")
    if body.get("type") != "offer":
        raise TransportError(f'"type" is {_show(body.get("type"))}, expected "offer"')
    sdp = body.get("sdp")
    if not isinstance(sdp, str) or not sdp.startswith("v=0"):
        raise TransportError('"sdp" is not a session description; send RTCPeerConnection\'s offer')
    return Offer(
        sdp=sdp,
        avatar=_optional(body, "avatar", str),
        style=_optional(body, "style", str),
        size=_optional(body, "size", int),
        lookahead_ms=_optional(body, "lookahead", int),
    )


def read_control(text: str | bytes) -> Control:
    """From a data channel message: {"type": one of KINDS, "value"?: ...}."""
    if len(text) > MAX_MESSAGE:
        raise TransportError(f"a message of {len(text)} characters; the limit is {MAX_MESSAGE}")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TransportError(f"a message that is not JSON ({error})") from error
    if not isinstance(body, dict) or body.get("type") not in KINDS:
        raise TransportError(f"a message of unknown type; send one of {', '.join(KINDS)}")
    kind, value = body["type"], body.get("value")
    if kind in NAMES and not (isinstance(value, str) and len(value) <= MAX_NAME):
        raise TransportError(f'"{kind}" needs a name as "value"')
    if kind in SWITCHES and not isinstance(value, bool):
        raise TransportError(f'"{kind}" needs true or false as "value"')
    if kind == LOOK and not isinstance(value, dict):
        raise TransportError('"look" needs an object as "value"')
    if kind == "ping" and not isinstance(value, int | float):
        raise TransportError('"ping" needs a number as "value"')
    return Control(kind, value)


def check_media(sdp: str) -> bool:
    """Whether a description offers a camera: a second video, which sends.

    Raises TransportError unless there are a video that receives, at most one sound and at most
    one camera.
    """
    media: list[list[str]] = []  # kind, direction
    for line in sdp.splitlines():
        if line.startswith("m="):
            media.append([line[2:].split(maxsplit=1)[0], "sendrecv"])
        elif media and line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"):
            media[-1][1] = line[2:]
    kinds = [kind for kind, _ in media]
    videos = [direction for kind, direction in media if kind == "video"]
    if not 1 <= len(videos) <= 2 or kinds.count("audio") > 1:
        raise TransportError(
            f"the offer has media {_show(kinds)}, expected one video to receive, at most one audio "
            "and at most one video more, the camera"
        )
    if len(videos) == 2 and (videos[0] not in _RECEIVES or videos[1] not in _SENDS):
        raise TransportError(
            f"the offer's videos are {videos}, expected first one that receives, then the camera, "
            "which sends"
        )
    return len(videos) == 2


def _optional(body: dict[str, Any], key: str, kind: type) -> Any:
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool) or len(str(value)) > MAX_NAME:
        raise TransportError(f'"{key}" is {_show(value)}, expected {kind.__name__} or nothing')
    return value


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
