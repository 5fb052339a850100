"""Choices of pixels that look at the field: nothing that was drawn ahead is used over a look."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.pixels import Chosen, Maps, PixelReader, Uniform
from neurfield.rays import UnitFrame
from neurfield.scenes import Scene


class Noted(Uniform):
    """Draws the first pixels of as many as it has looked, and notes what it is asked."""

    def __init__(self, cameras: object, seed: int) -> None:
        super().__init__(cameras, seed)  # type: ignore[arg-type]
        self.looked = 0

    def due(self, moment: Moment) -> bool:
        return moment.step in (2, 3)

    def look(self, moment: Moment, maps: Maps) -> None:
        self.looked += 1

    def state(self) -> dict[str, Tensor]:
        return {"looked": torch.tensor([self.looked])}

    def load(self, state: dict[str, Tensor]) -> None:
        self.looked = int(state["looked"])

    def choose(self, step: int, rays: int) -> Chosen:
        camera = np.zeros(rays, np.int64)
        return Chosen(camera, camera + self.looked, camera, camera, 1)


def test_nothing_is_drawn_ahead_over_a_look(sphere_scene: Scene) -> None:
    frame = UnitFrame.around(sphere_scene.box)
    chooser = Noted(sphere_scene.cameras, 0)
    reader = PixelReader(sphere_scene, chooser, frame, frame.box_in_unit(sphere_scene.box))
    made: list[Maps] = []

    def rows(step: int) -> int:
        """Which row a step's pixels are of, on a device for which batches are drawn ahead."""
        reader.look(Moment(step, 0.1), lambda: made.append(None))  # type: ignore[arg-type,func-returns-value]
        chosen, _ = reader._ahead.get(step, 4)
        reader._ahead.start(step + 1, 4)
        expected = sphere_scene.cameras.rays(np.zeros(1, np.int64), np.array([[0.5, chooser.looked + 0.5]]))[
            1
        ][0]
        found = chosen["directions"][0].numpy()
        assert np.allclose(found / np.linalg.norm(found), expected / np.linalg.norm(expected), atol=1e-5)
        return chooser.looked

    reader._pin = torch.clone
    assert [rows(step) for step in range(5)] == [0, 0, 1, 2, 2] and len(made) == 2
    state = reader.state()
    reader.load({"looked": torch.tensor([7])})  # nor over a state that is taken
    assert rows(5) == 7 and int(state["looked"]) == 2
