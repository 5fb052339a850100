"""An ONNX network of pictures: what goes in, what comes out, and one line where that does not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.priors.profiles import Kind

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_CALLED = {"depth": ("depth", "disp", "inv"), "normals": ("normal",)}
_WANTED = {"depth": "one number a pixel, [1, 1, H, W]", "normals": "three numbers a pixel, [1, 3, H, W]"}


def expect_file(path: Path) -> None:
    """UserError where there is no such file of a network."""
    if not path.is_file():
        raise UserError(f"{path}: no such file: give an ONNX network (model.onnx)")


class Network:
    """A network of a file, run by onnxruntime on the CPU.

    Attributes:
        path: the file.
        size: rows and columns of the pictures that it takes; None: any.
        takes_lens: whether it asks for the lens.

    Raises:
        UserError: there is no such file, it is no network, or none of pictures.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        onnxruntime = require("onnxruntime", "priors")
        expect_file(path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as reason:  # of many classes, none of them public
            lines = str(reason).strip().splitlines() or [type(reason).__name__]
            raise UserError(
                f"{path}: not a network that onnxruntime can run ({lines[0][:120]}): export it to ONNX again"
            ) from reason
        self.path = path
        self._picture: Any = None
        self._lens: Any = None
        for node in self._session.get_inputs():
            if node.type in _TYPES and len(node.shape) == 4 and node.shape[1] == 3 and self._picture is None:
                self._picture = node
            elif node.type in _TYPES and list(node.shape[-2:]) == [3, 3] and self._lens is None:
                self._lens = node
            else:
                raise UserError(
                    f"{path}: its input '{node.name}' {_shape(node)} is neither a picture [1, 3, H, W] nor a "
                    "lens [1, 3, 3], both of floating point: export it with these inputs alone"
                )
        if self._picture is None:
            raise UserError(f"{path}: it takes no picture [1, 3, H, W]: export it with one")
        rows, columns = self._picture.shape[2:]
        fixed = isinstance(rows, int) and isinstance(columns, int)
        self.size: tuple[int, int] | None = (rows, columns) if fixed else None
        self.takes_lens = self._lens is not None

    def __call__(self, picture: np.ndarray, lens: np.ndarray) -> dict[str, np.ndarray]:
        """All outputs by name, float32.

        Args:
            picture: float32 [3,h,w], normalised.
            lens: [3,3], of this picture, pixels.

        Raises:
            UserError: the network fails on a picture of this size.
        """
        feed = {self._picture.name: picture[None].astype(_TYPES[self._picture.type])}
        if self._lens is not None:
            matrix = lens.astype(_TYPES[self._lens.type])
            feed[self._lens.name] = matrix.reshape((1,) * (len(self._lens.shape) - 2) + (3, 3))
        try:
            outputs = self._session.run(None, feed)
        except Exception as reason:
            lines = str(reason).strip().splitlines() or [type(reason).__name__]
            size = f"{picture.shape[2]}x{picture.shape[1]} pixels"
            raise UserError(
                f"{self.path}: it fails on a picture of {size} ({lines[0][:160]}): export it for that size, "
                "or for any, or name its profile"
            ) from reason
        names = (node.name for node in self._session.get_outputs())
        return {
            name: np.asarray(value, dtype=np.float32)
            for name, value in zip(names, outputs)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        }

    def output(self, outputs: dict[str, np.ndarray], kind: Kind, size: tuple[int, int]) -> np.ndarray:
        """Depth [h',w'] or normals [h',w',3] among what `__call__` gives.

        Args:
            outputs: by name.
            kind: which of the two.
            size: rows and columns of the picture.

        Raises:
            UserError: there is no such output, there are several, or it holds values that are no numbers.
        """
        fitting = {n: m for n, v in outputs.items() if (m := _map(v, kind, size)) is not None}
        named = {n: m for n, m in fitting.items() if any(word in n.lower() for word in _CALLED[kind])}
        chosen = named if len(named) == 1 else fitting
        if len(chosen) != 1:
            shapes = ", ".join(f"'{name}' {list(value.shape)}" for name, value in outputs.items())
            many = "more than one of them may be" if chosen else "none of them is"
            raise UserError(
                f"{self.path}: its outputs are {shapes or 'none of numbers'}, of which {many} {kind} of "
                f"{size[1]}x{size[0]} pixels ({_WANTED[kind]}): export it with one such output"
            )
        ((name, found),) = chosen.items()
        if not np.isfinite(found).all():
            raise UserError(
                f"{self.path}: its output '{name}' holds values that are no numbers: check its profile, and "
                "that it was not exported in too little precision"
            )
        return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _map(value: np.ndarray, kind: Kind, size: tuple[int, int]) -> np.ndarray | None:
    """An output as [h,w] or [h,w,3], None where it is no map of a picture of this size."""
    array = value
    while array.ndim > (2 if kind == "depth" else 3) and array.shape[0] == 1:
        array = array[0]
    if kind == "depth":
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        return array if array.ndim == 2 and _same_field(array.shape, size) else None
    if array.ndim != 3:
        return None
    if array.shape[0] in (3, 4) and _same_field(array.shape[1:], size):  # a fourth says how sure it is
        return np.moveaxis(array[:3], 0, 2)
    return array[:, :, :3] if array.shape[2] in (3, 4) and _same_field(array.shape[:2], size) else None


def _same_field(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a map shows a picture of a size, perhaps in fewer pixels."""
    rows, columns = shape
    return min(rows, columns) > 1 and abs(rows * size[1] - columns * size[0]) <= max(size)


def _shape(node: Any) -> str:
    return f"[{', '.join(str(side) for side in node.shape)}] {node.type.removeprefix('tensor')}"
