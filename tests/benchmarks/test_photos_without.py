"""Pieces are left out within a block alone; points inside a closed mesh are told from those outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from benchmarks.photos import carved
from benchmarks.photos.ablation import FITS, STEREO
from benchmarks.photos.without import PIECES, SETTINGS, left_out
from neurfield.ops.depth_fusion import DepthVotes
from neurfield.stereo import StereoSettings, stages, stereo_settings


def state() -> tuple[object, ...]:
    """What the pieces exchange."""
    from neurfield.stereo.pictures import ScenePictures

    defaults = StereoSettings.__init__.__defaults__
    presets = [stereo_settings(name) for name in ("quick", "default", "best")]
    return stages.sweep_depth, DepthVotes.is_free, ScenePictures.with_gain, defaults, presets


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_is_back_after_its_block(piece: str) -> None:
    before = state()
    with pytest.raises(KeyError), left_out(piece):
        assert (state() != before) == (piece != "")
        raise KeyError
    assert state() == before


@pytest.mark.parametrize("piece", SETTINGS)
def test_settings_lack_the_piece_however_they_are_asked_for(piece: str) -> None:
    with left_out(piece):
        for settings in (StereoSettings(), stereo_settings("default"), stereo_settings("best")):
            assert {name: getattr(settings, name) for name in SETTINGS[piece]} == SETTINGS[piece]
        assert StereoSettings(planes=32).planes == 32
    assert StereoSettings() == stereo_settings("default")


def test_one_view_is_enough_without_votes() -> None:
    votes = DepthVotes(torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([0.0, 0.0, 3.0, 1.0]), None)
    assert votes.is_free().tolist() == [False, False, False, True]
    with left_out("votes"):
        assert votes.is_free().tolist() == [False, True, True, True]


def test_tables_name_pieces_that_are_there() -> None:
    assert set(STEREO) <= set(PIECES) and {left.piece for left in FITS.values()} <= set(PIECES)
    with pytest.raises(ValueError, match="unknown piece"), left_out("nothing"):
        pass


def test_points_in_the_material_of_a_cup_are_inside() -> None:
    outline = [[0, 0], [0.05, 0], [0.05, 0.1], [0.046, 0.1], [0.046, 0.004], [0, 0.004]]
    cup = trimesh.creation.revolve(outline, sections=64)
    cup.apply_translation([3.0, -2.0, 5.0])
    points = np.random.default_rng(0).uniform(*cup.bounds, size=(4000, 3))
    x, y, z = (points - [3.0, -2.0, 5.0]).T
    radius = np.hypot(x, y)
    clear = (np.abs(radius - 0.05) > 2e-4) & (np.abs(radius - 0.046) > 2e-4)  # of the facets
    expected = (radius < 0.05) & ((radius > 0.046) | (z < 0.004))
    assert (carved.within(cup, points) == expected)[clear].all() and expected.sum() > 300
