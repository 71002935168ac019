"""The speech suite's result, table by table."""

from collections.abc import Mapping
from typing import Any

from engine.eval.accuracy import MOUTHS
from engine.eval.card import Section, points, share
from engine.eval.closures import DETECTORS, HEADLINE, RULES
from engine.eval.conditions import CONDITIONS
from engine.speech.phonemes import VISEMES

Result = Mapping[str, Any]
_FIGURES = {
    "phone_all": "phone all", "phone_sp": "phone sp", "vis14_all": "vis14 all",
    "vis14_sp": "vis14 sp", "vis14_off": "off-bound.", "mouth6_sp": "mouth6 sp",
    "sil_speech": "sil/speech", "closure_f1": "closure F1",
}  # fmt: skip
_RIVALS = ("phone_all", "phone_sp", "vis14_all", "vis14_sp", "mouth6_sp", "sil_speech",
           "closure_f1")  # fmt: skip


def _cells(row: Mapping[str, float], names: Any) -> tuple[str, ...]:
    return tuple(share(row.get(name, float("nan"))) for name in names)


def accuracy(result: Result, sets: Mapping[str, str]) -> Section:
    """Per set and look-ahead; below 20 ms how far other speakers could move it."""
    rows = []
    for name, about in sets.items():
        for ahead, row in result[name].items():
            rows.append(
                (f"{name} ({about})" if ahead == "0" else "", ahead, *_cells(row, _FIGURES))
            )
            if ahead == "20":
                sure = tuple(f"±{c}" for c in _cells(result["spread"][name], _FIGURES))
                rows.append(("", "", *sure))
    detector, rule = HEADLINE
    words = (
        "Speakers never trained on. sp: rows that are not silence; off-bound.: of these, rows with "
        "equal neighbours; mouth6: six mouth shapes; closure F1: runs of P, B, M found within "
        f"40 ms ({detector}, {rule}). ±: half of the 95 % interval over speakers."
    )
    return Section("Accuracy per look-ahead (ms)", words, ("set", "ms", *_FIGURES.values()),
                   tuple(rows))  # fmt: skip


def conditions(result: Result) -> Section:
    """Each condition at 20 ms, and what it costs."""
    table: Mapping[str, Mapping[str, Any]] = result["conditions"]
    head = ["condition", "limit"]
    for name in table:
        head += [f"{name} vis14 sp", "points", "closure F1", "sil/speech"]
    first = next(iter(table.values()))
    rows = []
    for condition in CONDITIONS:
        if condition.name not in first:
            continue
        limit = "" if condition.limit is None else f"-{condition.limit:.0f}"
        cells = [condition.name, limit]
        for found in table.values():
            row = found[condition.name]
            change = f"{points(row['change'])} ±{row['change_spread'] * 100:.1f}"
            cells += [share(row["vis14_sp"]), change, *_cells(row, ("closure_f1", "sil_speech"))]
        rows.append(tuple(cells))
    heard = ", ".join(f"{clips} ({name})" for name, clips in result["heard"].items())
    words = (
        f"Heard: {heard}. points: change of vis14 sp against the same clips clean; limit: what may "
        "be lost."
    )
    return Section("Noise, codec, level, room at 20 ms", words, tuple(head), tuple(rows))


def shapes(result: Result, kind: str) -> Section:
    """Recall, precision and the commonest mistakes per class; `kind`: "visemes" or "mouths"."""
    classes = VISEMES if kind == "visemes" else MOUTHS
    table = result[kind]
    head = ["class", "holds"]
    for name in table:
        head += [f"{name} recall", "precision", "taken for"]
    rows = []
    for label, members in classes.items():
        cells = [label, " ".join(members)]
        for found in table.values():
            row = found[label]
            cells += [*_cells(row, ("recall", "precision")), str(row["taken_for"])]
        rows.append(tuple(cells))
    if kind == "visemes":
        return Section("Visemes at 20 ms", "", tuple(head), tuple(rows))
    kept = ", ".join(f"{share(v)} ({name})" for name, v in result["harmless"].items())
    words = f"Of the speech rows with a wrong viseme these keep the right mouth shape: {kept}."
    return Section("Mouth shapes at 20 ms", words, tuple(head), tuple(rows))


def closures(result: Result) -> Section:
    """F1 by detector and rule."""
    rows = []
    for name, table in result["closures"].items():
        for detector in DETECTORS:
            rows.append((name if detector == DETECTORS[0] else "", detector,
                         *_cells(table[detector], RULES)))  # fmt: skip
    words = (
        "F1 of one-to-one pairs within 40 ms. viseme: PP is the likeliest; sum: P + B + M > .5; "
        "head: the closure output > .5. centre, onset: of the runs; span: their nearest rows."
    )
    return Section("Lip closures at 20 ms", words, ("set", "detector", *RULES), tuple(rows))


