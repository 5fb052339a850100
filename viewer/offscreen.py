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
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.report.shade import lamp_of
from neurfield.report.viewpoints import Viewpoint
from neurfield.viewer.atlas import atlas_of
from neurfield.viewer.content import Content
from neurfield.viewer.display import has_display
from neurfield.viewer.glass import glass_material, glass_normals, shine_at
from neurfield.viewer.layers import Geometry, Lines, Points, Triangles, shown_layers
from neurfield.viewer.legends import with_legends
from neurfield.viewer.light import lit_colors, smoothed_normals
from neurfield.viewer.palettes import Scale
from neurfield.viewer.pieces import Pieces
from neurfield.viewer.toolkit import quick_open3d

_SUPERSAMPLING = 2
_SECONDS = 120


def check_path(path: str | Path) -> Path:
    """The path of a picture; UserError where none can be written there, before anything takes long."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"--screenshot {path}: that is a folder: give a file, as {path / 'view.png'}")
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"--screenshot {path}: write it as .png or .jpg")
    return path


def screenshot(
    content: Content,
    path: str | Path,
    width: int = 1280,
    height: int = 800,
    layers: tuple[str, ...] | None = None,
) -> Path:
    """Draw the content from its default viewpoint into an image file and return its path.

    Args:
        content: what is drawn.
        path: of the image.
        width: pixels.
        height: pixels.
        layers: names of those that are drawn; None: those that are on at first.

    Raises:
        UserError: Open3D is missing or cannot draw on this machine, the file's type is not one of images, or
            a layer cannot be made.
    """
    path = check_path(path)
    environment = dict(os.environ)
    if not has_display():
        environment["EGL_PLATFORM"] = "surfaceless"  # Open3D must find it before it is imported
    with tempfile.TemporaryDirectory() as folder:
        arrays, drawn = Path(folder) / "content.npz", Path(folder) / "drawn.png"
        parts = _arrays(content, layers, width, height)
        try:
            np.savez(arrays, allow_pickle=False, **parts)
        except OSError as reason:
            raise UserError(
                f"{folder}: {reason.strerror or reason}; free some space, or set TMPDIR to another folder"
            ) from None
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
        image = with_legends(image, _scales(content, layers))
    try:
        with atomic_write(path) as temporary:
            image.save(temporary, quality=90)
    except OSError as reason:
        raise UserError(f"--screenshot {path}: it cannot be written ({reason.strerror or reason})") from None
    return path


def _scales(content: Content, names: tuple[str, ...] | None) -> list[Scale]:
    """What the colours of the layers that are drawn mean, where they are numbers."""
    scales = (getattr(layer.geometry, "scale", None) for layer in shown_layers(content.layers, names))
    return [scale for scale in scales if scale is not None]


def _arrays(
    content: Content, names: tuple[str, ...] | None, width: int, height: int
) -> dict[str, np.ndarray]:
    """What is drawn as arrays, each with its layer before its name: the child draws and decides nothing."""
    drawn_layers = shown_layers(content.layers, names)
    alone = not any(layer.name in ("cameras", "pictures") for layer in drawn_layers)
    view = content.viewpoint(width / height, alone)
    size = np.array([width, height]) * _SUPERSAMPLING
    arrays = {"pose": view.world_from_cam, "fov": np.array(view.fov), "size": size}
    for layer in drawn_layers:
        drawn = _as_arrays(layer.geometry, view, content.kind == "inside")
        arrays |= {f"{layer.name}/{name}": array for name, array in drawn.items()}
    return arrays


def _as_arrays(geometry: Geometry, view: Viewpoint, cull: bool) -> dict[str, np.ndarray]:
    """A layer's geometry as it looks from a viewpoint, light included."""
    if isinstance(geometry, Lines):
        return {"ends": geometry.ends, "color": np.array(geometry.color)}
    if isinstance(geometry, Points):
        return {"places": geometry.places, "colors": geometry.colors / 255.0}
    if isinstance(geometry, Triangles):
        normals = smoothed_normals(geometry) if geometry.lit else geometry.normals
        colors = lit_colors(geometry, lamp_of(view), normals)
        if geometry.opacity is not None:
            return _glass_arrays(geometry, colors)
        faces = _towards(geometry, view.eye) if cull else geometry.faces
        return {"vertices": geometry.vertices, "faces": faces, "colors": colors}
    atlas = atlas_of(geometry)
    return {"vertices": atlas.vertices, "faces": atlas.faces, "uvs": atlas.uvs, "image": atlas.image}


