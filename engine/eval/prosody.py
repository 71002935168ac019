"""Voicing and energy as the model hears them, against the labels and the clean clip.

Voicing: share of rows in which "voiced" (probability > .5) agrees with the phone of the label.
Energy: Pearson's r and mean absolute error (natural log) against the mean of the clean clip's
log-mel row at -25 dBFS, clean and under noise, with the loudness of the sound itself beside it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from engine.eval.conditions import noisy, seed_of
from engine.eval.rows import Clip, hear_mel, mel_of
from engine.frames import F32
from engine.speech.phonemes import INDEX, PHONES
from engine.speech.ppg import PPG

SNR_DB = 10.0
_VOICELESS = [INDEX[phone] for phone in "SIL CH F HH K P S SH T TH".split()]
_VOICED = ~np.isin(np.arange(len(PHONES)), _VOICELESS)


def measure(clips: Sequence[Clip], model: Path) -> dict[str, dict[str, float]]:
    """Figures by condition."""
    ppg = PPG(20, model)
    return {
        "clean": _measure(clips, ppg, None),
        f"coloured noise {SNR_DB:.0f} dB": _measure(clips, ppg, SNR_DB),
    }


def _measure(clips: Sequence[Clip], ppg: PPG, snr_db: float | None) -> dict[str, float]:
    voiced, energy, truth, sound = [], [], [], []
    for clip in tqdm(clips, desc="prosody", leave=False):
        clean, mel = mel_of(clip.pcm), mel_of(clip.pcm)
        if snr_db is not None:
            mel = mel_of(noisy(clip.pcm, seed_of(clip.recording.id), "coloured", snr_db))
        heard = hear_mel(mel, ppg)
        voiced.append((heard.voicing > 0.5) == _VOICED[clip.labels])
        energy.append(heard.energy)
        truth.append(_mean_row(clean, len(clip.labels)))
        sound.append(_mean_row(mel, len(clip.labels)))
    said, wanted = np.concatenate(energy), np.concatenate(truth)
    raw = np.concatenate(sound)
    return {
        "voicing": float(np.concatenate(voiced).mean()),
        "energy_r": float(np.corrcoef(said, wanted)[0, 1]),
        "energy_error": float(np.abs(said - wanted).mean()),
        "mel_r": float(np.corrcoef(raw, wanted)[0, 1]),
        "mel_error": float(np.abs(raw - wanted).mean()),
    }


def _mean_row(mel: F32, rows: int) -> F32:
    return np.asarray(mel[0, 1 : 1 + rows].mean(1), np.float32)
