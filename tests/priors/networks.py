"""Tiny networks that read depth and normals off the colours of a picture, and the pictures that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from neurfield.scenes import Cameras
from tests.scenes.tiny_scenes import FLIP, FOCAL, HEIGHT, ROOM, WIDTH, render_room, room_cameras

DEEPEST = 6.0  # metres, as red in full


class Graph:
    """An ONNX graph that is written node by node.

    Args:
        size: rows and columns of the picture; None: any.
        mean, deviation: that colours are normalised by, which the graph undoes.
    """

    def __init__(self, size: tuple[int, int] | None, mean: float = 0.5, deviation: float = 0.5) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        rows, columns = size or ("rows", "columns")
        self.inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, rows, columns])]
        self.outputs: list[Any] = []
        scaled = self("Mul", "picture", self.constant(deviation))
        self.rgb = self("Add", scaled, self.constant(mean))

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, value: Any, kind: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def channel(self, k: int) -> str:
        """One colour, [1,1,h,w]."""
        ends = (self.constant([k], np.int64), self.constant([k + 1], np.int64), self.constant([1], np.int64))
        return self("Slice", self.rgb, *ends)

    def depth(self) -> str:
        """What red says, in metres."""
        return self("Mul", self.channel(0), self.constant(DEEPEST))

    def of_this_tile(self, values: str) -> str:
        """Values as their share between the least and the greatest: another scale and shift in each tile."""
        axes = self.constant([2, 3], np.int64)
        least, most = self("ReduceMin", values, axes), self("ReduceMax", values, axes)
        return self("Div", self("Sub", values, least), self("Sub", most, least))

    def normals(self, signs: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> str:
        """What green and blue say, times signs; they look at the camera where they say no more."""
        one, two = self.constant(1.0), self.constant(2.0)
        x, y = (self("Sub", self("Mul", self.channel(k), two), one) for k in (1, 2))
        left = self("Sub", one, self("Add", self("Mul", x, x), self("Mul", y, y)))
        z = self("Neg", self("Sqrt", self("Max", left, self.constant(0.0))))
        return self("Mul", self("Concat", x, y, z, axis=1), self.constant(np.reshape(signs, (1, 3, 1, 1))))

    def coded(self, normals: str) -> str:
        """(n + 1) / 2."""
        return self("Mul", self("Add", normals, self.constant(1.0)), self.constant(0.5))

    def give(self, value: str, name: str, channels: int) -> Graph:
        """Make a value an output of the network."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"]))
        return self

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        graph = helper.make_graph(self.nodes, "tiny", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def coded_picture(cameras: Cameras, i: int) -> np.ndarray:
    """The bare room as a picture whose red is depth, and whose green and blue are two axes of the normals."""
    depth, normals = render_room(cameras, i)
    coded = np.stack([depth / DEEPEST, (normals[..., 0] + 1) / 2, (normals[..., 1] + 1) / 2], axis=2)
    return np.rint(255.0 * coded).astype(np.uint8)


def write_coded_room(folder: Path, count: int = 8) -> Path:
    """A scene of such pictures alone, in a known box."""
    cameras = room_cameras(count)
    (folder / "images").mkdir(parents=True)
    frames = []
    for i in range(count):
        Image.fromarray(coded_picture(cameras, i)).save(folder / f"images/{i:03d}.png")
        matrix = (cameras.world_from_cam[i] @ FLIP).tolist()
        frames.append({"file_path": f"images/{i:03d}.png", "transform_matrix": matrix})
    lens = {"fl_x": FOCAL, "fl_y": FOCAL, "w": WIDTH, "h": HEIGHT, "up": [0, 0, 1], "aabb": ROOM.tolist()}
    (folder / "transforms.json").write_text(json.dumps({**lens, "frames": frames}))
    return folder
