"""What can go wrong at the edges; both are VivifyErrors, so one `except` catches the whole engine.

VivifyError (engine.errors)
    SessionClosed     the session has ended; start another one
    TransportError    a peer, device, port or file on the far side cannot be used
"""

from engine.errors import VivifyError


class SessionClosed(VivifyError):  # noqa: N818 - a condition, named as in the design
    """The session has ended."""


class TransportError(VivifyError):
    """A peer, device, port or output file cannot be used."""