def baselines(result: Result) -> Section:
    """Every ear on the same rows."""
    rows = []
    for name, table in result["baselines"].items():
        for ear, row in table.items():
            cells = _cells(row, (*_RIVALS, "opening"))
            rows.append((name if ear == "this model" else "", ear, *cells))
    head = ("set", "ear", *(_FIGURES[name] for name in _RIVALS), "opening r")
    words = (
        "The same rows. LDA: five mel rows, the newest 20 ms ahead; RMS: 40 ms; both fitted on "
        f"{result['fitted_on']}. allphone: pocketsphinx, hears the whole clip first, and its "
        "acoustic model made the labels. opening r: with the openness of the labels."
    )
    return Section("Baselines", words, head, tuple(rows))


def prosody(result: Result) -> Section:
    """Voicing and energy, clean and in noise."""
    rows = []
    for name, table in result["prosody"].items():
        for condition, row in table.items():
            cells = _cells(row, ("voicing", "energy_r", "energy_error", "mel_r", "mel_error"))
            rows.append((name if condition == "clean" else "", condition, *cells))
    words = (
        "voicing: share of rows right. energy: against the clean clip at -25 dBFS (natural log), "
        "as the model says and as the mean of the sound's own mel row."
    )
    head = ("set", "condition", "voicing", "energy r", "error", "mel r", "error")
    return Section("Voicing and energy at 20 ms", words, head, tuple(rows))


def voice(result: Result) -> Section:
    """When speech is known, by the fused gate and by the better of its witnesses."""
    table: Mapping[str, Result] = result["voice"]
    shares = ("audible_in_60", "lost", "open")
    rows = []
    for name, found in table.items():
        for n, (condition, row) in enumerate(found["conditions"].items()):
            fused, alone, raw = (row[d] for d in ("fused", "silence posterior", "webrtcvad 2"))
            times = (f"{fused['known_p50_ms']:.0f}", f"{fused['known_p90_ms']:.0f}")
            bare = tuple(share(r[k]) for r in (alone, raw) for k in ("known_in_60", "lost", "open"))
            cells = (share(fused["known_in_60"]), *times, *_cells(fused, shares), *bare)
            rows.append(("" if n else name, condition, *cells))
    witness = ("in 60", "lost", "open")
    head = ("set", "noise", "in 60", "known ms p50", "p90", "audible in 60", "lost", "open",
            *(f"posterior {w}" for w in witness), *(f"webrtcvad {w}" for w in witness))  # fmt: skip
    onsets = ", ".join(
        f"{found['onsets']} onsets in {found['seconds']:.0f} s ({name})"
        for name, found in table.items()
    )
    words = (
        f"{onsets}. known: from the labelled onset to "
        "the newest sample heard when speech is known; in 60: within 60 ms; audible: from where "
        "the onset stands above the noise; lost: speech rows shut out; open: rows far from speech "
        "let in. Fused gate, then the silence posterior and webrtcvad (mode 2) alone."
    )
    return Section("Voice activity", words, head, tuple(rows))


def events(result: Result) -> Section:
    """Sounds that are no speech."""
    names = ("webrtcvad 2", "silence posterior", "fused", "mouth", "jaw")
    rows = []
    for name, found in result["voice"].items():
        for n, (kind, row) in enumerate(found["events"].items()):
            rows.append(("" if n else name, f"{kind} ({row['count']})", *_cells(row, names)))
    words = (
        "Share of events in pauses that set each detector off, that leave a row with more than "
        "half its mass outside silence (mouth) and that open the drawn jaw."
    )
    return Section("Clicks and breath", words, ("set", "event", *names), tuple(rows))


def mandarin(result: Result) -> Section:
    """The jaw of FACEGOOD."""
    rows = []
    for name, row in result["mandarin"].items():
        clips = tuple(share(v) for k, v in row.items() if k.startswith("r_at_0 "))
        rows.append((name, share(row["r_at_0"]), share(row["r"]), f"{row['lag_ms']:.0f}", *clips))
    first = next(iter(result["mandarin"].values()))
    clips = tuple(k.removeprefix("r_at_0 ") for k in first if k.startswith("r_at_0 "))
    words = "Pearson's r with the recorded jaw; the clips at zero lag."
    return Section("Mandarin (FACEGOOD), 20 ms", words, ("curve", "r", "best r", "lag ms", *clips),
                   tuple(rows))  # fmt: skip


def cost(result: Result) -> Section:
    """CPU and bytes."""
    row = result["cost"]
    head = tuple(name.replace("_", " ") for name in row)
    cells = tuple(f"{value:.3f}" for value in row.values())
    return Section("Cost per 20 ms step, one core, CPU ms", "", head, (cells,))
