"""Every error a caller may want to catch.

VivifyError
    AudioError           sound that cannot be used: empty, NaN, wrong shape, undecodable file
    FrameError           a Motion or Video of the wrong shape
    PackageError         an avatar package or .style file that is broken or hostile
    TrackingError        pictures or a motion clip from which no motion can be taken
    WeightsError         model weights that are missing, or do not fit this version
    RuntimeUnavailable   an optional part (GPU, torch, tracker) is asked for and absent

`streaming.errors` adds SessionClosed and TransportError. Messages say what was found, what was
expected and what to do.
"""


class VivifyError(Exception):
    """Root of the tree."""


class AudioError(VivifyError, ValueError):
    """Sound that cannot be used."""


class FrameError(VivifyError, ValueError):
    """A Motion or Video of the wrong shape."""


class PackageError(VivifyError):
    """An avatar package or .style file that is broken or hostile."""


class TrackingError(VivifyError):
    """Pictures or a motion clip from which no motion can be taken."""


class WeightsError(VivifyError):
    """Model weights that are missing or do not fit."""


class RuntimeUnavailable(VivifyError):  # noqa: N818 - a condition, named as in the design
    """An optional part is asked for and absent."""
