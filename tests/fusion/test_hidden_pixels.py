"""What a mask says is not to be looked at has no part in the alignment of priors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.fusion import align_priors
from neurfield.fusion.image_points import ImagePoints, ImageSearch
from neurfield.fusion.prior_model import PARAMETERS, Meaning
from neurfield.fusion.prior_pairs import draw_pairs
from neurfield.fusion.prior_views import PriorViews
from neurfield.points.prior_maps import face_on
from neurfield.scenes import Scene
from neurfield.scenes.box import box_around_cameras
from neurfield.scenes.images import FileList
from tests.fusion.painted_room import FRAMES, ROOM, SIZE, painted_room

HIDDEN = (slice(40, 130), slice(70, 170))  # rows and columns of a visitor, whom some of the frames show
VISITED = range(0, FRAMES, 2)


@pytest.fixture(scope="module")
def room() -> tuple[Scene, list[np.ndarray]]:
    return painted_room()


def with_visitor(scene: Scene, seed: int, masked: bool = True) -> Scene:
    """A visitor of another look and another distance in each frame."""
    random = np.random.default_rng(seed)
    looks = {i: random.integers(0, 256, (*SIZE, 3), dtype=np.uint8) for i in VISITED}
    away = {i: random.uniform(size=SIZE).astype(np.float32) for i in VISITED}

    def image(path: Path) -> np.ndarray:
        i, picture = int(path.stem), np.array(scene.image(int(path.stem)))
        if i in looks:
            picture[HIDDEN] = looks[i][HIDDEN]
        return picture

    def prior(path: Path) -> np.ndarray:
        i = int(path.stem)
        depth = np.array(scene.prior_depth(i))
        low, high = depth.min(), depth.max()
        if i in away:
            depth[HIDDEN] = (low + (high - low) * away[i])[HIDDEN]
        depth[0, 0], depth[0, 1] = low, high
        return depth

    def mask(path: Path) -> np.ndarray:
        shown = np.ones(SIZE, dtype=bool)
        shown[HIDDEN] = False
        return shown

    names = scene.files["image"].paths
    files = {"image": FileList(names, image), "prior_depth": FileList(names, prior)}
    if masked:
        some = [path if i in VISITED else None for i, path in enumerate(names)]
        files["mask"] = FileList(some, mask)
    return Scene("visited", scene.path, scene.cameras, files, kind="inside", mask_says="valid")


def found(scene: Scene, true: list[np.ndarray]) -> tuple[ImagePoints, ImagePoints]:
    """Points where the true depth is the guess."""
    depth = torch.from_numpy(np.stack(true)).float()

    def guess(image: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
        pixel = (uv * torch.tensor([SIZE[1], SIZE[0]])).long()
        return depth[image, pixel[:, 1], pixel[:, 0]]

    search = ImageSearch(scene, PriorViews.of(scene))
    return search.coarse(guess), search.fine(guess)


def test_points_are_found_as_if_nothing_stood_there(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = room
    for one, other in zip(found(with_visitor(scene, 1), true), found(with_visitor(scene, 2), true)):
        assert len(one) > 2 * FRAMES
        assert torch.equal(one.image, other.image) and torch.equal(one.uv, other.uv)
        assert torch.equal(one.depth, other.depth)
        column, row = (one.uv * torch.tensor([SIZE[1], SIZE[0]])).unbind(1)
        under = (row > 40) & (row < 130) & (column > 70) & (column < 170)
        assert not (under & (one.image % 2 == 0)).any() and (under & (one.image % 2 == 1)).any()


def test_pairs_see_nothing_of_it(room: tuple[Scene, list[np.ndarray]]) -> None:
    values = torch.zeros(FRAMES, PARAMETERS)
    values[:, :2] = torch.tensor([1.0, 5.0]).log()
    everywhere = torch.ones(FRAMES, FRAMES)
    one, other, whole = (
        draw_pairs(
            PriorViews.of(with_visitor(room[0], seed, masked)),
            Meaning(values),
            everywhere,
            torch.Generator().manual_seed(0),
            0.05,
        )
        for seed, masked in ((1, True), (2, True), (1, False))
    )
    assert torch.equal(one.valid, other.valid)
    assert torch.equal(one.residual[one.valid], other.residual[one.valid])
    assert 0.02 < one.valid.float().mean() < 0.9 * whole.valid.float().mean()


def test_the_box_knows_nothing_of_it(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, _ = room
    boxes = [
        align_priors(with_visitor(scene, seed), box_around_cameras(scene.cameras)).box() for seed in (1, 2)
    ]
    assert np.abs(boxes[0] - boxes[1]).max() < 0.02 and np.abs(boxes[0] - ROOM).max() < 0.35


def with_holes(scene: Scene, seed: int) -> Scene:
    """The scene with priors that are 0, which is none, in a part of some frames."""
    random = np.random.default_rng(seed)
    corners = {i: (int(random.integers(0, 60)), int(random.integers(0, 100))) for i in VISITED}

    def prior(path: Path) -> np.ndarray:
        depth = np.array(scene.prior_depth(int(path.stem)))
        if int(path.stem) in corners:
            row, column = corners[int(path.stem)]
            depth[row : row + 40, column : column + 60] = 0.0
        return depth

    return scene.with_files({"prior_depth": FileList(scene.files["prior_depth"].paths, prior)})


def test_a_prior_of_zero_is_none(room: tuple[Scene, list[np.ndarray]]) -> None:
    scene, true = room
    holed = with_holes(scene, 4)
    views, whole = PriorViews.of(holed), PriorViews.of(scene)
    aligned = align_priors(holed, box_around_cameras(holed.cameras))
    errors = []
    for i in range(FRAMES):
        prior = np.array(holed.prior_depth(i))
        assert float(views.low[i]) == prior[prior != 0].min()
        rows, columns = (index[::97] for index in np.nonzero(prior == 0.0))
        uv = torch.from_numpy(np.stack([(columns + 0.5) / SIZE[1], (rows + 0.5) / SIZE[0]], axis=1)).float()
        assert not views.shows(torch.full((len(uv),), i), uv).any()
        assert float(views.shown[i].float().mean()) > 0.5
        depth = aligned.depth(i, prior)
        assert np.array_equal(depth == 0.0, prior == 0.0)
        errors.append(np.abs(depth.numpy() - true[i])[prior != 0].mean())
    assert np.median(errors) < 0.01
    assert torch.equal(views.x[1], whole.x[1]) and views.shown[1].all()


def test_depth_of_zero_weighs_nothing(room: tuple[Scene, list[np.ndarray]]) -> None:
    depth = torch.from_numpy(np.stack([np.where(np.arange(SIZE[1]) < 40, 0.0, room[1][0])])).float()
    weights = face_on(depth, np.array([300.0]))
    assert torch.isfinite(weights).all() and not weights[depth == 0].any() and float(weights.max()) > 0.9


def test_a_prior_that_is_zero_everywhere_takes_no_part_and_nothing_can_be_done_with_none(
    room: tuple[Scene, list[np.ndarray]],
) -> None:
    scene = room[0]
    listed = scene.files["prior_depth"]

    def prior(path: Path) -> np.ndarray:
        return np.zeros(SIZE, np.float32) if path.stem == "3" else np.array(listed.read(path))

    spoilt = scene.with_files({"prior_depth": FileList(listed.paths, prior)})
    shown = PriorViews.of(spoilt).shown
    assert not shown[3].any() and all(bool(one.any()) for i, one in enumerate(shown) if i != 3)
    nothing = FileList(listed.paths, lambda path: np.zeros(SIZE, np.float32))
    with pytest.raises(UserError, match="no frame has prior depth of more than one value"):
        PriorViews.of(scene.with_files({"prior_depth": nothing}))
