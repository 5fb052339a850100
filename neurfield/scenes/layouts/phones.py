"""What captures of Apple's phones share: depth with a map of how sure its sensor was, and ARKit's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import DepthReader, read_levels


class SureDepth(DepthReader):
    """A reader of a PNG of millimetres, with 0 where the sensor's confidence is lowest.

    The confidence of depth/NAME.png, if there is any, is confidence/NAME.png beside the folder; 0 is lowest.
    """

    def __call__(self, path: Path) -> np.ndarray:
        """As `DepthReader`."""
        depth = super().__call__(path)
        confidence = path.parent.parent / "confidence" / path.name
        if confidence.is_file():
            levels = read_levels(confidence)
            if levels.shape != depth.shape:
                raise UserError(
                    f"{confidence}: shape {levels.shape}, its depth has {depth.shape}: copy it from the "
                    "capture"
                )
            depth[levels == 0] = 0.0
        return depth


read_sure_depth = SureDepth(1e-3)


def read_record(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as reason:
        raise UserError(f"{path}: not readable JSON ({reason}): copy it again") from reason
    if not isinstance(data, dict):
        raise UserError(f"{path}: holds {type(data).__name__}, expected keys and values: copy it again")
    return data
