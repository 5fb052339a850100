"""A picture, given as a file or an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from rich.text import Text

from neurfield.errors import UserError
from neurfield.images import open_image
from neurfield.images.write import save_rows
from neurfield.inputs.base import Input
from neurfield.inputs.image.opened import OpenedImage
from neurfield.inputs.image.page import image_page
from neurfield.inputs.image.results import write_results
from neurfield.inputs.image.words import image_words
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.page import Page
from neurfield.ops import native
from neurfield.parts import Config


class ImageInput(OpenedImage, Input):
    """A picture, fitted by a field of colours; ends as the picture that the field holds."""

    flag: ClassVar[str] = "image"
    called: ClassVar[str] = "an image"
    fits: ClassVar[str] = "picture"
    why_not: ClassVar[str] = "there is no surface to mesh, measure or look at; its picture and numbers are in"
    finishing: ClassVar[str] = "decoding the whole picture, measuring, comparing files ..."

    @classmethod
    def fresh(cls, source: str | Path | np.ndarray, config: Config, device: torch.device) -> ImageInput:
        """A file, or an array uint8 or uint16 [h, w] or [h, w, 1 to 4]."""
        return cls(open_image(source), config, device, fresh=True)

    @classmethod
    def again(
        cls,
        folder: Path,
        facts: dict[str, Any],
        config: Config,
        device: torch.device,
        moved_to: str | Path | None = None,
    ) -> ImageInput:
        """The same picture; a folder that was moved keeps the one that an array became."""
        if moved_to is not None:
            raise UserError(f"{folder}: a fit of an image: it has no scene that could have moved")
        path = Path(facts["image"])
        kept = path.parent.resolve() != folder and not path.exists()
        source = open_image(folder / path.name if kept else path)
        now = [source.width, source.height, source.channels, source.bits]
        if now != facts["size"]:
            raise UserError(
                f"{path}: the picture is another than the run's (width, height, channels, bits "
                f"{now}, were {facts['size']}): bring it back, or fit anew"
            )
        return cls(source, config, device, fresh=False)

    @classmethod
    def place(cls, facts: dict[str, Any]) -> str:
        """The file."""
        return str(facts["image"])

    def keep(self) -> None:
        """An array becomes image.png."""
        source = self.source
        if source.path is None:
            bands = [source.region(0, 0, source.width, source.height)]
            source.path = save_rows(bands, source, self.folder / "image")

    def facts(self) -> dict[str, Any]:
        """File, size, and what was noticed when it was opened."""
        source = self.source
        assert source.path is not None
        return {
            "image": str(source.path.resolve()), "notes": list(source.notes),
            "size": [source.width, source.height, source.channels, source.bits],
        }  # fmt: skip

    def read(self) -> None:
        """The picture, or the first tiles of it."""
        self.task.read()

    def session(self) -> dict[str, object]:
        """Which kernels."""
        return {"kernels": native.name_of(*self.field.layers.parameters())}

    def words(self, step: int, seconds_per_step: float) -> list[str | Text]:
        """What is fitted, with what, and what it will take."""
        return [*image_words(self, step, seconds_per_step)]

    def finish(self, outcome: Outcome) -> None:
        """The reconstruction, the model, pictures side by side, and what other files would take."""
        outcome.metrics.update(write_results(self))

    def leaves(self, outcome: Outcome) -> list[tuple[str, Path]]:
        """The picture, side by side with the true one, and the model."""
        return [
            ("picture", next(self.folder.glob("reconstruction.*"))),
            ("side by side", self.folder / "side_by_side.png"),
            ("model", self.folder / "model.safetensors"),
        ]

    @classmethod
    def page(cls, folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
        """The pictures side by side."""
        return image_page(folder, facts, config, metrics)
