"""`neurfield view`: a window, or a screenshot, of a run, a mesh or a scene."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say
from neurfield.cli.runs import MovedScene
from neurfield.wording import quoted


def view(
    target: Annotated[Positional[str], arg(metavar="RUN|MESH|SCENE")],
    screenshot: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    scene: MovedScene = None,
    width: Annotated[int, arg(metavar="PIXELS")] = 1280,
    height: Annotated[int, arg(metavar="PIXELS")] = 800,
) -> None:
    """Look at a run's mesh with its cameras and box, at a mesh file, or at a scene and its true surface.

    A room is looked into from outside, as into a doll's house: walls that turn away are not drawn.

    Args:
        target: a run's folder, a mesh file, a built-in scene's name or a scene's folder.
        screenshot: write a picture there instead of opening a window; needs no display.
        scene: where the run's scene lies now, if it was moved.
        width: of the screenshot.
        height: of the screenshot.
    """
    from neurfield.viewer.content import content_of

    content = content_of(target, scene)
    if screenshot is None:
        from neurfield.viewer.window import KEYS, open_window

        say(KEYS)
        open_window(content)
        next_commands((f"neurfield view {quoted(target)} --screenshot view.png", "the same as a picture"))
    else:
        from neurfield.viewer.offscreen import screenshot as draw

        say(f"picture  {draw(content, screenshot, width, height)}")
        next_commands((f"neurfield view {quoted(target)}", "the same in a window"))