def _glass_arrays(geometry: Triangles, colors: np.ndarray) -> dict[str, np.ndarray]:
    """What is seen through: the faces of its pieces one after the other, counts and opacities of pieces."""
    pieces = Pieces(geometry, False).pieces
    faces = np.concatenate([piece.vertices[piece.faces] for piece in pieces])
    counts, opacities = (
        [f(piece) for piece in pieces] for f in (lambda p: len(p.faces), lambda p: p.opacity)
    )
    return {
        "vertices": geometry.vertices, "faces": faces, "colors": colors,
        "counts": np.array(counts), "opacities": np.array(opacities),
    }  # fmt: skip


def _towards(triangles: Triangles, eye: np.ndarray) -> np.ndarray:
    """The faces that do not turn away from an eye."""
    first, second, third = (triangles.vertices[triangles.faces[:, k]] for k in range(3))
    across = np.cross(second - first, third - first)
    return triangles.faces[np.einsum("fi,fi->f", across, first - eye.astype(np.float32)) < 0]


def _reason(code: int, stderr: str) -> str:
    """Why there is no picture, as one line."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"exit code {code}"
    if last.startswith("neurfield: "):
        return last.removeprefix("neurfield: ")
    return f"Open3D could not draw here ({last}); `neurfield doctor` names the system libraries that it wants"


def _draw(source: Path, target: Path) -> None:
    """The child's work: arrays in, picture out."""
    o3d = quick_open3d()
    arrays = np.load(source)
    rendering = o3d.visualization.rendering
    renderer = rendering.OffscreenRenderer(*(int(v) for v in arrays["size"]))
    renderer.scene.set_background([1.0, 1.0, 1.0, 1.0])
    renderer.scene.view.set_post_processing(False)  # colours arrive as they were computed
    renderer.scene.view.set_shadowing(False)
    for layer in sorted({name.split("/")[0] for name in arrays if "/" in name}):
        parts = {name.split("/")[1]: arrays[name] for name in arrays if name.startswith(f"{layer}/")}
        if "opacities" in parts:
            _add_glass(o3d, renderer.scene, layer, parts)
            continue
        renderer.scene.add_geometry(layer, *_geometry(o3d, parts))
    pose = arrays["pose"]
    renderer.setup_camera(float(arrays["fov"]), pose[:3, 3] + pose[:3, 2], pose[:3, 3], -pose[:3, 1])
    o3d.io.write_image(str(target), renderer.render_to_image())


def _add_glass(o3d: Any, scene: Any, layer: str, parts: dict[str, np.ndarray]) -> None:
    """Pieces of a layer that is seen through, on the scene."""
    vectors = o3d.utility.Vector3dVector
    shine_at(scene)
    each = np.split(parts["faces"], np.cumsum(parts["counts"])[:-1])
    for i, (faces, opacity) in enumerate(zip(each, parts["opacities"])):
        used, corners = np.unique(faces, return_inverse=True)
        mesh = o3d.geometry.TriangleMesh(
            vectors(parts["vertices"][used]), o3d.utility.Vector3iVector(corners.reshape(-1, 3))
        )
        mesh.vertex_normals = vectors(glass_normals(len(used)))
        mesh.vertex_colors = vectors(parts["colors"][used])
        scene.add_geometry(f"{layer} {i}", mesh, glass_material(o3d.visualization.rendering, float(opacity)))


def _geometry(o3d: Any, parts: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """A layer for Open3D, and how its material fills it."""
    vectors = o3d.utility.Vector3dVector
    material = o3d.visualization.rendering.MaterialRecord()
    material.shader = "defaultUnlit"
    if "ends" in parts:
        pairs = np.arange(2 * len(parts["ends"])).reshape(-1, 2)
        lines = o3d.geometry.LineSet(vectors(parts["ends"].reshape(-1, 3)), o3d.utility.Vector2iVector(pairs))
        lines.paint_uniform_color(parts["color"])
        material.shader, material.line_width = "unlitLine", 1.2 * _SUPERSAMPLING
        return lines, material
    if "places" in parts:
        cloud = o3d.geometry.PointCloud(vectors(parts["places"]))
        cloud.colors = vectors(parts["colors"])
        material.point_size = 2.0 * _SUPERSAMPLING
        return cloud, material
    mesh = o3d.geometry.TriangleMesh(vectors(parts["vertices"]), o3d.utility.Vector3iVector(parts["faces"]))
    if "uvs" in parts:
        mesh.triangle_uvs = o3d.utility.Vector2dVector(parts["uvs"])
        mesh.paint_uniform_color([1.0, 1.0, 1.0])  # else Open3D takes half of it
        material.albedo_img = o3d.geometry.Image(np.ascontiguousarray(parts["image"]))
    else:
        mesh.vertex_colors = vectors(parts["colors"])
    return mesh, material


if __name__ == "__main__":
    try:
        _draw(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        sys.exit(f"neurfield: {error}")
