"""Which objects a field has: those that segments show, or those that are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.fields import instance_pixels, make_objects
from neurfield.parts import load_config


class Shown:
    """A scene of these segment maps; None: a frame without one."""

    path = Path("shown")

    def __init__(self, *maps: Any) -> None:
        self.maps = [None if m is None else np.array(m, dtype=np.int32) for m in maps]
        self.sources = {"image", "segment"}

    def __len__(self) -> int:
        return len(self.maps)

    def segment(self, i: int) -> np.ndarray | None:
        return self.maps[i]


def resolved(scene: Shown, **numbers: Any) -> tuple[dict[str, Any], list[str]]:
    return make_objects.resolved(scene, **{"ids": (), "background": (0,), "most": 100, **numbers})  # type: ignore[attr-defined]


SCENE = Shown([[0, 0, 7], [7, 7, -1]], None, [[3, 3, 3], [3, 12, 0]])


def test_ids_are_those_that_segments_show() -> None:
    assert instance_pixels(SCENE) == {0: 3, 7: 3, 3: 4, 12: 1}
    assert resolved(SCENE) == ({"ids": [3, 7, 12]}, [])
    assert resolved(SCENE, background=(3, 0)) == ({"ids": [7, 12]}, [])
    assert resolved(SCENE, ids=(5,)) == ({}, [])  # already known, as in a run


def test_a_thousand_of_them_leave_those_that_cover_most() -> None:
    many = Shown(np.arange(1200).reshape(30, 40), [[5, 5], [9, 9]])
    numbers, (line,) = resolved(many, most=2)
    assert numbers == {"ids": [5, 9]}
    assert "1199 instances" in line and "1197 others" in line and "field.most=1199" in line


@pytest.mark.parametrize(
    ("scene", "said"),
    [(Shown([[0, 0]]), "nothing but 0"), (Shown(None), "no instance"), (Shown([[-1]]), "no inst")],
)
def test_segments_without_an_object_are_one_line(scene: Shown, said: str) -> None:
    with pytest.raises(UserError, match=f"shown: the segments show {said}.*field.background") as caught:
        resolved(scene)
    assert "\n" not in str(caught.value)


def test_ids_that_cannot_be_are_named() -> None:
    with pytest.raises(UserError, match=r"'field'.*ids: 4 is there twice"):
        load_config("objectsdf", overrides=["field.ids=[4, 2, 4]"])
    with pytest.raises(UserError, match="ids: 0 is the background's, too"):
        load_config("objectsdf", overrides=["field.ids=[4, 0]"])
    with pytest.raises(UserError, match="there are none here"):
        make_objects()
