"""What training hears is what the decoder of the live line is given, row for row."""

import numpy as np

from engine import offline
from engine.eval.recordings import bundled, levelled
from engine.frames import SAMPLE_RATE
from engine.line import Row
from engine.runtime import ASSETS, load
from engine.speech.phonemes import INDEX
from engine.train.lessons import hear


def test_hearing_is_the_grid_of_the_live_line() -> None:
    speech = levelled(bundled()[0].pcm())[: 2 * SAMPLE_RATE]
    hush = np.zeros(SAMPLE_RATE, np.float32)
    pcm = np.concatenate([hush, speech, hush])
    heard = hear(pcm, load(ASSETS / "ppg.onnx"))
    blocks = [(pcm, SAMPLE_RATE)]
    rows: dict[int, Row] = {r.start: r for out in offline.perform(blocks) for r in out.rows}
    # Tick n holds the rows labelled 640 n - 360 and 640 n - 40; row k is labelled 320 k + 280.
    for tick in range(1, len(heard.prosody) - 1):
        for half in (0, 1):
            row = rows.get(640 * tick - 360 + 320 * half)
            if row is None:  # before the sound
                continue
            ppg = heard.ppg[1, tick, 40 * half : 40 * half + 40]
            np.testing.assert_allclose(ppg, row.spoken.posteriors[0, 0], atol=1e-4)
            closure, voicing, energy = heard.aux[1, tick, 3 * half : 3 * half + 3]
            np.testing.assert_allclose(closure, row.heard.closure[0, 0], atol=1e-4)
            np.testing.assert_allclose(voicing, row.heard.voicing[0, 0], atol=1e-4)
            np.testing.assert_allclose(energy, row.heard.energy[0, 0], atol=1e-3)
            prosody = heard.prosody[tick, 6 * half : 6 * half + 6]
            np.testing.assert_allclose(prosody, row.prosody[0], atol=1e-4)


def test_rows_before_the_session_are_silence() -> None:
    heard = hear(np.zeros(6400, np.float32), load(ASSETS / "ppg.onnx"))
    assert heard.ppg.shape == (3, 10, 80) and heard.aux.shape == (3, 10, 6)
    assert (heard.ppg[:, 0, INDEX["SIL"]] == 1).all()
    assert (heard.aux[:, 0, :2] == 0).all()
