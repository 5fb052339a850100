"""A surface as few bytes, as a page's browser takes them: glTF 2.0 with KHR_mesh_quantization.

Places are 16 bits of the longest side (0.1 mm in a room of 7 m), colours 16 bits of linear light. Normals
stay floats, in steps that compress: as bytes, browsers without a GPU read them without their sign.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from neurfield.report.shade import CLAY
from neurfield.viewer.layers import Triangles
from neurfield.viewer.web.tone import BRIGHTEST, sent

BUDGET = 20_000_000  # bytes that a page may send at first, all in all
MOST_FACES = 600_000  # of a surface: 15.6 MB at most, some 7 as they are sent
_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_STEPS = 256  # of a normal's coordinate, from 0 to 1
_ARRAY, _CORNERS = 34962, 34963


def glb_of(triangles: Triangles, cull: bool = False, opacity: float = 1.0) -> bytes:
    """A GLB of a surface, in its own axes, its colours so that the page shows them as they are.

    Args:
        triangles: with a face at least.
        cull: faces that turn away are not drawn.
        opacity: of all of it; what is seen through is seen from both sides.
    """
    low = triangles.vertices.min(axis=0).astype(float)
    size = float(np.ptp(triangles.vertices, axis=0).max()) or 1.0
    unit = size / 65535.0
    places = np.zeros((len(triangles.vertices), 4), np.uint16)
    places[:, :3] = np.rint((triangles.vertices - low) / unit)
    normals = (np.rint(_STEPS * np.asarray(triangles.normals)) / _STEPS).astype(np.float32)
    faces = np.asarray(triangles.faces, np.uint32)
    parts: list[tuple[np.ndarray, int, int | None]] = [
        (places, _ARRAY, 8), (normals, _ARRAY, None), (faces, _CORNERS, None),
    ]  # fmt: skip
    least, most = places[:, :3].min(axis=0).tolist(), places[:, :3].max(axis=0).tolist()
    count = len(places)
    accessors: list[dict[str, Any]] = [
        {
            "bufferView": 0,
            "componentType": _USHORT,
            "count": count,
            "type": "VEC3",
            "min": least,
            "max": most,
        },
        {"bufferView": 1, "componentType": _FLOAT, "count": count, "type": "VEC3"},
        {"bufferView": 2, "componentType": _UINT, "count": faces.size, "type": "SCALAR"},
    ]
    attributes = {"POSITION": 0, "NORMAL": 1}
    factor = [*sent(CLAY).tolist(), opacity]
    if triangles.colors is not None:
        colors = np.zeros((count, 4), np.uint16)
        colors[:, :3] = _table(triangles.colors)
        parts.append((colors, _ARRAY, 8))
        color = {
            "bufferView": 3,
            "componentType": _USHORT,
            "normalized": True,
            "count": count,
            "type": "VEC3",
        }
        accessors.append(color)
        attributes["COLOR_0"] = 3
        factor = [BRIGHTEST] * 3 + [opacity]
    material: dict[str, Any] = {
        "doubleSided": not cull or opacity < 1.0,
        "pbrMetallicRoughness": {"baseColorFactor": factor, "metallicFactor": 0.0, "roughnessFactor": 1.0},
    }
    if opacity < 1.0:
        material["alphaMode"] = "BLEND"
    used = ["KHR_mesh_quantization"]
    if not triangles.lit:
        material["extensions"] = {"KHR_materials_unlit": {}}
        used.append("KHR_materials_unlit")
    tree = {
        "asset": {"version": "2.0"},
        "extensionsUsed": used,
        "extensionsRequired": ["KHR_mesh_quantization"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "scale": [unit] * 3, "translation": low.tolist()}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 2, "material": 0}]}],
        "materials": [material],
        "accessors": accessors,
    }
    return _glb(tree, parts)


def _table(colors: np.ndarray) -> np.ndarray:
    """Linear values uint16 [v, 3], `BRIGHTEST` the largest, of colours uint8 [v, 3]."""
    key = (colors[:, 0].astype(np.uint32) << 16) | (colors[:, 1].astype(np.uint32) << 8) | colors[:, 2]
    keys, which = np.unique(key, return_inverse=True)
    srgb = np.stack([keys >> 16, (keys >> 8) & 255, keys & 255], axis=1) / 255.0
    return np.rint(sent(srgb) * (65535.0 / BRIGHTEST)).astype(np.uint16)[which]


def _glb(tree: dict[str, Any], parts: list[tuple[np.ndarray, int, int | None]]) -> bytes:
    """The file, with a buffer view for each array and its stride."""
    views, offset = [], 0
    for array, target, stride in parts:
        view = {"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": target}
        views.append(view if stride is None else {**view, "byteStride": stride})
        offset += array.nbytes
    tree = {**tree, "bufferViews": views, "buffers": [{"byteLength": offset}]}
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(np.ascontiguousarray(array).tobytes() for array, _, _ in parts)
    binary += b"\0" * (-len(binary) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(binary))
    return b"".join(
        [
            head,
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )
