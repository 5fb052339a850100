"""The parts of the search for points in pictures, each held to what it is said to do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.fusion import image_points
from neurfield.fusion.image_points import COARSE_RANGE, FINE_CELL, ImageSearch
from neurfield.fusion.point_views import PROMISING, VIEWS, Guess, promising, views_of
from neurfield.fusion.prior_views import SMALL, PriorViews
from neurfield.ops.patch_scores import NOWHERE, patch_scores
from neurfield.scenes import Scene
from tests.fusion.painted_room import FRAMES, SIZE, painted_room


def every(views: PriorViews) -> torch.Tensor:
    """Every image may be asked for points of every other."""
    return torch.arange(len(views)).expand(len(views), -1)


@pytest.fixture(scope="module")
def room() -> tuple[Scene, list[np.ndarray]]:
    return painted_room()


@pytest.fixture(scope="module")
def search(room: tuple[Scene, list[np.ndarray]]) -> ImageSearch:
    return ImageSearch(room[0], PriorViews.of(room[0]))


def true_depth(true: list[np.ndarray]) -> Guess:
    depth = torch.from_numpy(np.stack(true)).float()

    def guess(image: Tensor, uv: Tensor) -> Tensor:
        pixel = (uv * torch.tensor([SIZE[1], SIZE[0]])).long()
        return depth[image, pixel[:, 1], pixel[:, 0]]

    return guess


def test_each_square_gives_the_middle_of_its_pixel_of_most_structure() -> None:
    h, w, cell = 33, 50, 8
    picture = 40.0 * torch.rand(1, h, w, generator=torch.Generator().manual_seed(0))
    image, uv = image_points._structured(picture, torch.tensor([w, h]), cell, torch.ones(1, h, w))
    grey, square = picture[0].double().numpy(), np.zeros((h, w))
    square[:, 1:-1] += (0.5 * (grey[:, 2:] - grey[:, :-2])) ** 2
    square[1:-1] += (0.5 * (grey[2:] - grey[:-2])) ** 2
    energy = np.zeros((h, w))
    for row in range(5, h - 5):
        for column in range(5, w - 5):
            energy[row, column] = square[row - 2 : row + 3, column - 2 : column + 3].mean()
    wanted = set()
    for top in range(0, h, cell):
        for left in range(0, w, cell):
            part = energy[top : top + cell, left : left + cell]
            if part.max() > 0:
                row, column = np.unravel_index(part.argmax(), part.shape)
                wanted.add((left + column + 0.5, top + row + 0.5))
    found = {(round(u * w, 3), round(v * h, 3)) for u, v in uv.double().tolist()}
    assert found == wanted and not image.any()


def test_the_peak_lies_between_two_depths_and_inside_the_range() -> None:
    inverse = torch.linspace(0.2, 0.6, 21).expand(5, -1)
    true = torch.tensor([0.3031, 0.413, 0.5087, 0.2, 0.6])
    scores = 0.9 - 20.0 * (inverse - true[:, None]).square()
    depth, score, lead = image_points._best(scores, 1.0 / inverse)
    torch.testing.assert_close(1.0 / depth[:3], true[:3], rtol=0, atol=1e-4)
    assert (score[:3] > 0.89).all() and (lead[:3] > 0.05).all()
    assert (score[3:] == NOWHERE).all()
    twice = torch.maximum(scores, scores.flip(1))
    assert image_points._best(twice[:1], 1.0 / inverse[:1])[2].abs() < 1e-4


def test_depths_that_look_alike_are_none(
    room: tuple[Scene, list[np.ndarray]], search: ImageSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a second peak as high as the first nothing is found; and depths are even in their inverse."""
    tried: list[Tensor] = []

    def peaks(count: int) -> None:
        def scores(
            views: object,
            first: Tensor,
            uv: Tensor,
            normal: Tensor,
            depth: Tensor,
            second: Tensor,
            **_: object,
        ) -> Tensor:
            tried.append(depth)
            place = torch.arange(depth.shape[1])
            away = torch.stack([place - at for at in (30, 66)[:count]]).abs().amin(dim=0)
            return (0.9 * torch.exp(-0.2 * away.square())).expand(len(first), second.shape[1], -1)

        monkeypatch.setattr(image_points, "patch_scores", scores)

    guess = true_depth(room[1])
    peaks(1)
    assert len(search.coarse(guess)) > FRAMES
    inverse = 1.0 / tried[0]
    steps = inverse.diff(dim=1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=0.01, atol=0.0)
    torch.testing.assert_close(inverse[:, -1] / inverse[:, 0], torch.full((len(inverse),), COARSE_RANGE**2))
    peaks(2)
    assert len(search.coarse(guess)) == 0


def test_only_views_that_see_a_point_are_asked(
    room: tuple[Scene, list[np.ndarray]], search: ImageSearch
) -> None:
    """The picture itself agrees with itself perfectly, and is none of them."""
    image, uv = torch.arange(FRAMES), torch.full((FRAMES, 2), 0.5)
    z = true_depth(room[1])(image, uv)
    second, seen = views_of(search.views, image, uv, z, every(search.views))
    assert not ((second == image[:, None]) & (seen > 0)).any()
    normal, depth = search._normal(image, uv), z[:, None] * torch.tensor([[0.8, 1.0]])
    second[:, VIEWS - 2], seen[:, VIEWS - 2] = image, 0.0
    scores = search._scores(search.half, image, uv, normal, depth, second, seen)
    each = patch_scores(
        search.half, image, uv * 0.5 * search.size, normal, depth, second, noise=image_points.NOISE
    )
    each[seen <= 0] = NOWHERE
    torch.testing.assert_close(scores, each.sort(dim=1, descending=True).values[:, :3].mean(dim=1))


