"""Priors of all pictures of a scene, in our conventions, checked, and written where the scene finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from neurfield.errors import UserError
from neurfield.priors.checks import check_output
from neurfield.priors.guess import Guesser
from neurfield.priors.made import MadePriors
from neurfield.priors.work import Work
from neurfield.scenes import Scene
from neurfield.scenes.frames import spread

_CHECKED = 6  # pictures, evenly spread, that are made and checked before the others
_STAGE = "depth and normals of pictures"

Progress = Callable[[str, float], None]


def make_priors(
    scene: Scene, guessers: Sequence[Guesser], folder: Path, progress: Progress = lambda words, part: None
) -> MadePriors:
    """Let networks guess priors of all pictures of a scene, and write them with an index that readers find.

    What was made before of the same pictures by the same networks is kept, also where it was broken off.

    Args:
        scene: with pictures, and what is known of their depth where a network gives disparity.
        guessers: networks with their profiles, one for each kind or one for both.
        folder: for the files; one of priors, or with nothing in it.
        progress: is told what is done, and which part of it is.

    Raises:
        UserError: a network does not keep to its profile, or disparity has nothing to be held to.
    """
    work = Work(scene, guessers, folder)
    todo = work.todo()
    made = MadePriors(folder, held_to=work.held_to)
    if todo:
        first = [todo[int(k)] for k in spread(len(todo), _CHECKED)]
        guessed = []
        for k, i in enumerate(first):
            progress(_STAGE, k / len(todo))
            guessed.append((i, work.guessed(i, made)))
        if len(made.against) > len(made.left) / 2:
            raise UserError(
                f"{work.names['depth']}: it is no disparity, for it is large where things are far: take "
                "--depth-profile of a network of depth"
            )
        made.turned = work.decide_axes(guessed)
        if not work.was_begun:  # else these networks were checked on more pictures than may be left
            looks = [(i, look) for i, priors in guessed if (look := work.look(i, priors)) is not None]
            made.checked = check_output(
                scene, looks, work.profile("depth"), work.profile("normals"), work.names
            )  # fmt: skip
        # Only now is anything written.
        for i, priors in guessed:
            work.write(i, priors, made)
        rest = [i for i in todo if i not in first]
        for k, i in enumerate(rest):
            progress(_STAGE, (len(first) + k) / len(todo))
            work.write(i, work.guessed(i, made), made)
        progress(_STAGE, 1.0)
        made.made = len(todo)
    work.finish()
    return made
