"""`python -m tests.golden.speech.regenerate --data DIR`: cut the ten clips from the data folder.

Each clip is the beginning of one utterance of a kept-out speaker, cut in a pause (or, without a
pause, at a phone boundary) so that ten fit into 2 MB.
"""

import argparse
import json
from pathlib import Path

import soundfile

from engine.eval.recordings import kept_out, read_sound
from engine.frames import MEL_HOP, SAMPLE_RATE

HERE = Path(__file__).parent
IDS = (
    "103-1240-0000", "1743-142912-0000", "1963-142393-0000", "2414-128291-0004",
    "441-128982-0000", "445-123857-0000", "458-126290-0000", "4640-19187-0000",
    "6531-61334-0000", "8123-275193-0000",
)  # fmt: skip
LONGEST = 1150  # frames of 10 ms


def _cut(phones: list[list]) -> int:
    """Frames to keep."""
    end = phones[-1][1] + phones[-1][2]
    if end <= LONGEST:
        return end
    pauses = [s + d // 2 for n, s, d in phones if n == "SIL" and d >= 6 and 700 < s < LONGEST - 20]
    return pauses[-1] if pauses else max(s for _, s, _ in phones if s <= LONGEST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    speech = parser.parse_args().data / "speech"
    rows = [json.loads(line) for line in (speech / "librispeech.jsonl").read_text().splitlines()]
    lines = []
    for row in rows:
        if row["id"] not in IDS:
            continue
        assert kept_out("librispeech", row["speaker"]), f"{row['id']} is trained on"
        frames = _cut(row["phones"])
        kept = [[n, s, min(d, frames - s)] for n, s, d in row["phones"] if s < frames]
        pcm = read_sound(speech / row["audio"])
        if frames < row["phones"][-1][1] + row["phones"][-1][2]:
            pcm = pcm[: frames * MEL_HOP]
        name = f"{row['id']}.flac"
        soundfile.write(HERE / name, pcm, SAMPLE_RATE, subtype="PCM_16", compression_level=1.0)
        lines.append(json.dumps({
            "id": row["id"], "speaker": row["speaker"], "audio": name,
            "seconds": round(len(pcm) / SAMPLE_RATE, 3), "text": row["text"],
            "text_source": row["text_source"], "phones": kept,
        }))  # fmt: skip
    assert len(lines) == len(IDS)
    (HERE / "clips.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
