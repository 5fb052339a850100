"""A screenshot of what the window would show, with or without a display: Open3D in a process of its own.

Open3D ends the whole process where the graphics libraries disappoint it; here only the child is lost, and the
reason is told.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.optional import require
from neurfield.report.shade import MeshShader
from neurfield.viewer.content import Content

_SUPERSAMPLING = 2
_SECONDS = 120


def has_display() -> bool:
    """Whether a window can be opened here."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def screenshot(content: Content, path: str | Path, width: int = 1280, height: int = 800) -> Path:
    """Draw the content from its default viewpoint into an image file and return its path.

    Raises:
        UserError: Open3D is missing or cannot draw on this machine, or the file's type is not one of images.
    """
    path = Path(path)
    if path.suffix.lower() not in Image.registered_extensions():
        raise UserError(f"--screenshot {path}: write it as .png or .jpg")
    environment = dict(os.environ)
    if not has_display():
        environment["EGL_PLATFORM"] = "surfaceless"  # Open3D must find it before it is imported
    with tempfile.TemporaryDirectory() as folder:
        arrays, drawn = Path(folder) / "content.npz", Path(folder) / "drawn.png"
        np.savez(arrays, allow_pickle=False, **_arrays(content, width, height))
        command = [sys.executable, "-m", "neurfield.viewer.offscreen", str(arrays), str(drawn)]
        try:
            child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"Open3D did not finish the picture within {_SECONDS} s; see `neurfield doctor`"
            ) from None
        if child.returncode or not drawn.is_file():
            raise UserError(_reason(child.returncode, child.stderr))
        image = Image.open(drawn).convert("RGB").resize((width, height), Image.Resampling.BOX)
    with atomic_write(path) as temporary:
        image.save(temporary)
    return path


def _arrays(content: Content, width: int, height: int) -> dict[str, np.ndarray]:
    """Vertices, faces, colours and lines as arrays: the child draws and decides nothing."""
    view = content.viewpoint(width / height)
    size = np.array([width, height]) * _SUPERSAMPLING
    arrays = {"pose": view.world_from_cam, "fov": np.array(view.fov), "size": size}
    if content.mesh is not None:
        vertices, faces, colors = MeshShader(content.mesh).lit(view, cull=content.kind == "inside")
        arrays |= {"vertices": vertices, "faces": faces, "colors": colors}
    for i, lines in enumerate(content.lines):
        arrays[f"lines{i}"], arrays[f"color{i}"] = lines.ends, np.array(lines.color)
    return arrays


def _reason(code: int, stderr: str) -> str:
    """Why there is no picture, as one line."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"exit code {code}"
    if last.startswith("neurfield: "):
        return last.removeprefix("neurfield: ")
    return f"Open3D could not draw here ({last}); `neurfield doctor` names the system libraries that it wants"


def _draw(source: Path, target: Path) -> None:
    """The child's work: arrays in, picture out."""
    o3d = require("open3d", extra="viewer")
    arrays = np.load(source)
    rendering = o3d.visualization.rendering
    renderer = rendering.OffscreenRenderer(*(int(v) for v in arrays["size"]))
    renderer.scene.set_background([1.0, 1.0, 1.0, 1.0])
    renderer.scene.view.set_post_processing(False)  # colours arrive as they were computed
    if "faces" in arrays:
        mesh = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector(arrays["vertices"]), o3d.utility.Vector3iVector(arrays["faces"])
        )
        mesh.vertex_colors = o3d.utility.Vector3dVector(arrays["colors"])
        material = rendering.MaterialRecord()
        material.shader = "defaultUnlit"
        renderer.scene.add_geometry("mesh", mesh, material)
    for name in (name for name in arrays if name.startswith("lines")):
        lines = o3d.geometry.LineSet(
            o3d.utility.Vector3dVector(arrays[name].reshape(-1, 3)),
            o3d.utility.Vector2iVector(np.arange(2 * len(arrays[name])).reshape(-1, 2)),
        )
        lines.paint_uniform_color(arrays[name.replace("lines", "color")])
        material = rendering.MaterialRecord()
        material.shader, material.line_width = "unlitLine", 1.2 * _SUPERSAMPLING
        renderer.scene.add_geometry(name, lines, material)
    pose = arrays["pose"]
    renderer.setup_camera(float(arrays["fov"]), pose[:3, 3] + pose[:3, 2], pose[:3, 3], -pose[:3, 1])
    o3d.io.write_image(str(target), renderer.render_to_image())


if __name__ == "__main__":
    try:
        _draw(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        sys.exit(f"neurfield: {error}")
