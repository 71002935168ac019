"""On real, kept-back people the tracker agrees with MediaPipe's own tracks."""

from pathlib import Path

import numpy as np
import pytest

from engine.face.blendshapes import INDEX
from engine.tracker.models import FACE_MODEL, Models
from engine.tracker.tracker import Tracker
from streaming.sources.pictures import pictures

pytestmark = pytest.mark.data


@pytest.mark.parametrize(("bundle", "least"), [(True, 0.97), (False, 0.85)])
def test_jaw_and_head_follow(data_dir: Path, models: Models, bundle: bool, least: float) -> None:
    face_model = data_dir / "face" / FACE_MODEL
    tracker = Tracker(Models.load(None, face_model) if bundle else models)
    stem = data_dir / "motion" / "address" / "ob_4"
    state, rows = tracker.init_state(), []
    for rgb, start in pictures(stem.with_suffix(".mp4")):
        tracked, state = tracker.step(rgb, start, state)
        assert tracked is not None
        rows.append((start / 16000, tracked.weights[INDEX["jawOpen"]], tracked.pose[0]))
    times, jaw, yaw = np.array(rows).T
    with np.load(stem.with_suffix(".npz")) as arrays:
        names = [str(name) for name in arrays["trk_names"]]
        moments, bs = arrays["trk_t"], arrays["trk_bs52"]
        ahead = arrays["trk_head"][:, :3, 2]
    true = np.interp(times, moments, bs[:, names.index("jawOpen")])
    turned = np.interp(times, moments, np.degrees(np.arctan2(ahead[:, 0], ahead[:, 2])))
    assert np.corrcoef(jaw, true)[0, 1] > least
    assert np.corrcoef(yaw, turned)[0, 1] > 0.9
