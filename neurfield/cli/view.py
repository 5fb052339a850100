"""`neurfield view`: a window, a page or a screenshot of a run, a mesh or a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say
from neurfield.cli.runs import MovedScene
from neurfield.errors import UserError
from neurfield.wording import quoted


def view(
    target: Annotated[Positional[str], arg(metavar="RUN|MESH|SCENE")],
    screenshot: Annotated[str | None, arg(metavar="FILE", help_behavior_hint="")] = None,
    layers: Annotated[
        str | None, arg(metavar="NAME,...", help_behavior_hint="(default: as it opens)")
    ] = None,
    scene: MovedScene = None,
    width: Annotated[int, arg(metavar="PIXELS")] = 1280,
    height: Annotated[int, arg(metavar="PIXELS")] = 800,
    web: bool = False,
    port: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the next free one)")] = None,
    host: Annotated[str | None, arg(metavar="ADDRESS", help_behavior_hint="(default: 127.0.0.1)")] = None,
) -> None:
    """Look at a run's mesh with its cameras and box, at a file of a mesh or of slices, or at a scene.

    A room is looked into from outside, as into a doll's house: walls that turn away are not drawn.

    Args:
        target: a run's folder, a file of a mesh, of points or of slices, a built-in scene's name or a scene's
            folder.
        screenshot: write a picture there instead of opening a window; needs no display.
        layers: what is shown at first: surface, truth, error, normals, cameras, pictures, box, slice, points.
        scene: where the run's scene lies now, if it was moved.
        width: of the screenshot or the window.
        height: of the screenshot or the window.
        web: a page for a browser instead of a window, on this machine alone; needs no display.
        port: of the page.
        host: the interface that the page is on, where others may reach it, without a password.
    """
    if web:
        if screenshot is not None:
            raise UserError("view: --web and --screenshot stand side by side: give one of them")
        _serve(target, scene, layers, port, host)
        return
    for flag, value in (("port", port), ("host", host)):
        if value is not None:
            raise UserError(f"--{flag} goes with --web: add that, or leave it out")
    from neurfield.viewer.content import content_of
    from neurfield.viewer.layers import layer_names
    from neurfield.viewer.session import Session

    if min(width, height) < 16:
        raise UserError(f"--width {width} --height {height}: give 16 pixels or more")
    names = None if layers is None else layer_names(layers)
    if screenshot is None:
        from neurfield.viewer.display import check_display
        from neurfield.viewer.toolkit import load_beside
        from neurfield.viewer.window import open_window

        path = Path(target).expanduser()
        if path.suffix and not path.exists():
            content_of(target)  # says that it is not there, which no display would mend
        check_display()
        load_beside()
        session = Session(content_of(target, scene))
        say(*session.content.notes)
        open_window(session, width, height, names)
        next_commands((f"neurfield view {quoted(target)} --screenshot view.png", "the same as a picture"))
    else:
        from neurfield.viewer.offscreen import check_path
        from neurfield.viewer.offscreen import screenshot as draw

        check_path(screenshot)
        content = Session(content_of(target, scene)).content
        say(*content.notes, f"picture  {draw(content, screenshot, width, height, names)}")
        next_commands((f"neurfield view {quoted(target)}", "the same in a window"))


def _serve(target: str, scene: str | None, layers: str | None, port: int | None, host: str | None) -> None:
    """A page until Ctrl-C."""
    from neurfield.viewer.web.serve import Served, wait
    from neurfield.viewer.web.server import LOOPBACK

    served = Served(target, scene, port, LOOPBACK if host is None else host, layers, say)
    try:
        say(*served.page.content.notes)
        wait(say)
    finally:
        served.close()
    next_commands((f"neurfield view {quoted(target)} --screenshot view.png", "the same as a picture"))