def test_of_two_views_side_by_side_one_comes_first() -> None:
    """Seen from the origin: a view at the best angle, one beside it, and another less well placed."""
    z = torch.tensor([1.0])
    side = float(np.tan(np.radians(12.0)))
    centers = torch.tensor([[0.0, 0.0, 0.0], [side, 0.0, 0.0], [side, 0.02, 0.0], [-1.5 * side, 0.0, 0.0]])
    n = len(centers)
    views = PriorViews(
        torch.zeros(n, *SMALL), torch.zeros(0, 2), torch.zeros(n, 0), centers, torch.eye(3).expand(n, 3, 3),
        torch.tensor([0.8, 0.8, 0.5, 0.5]).expand(n, 4), torch.zeros(n), torch.ones(n),
        torch.ones(n, *SMALL, dtype=torch.bool), np.zeros(3),
    )  # fmt: skip
    chosen, worth = views_of(views, torch.tensor([0]), torch.tensor([[0.5, 0.5]]), z, every(views))
    assert chosen[0, :3].tolist() == [1, 3, 2]
    assert worth[0, 0] > 0.95 and 0.3 < worth[0, 2] < 0.42 and worth[0, 3] == 0.0


def test_nothing_is_looked_for_at_the_edge_of_a_prior(
    room: tuple[Scene, list[np.ndarray]], search: ImageSearch
) -> None:
    plain = true_depth(room[1])

    def stepped(image: Tensor, uv: Tensor) -> Tensor:
        return plain(image, uv) * torch.where(uv[:, 0] < 0.5, 0.9, 1.1)

    found = search.fine(stepped)
    away = (found.uv[:, 0] - 0.5).abs() * SMALL[1]
    assert len(found) > 4 * FRAMES and away.min() > 1.4 and away.min() < 2 * FINE_CELL


def test_patches_lean_as_the_priors_say_where_that_can_be(search: ImageSearch) -> None:
    h, w = search.half.images.shape[1:]
    leaning = torch.tensor([0.48, 0.0, -0.8773])
    normals = leaning.expand(FRAMES, h, w, 3).clone()
    normals[:, :, w // 2 :] = torch.tensor([0.0, 0.0, 1.0])  # away from the camera
    image = torch.tensor([0, 5, 9, 9])
    uv = torch.tensor([[0.2, 0.4], [0.4, 0.7], [0.6, 0.5], [0.9, 0.1]])
    with_normals = _with(search, normals)
    ray = -torch.nn.functional.normalize(search.views.rays(image, uv), dim=1)
    torch.testing.assert_close(
        with_normals._normal(image, uv), torch.stack([leaning, leaning, ray[2], ray[3]])
    )
    torch.testing.assert_close(search._normal(image, uv), ray)


def _with(search: ImageSearch, normals: Tensor) -> ImageSearch:
    other = ImageSearch.__new__(ImageSearch)
    other.__dict__.update(search.__dict__)
    other.normals = normals
    return other


def ring(n: int) -> PriorViews:
    """Cameras on a circle of radius 1 that look at its middle, one after the other."""
    angle = torch.arange(n) * (2.0 * torch.pi / n)
    zero, one = torch.zeros(n), torch.ones(n)
    back = torch.stack([angle.cos(), angle.sin(), zero], dim=1)
    turns = torch.stack(
        [
            torch.stack([-angle.sin(), angle.cos(), zero], dim=1),
            torch.stack([zero, zero, -one], dim=1),
            -back,
        ],
        dim=2,
    )
    uv = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    return PriorViews(
        torch.zeros(n, *SMALL), uv, torch.zeros(n, 200), back, turns,
        torch.tensor([0.8, 0.8, 0.5, 0.5]).expand(n, 4), zero, one,
        torch.ones(n, *SMALL, dtype=torch.bool), np.zeros(3),
    )  # fmt: skip


def test_of_many_images_the_promising_show_the_point_as_well() -> None:
    """Of 180 on a circle, those within some 50 degrees may be taken: what a limit leaves is no worse."""
    views = ring(180)

    def middle(image: Tensor, uv: Tensor) -> Tensor:
        return torch.ones(len(uv))

    among = promising(views, middle)
    assert among.shape == (180, PROMISING) and (among.diff(dim=1) > 0).all()
    away = (among - torch.arange(180)[:, None] + 90) % 180 - 90
    assert away.abs().max() <= 32 and (away > 3).any(dim=1).all() and (away < -3).any(dim=1).all()
    image, uv = torch.arange(180), torch.full((180, 2), 0.5)
    chosen, limited = views_of(views, image, uv, torch.ones(180), among)
    _, best = views_of(views, image, uv, torch.ones(180), every(views))
    assert (chosen != image[:, None]).all()
    torch.testing.assert_close(limited, best, rtol=0.05, atol=0.0)


def test_more_pictures_get_no_more_points(
    room: tuple[Scene, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four times the pictures that have points in every cell: each has a quarter, and no fewer than that."""
    search, guess = ImageSearch(room[0], PriorViews.of(room[0])), true_depth(room[1])
    full = len(search.fine(guess))
    monkeypatch.setattr(image_points, "MANY", FRAMES / 4)
    assert 0.15 * full < len(search.fine(guess)) < 0.4 * full
