"""A mesh's texture as files that lie beside it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from trimesh.exchange.obj import export_obj
from trimesh.visual import TextureVisuals

from neurfield.files import atomic_write

_JPEG_QUALITY = 92


def texture_of(mesh: trimesh.Trimesh) -> Image.Image | None:
    """The picture that a mesh's uv point into; None: it has none."""
    visual = mesh.visual
    if not isinstance(visual, TextureVisuals) or visual.uv is None:
        return None
    material = visual.material
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    return None if picture is None else picture.convert("RGB")


def uv_of(mesh: trimesh.Trimesh) -> np.ndarray:
    """Where the vertices of a mesh with a texture lie in it [v, 2]."""
    assert isinstance(mesh.visual, TextureVisuals) and mesh.visual.uv is not None
    return np.asarray(mesh.visual.uv)


def jpeg_bytes(picture: Image.Image) -> bytes:
    """A picture as JPEG, its colours as fine as its greys."""
    content = io.BytesIO()
    picture.save(content, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return content.getvalue()


def picture_file(path: Path) -> Path:
    """Where the texture of a mesh file lies: beside it, by its name."""
    return path.with_suffix(".png")


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write the texture of a mesh file beside it."""
    with atomic_write(picture_file(path)) as temporary:
        picture.save(temporary, format="PNG")


def obj_files(mesh: trimesh.Trimesh, path: Path) -> dict[Path, bytes]:
    """A textured .obj, its material and its picture, by their files; the .obj comes last."""
    picture = texture_of(mesh)
    white, black = [255, 255, 255, 255], [0, 0, 0, 255]  # the picture's colours are multiplied by the first
    material = trimesh.visual.material.SimpleMaterial(
        image=picture, name=path.stem, ambient=white, diffuse=white, specular=black
    )
    named = mesh.copy()
    named.visual = TextureVisuals(uv=uv_of(mesh), material=material)
    beside = path.with_suffix(".mtl")
    text, others = export_obj(named, return_texture=True, mtl_name=beside.name, header=None)
    files = {path.with_name(name): content for name, content in others.items()}
    return {**files, path: text.encode()}
