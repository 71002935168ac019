"""LMD: a turned head costs nothing, a moved mouth what it moved; and as the networks see it."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import FrameError, TrackingError
from engine.eval.landmark_distance import MARKUP, Watch, distance, head, mean_face, mouth
from engine.eval.landmarks import INNER_LIPS, MOUTH, face
from engine.face.blendshapes import INDEX
from engine.face.camera import rotation
from engine.frames import Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models


def clip(jaw: list[float], turn: float = 0.0) -> np.ndarray:
    """Mira's landmarks in px of a picture of 256, as her jaw opens and her head turns."""
    weights = np.zeros((len(jaw), 52), np.float32)
    weights[:, INDEX["jawOpen"]] = jaw
    mira = face()
    places = mira.points(weights) / mira.eyes * 80
    places = (places - places.mean((0, 1))) * np.array([1, -1, -1]) @ rotation(turn, turn / 2, 3).T
    return np.asarray(places * (1 + turn / 100) + np.array([128, 120, 0]), np.float32)


def test_head_pose_counts_for_nothing() -> None:
    talk = [0.0, 0.2, 0.5, 0.3, 0.1]
    found = distance(clip(talk), clip(talk, turn=20))
    assert found.lmd < 0.01 and found.m_lmd < 0.01


def test_the_mouth_costs_what_it_moves() -> None:
    truth = clip([0.0] * 6)
    made = truth.copy()
    made[:, INNER_LIPS, 1] += 3.0
    found = distance(truth, made)
    # 8 of 68 points by 3 px: laid over the true face, all move back by the mean.
    back = 3 * 8 / 68
    assert found.lmd == pytest.approx((60 * back + 8 * (3 - back)) / 68, rel=0.05)
    assert found.m_lmd == pytest.approx((12 * back + 8 * (3 - back)) / 20, rel=0.05)
    doubled = distance(2 * truth, 2 * made, side=512)
    assert doubled.m_lmd == pytest.approx(found.m_lmd, abs=1e-4)


def test_a_later_mouth_is_farther() -> None:
    truth = clip([0.5 + 0.4 * np.sin(t / 2) for t in range(30)])
    apart = [distance(truth[4:], truth[4 - late : 30 - late]).m_lmd for late in range(5)]
    assert apart == sorted(apart) and apart[0] == 0


def test_the_mean_face_has_the_mean_size() -> None:
    truth = clip([0.0] * 4)
    scaled = truth * np.array([0.5, 1.5, 1, 1], np.float32)[:, None, None]
    deviation = [
        np.sqrt(((p - p.mean(0)) ** 2).sum(-1).mean()) for p in (mean_face(scaled), truth[0])
    ]
    assert deviation[0] == pytest.approx(deviation[1], rel=1e-4)


def test_the_markup_is_symmetrical() -> None:
    assert len(set(MARKUP)) == len(MARKUP) == 68
    # Points that lie on the middle of the face, by the 68-point markup.
    assert MARKUP[[8, 27, 30, 33, 51, 57, 62, 66]].tolist() == [152, 168, 4, 2, 0, 17, 13, 14]


def test_boxes_hold_their_points_and_stay_inside() -> None:
    points = clip([0.2])[0]
    rows, columns = mouth(points, 256, 256)
    lips = points[MOUTH]
    assert rows.start < lips[:, 1].min() and lips[:, 1].max() < rows.stop
    assert columns.start < lips[:, 0].min() and lips[:, 0].max() < columns.stop
    assert columns.stop - columns.start < 1.9 * np.ptp(lips[:, 0])
    face_rows, face_columns = head(points, 256, 256)
    assert face_rows.start < rows.start and face_columns.stop > columns.stop
    for shift in (-400, 400):
        rows, columns = mouth(points + np.float32(shift), 256, 256)
        assert 0 <= rows.start < rows.stop <= 256 and 0 <= columns.start < columns.stop <= 256


def test_landmarks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FrameError, match=r"\[T, 68, 3\]"):
        distance(clip([0.0, 0.1]), clip([0.0]))
    with pytest.raises(FrameError, match="no picture shows a face"):
        distance(clip([0.0])[:0], clip([0.0])[:0])


@pytest.fixture(scope="module")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


def test_networks_see_a_turned_head_as_the_same_and_a_talking_one_as_another(
    models: Models,
) -> None:
    theo = Renderer("theo", 256)

    def watched(jaw: float, yaw: float) -> np.ndarray:
        watch, found = Watch(models), []
        for t in range(4):
            weights, pose = np.zeros(52, np.float32), np.zeros(6, np.float32)
            weights[INDEX["jawOpen"]], pose[0] = jaw, yaw + t
            found.append(watch.see(theo.render_rgb(Motion(0, weights, pose))))
        assert watch.lost == 0
        watch.check("theo")
        return np.array(found)

    shut = watched(0.0, 0.0)
    turned, open_ = distance(shut, watched(0.0, 8.0)), distance(shut, watched(0.7, 0.0))
    assert turned.m_lmd < 1.5 < 3 < open_.m_lmd and open_.lmd < open_.m_lmd


def test_a_clip_without_faces_is_refused(models: Models) -> None:
    watch = Watch(models)
    assert watch.see(np.full((128, 128, 3), 90, np.uint8)) is None
    with pytest.raises(TrackingError, match="THEM shows no face in 1 of 1 pictures"):
        watch.check("THEM")
