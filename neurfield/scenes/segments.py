"""Ids of things, a picture each: as they are in the files, or as a file beside them says that they are meant.

Id 0 is what belongs to no thing: the room itself, or what nobody annotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, read_segment

_MOST_LISTED = 3


@dataclass(frozen=True)
class SegmentReader:
    """A reader of pictures of ids whose meaning stands in a file beside them (ObjectSDF++).

    Attributes:
        file: that says which id in the pictures is which thing, for errors.
        known: ids in the pictures, ascending.
        meant: the thing of each, 0 for what belongs to none.
    """

    file: Path
    known: tuple[int, ...]
    meant: tuple[int, ...]

    def __call__(self, path: Path) -> np.ndarray:
        """The ids of things int32 [H,W] of a picture; UserError names an id that the file does not have."""
        ids = read_segment(path)
        known = np.array(self.known, dtype=np.int64)
        row = np.searchsorted(known, ids).clip(0, len(known) - 1)
        unknown = np.unique(ids[known[row] != ids])
        if len(unknown):
            first = ", ".join(str(i) for i in unknown[:_MOST_LISTED].tolist())
            more = f" and {len(unknown) - _MOST_LISTED} more" if len(unknown) > _MOST_LISTED else ""
            raise UserError(
                f"{path}: id {first}{more} not in {self.file.name}: add a line ID,0,0 for what belongs to no "
                "thing, or ID,CLASS,THING"
            )
        return np.array(self.meant, dtype=np.int32)[row]


def segments_beside(folder: Path, images: Sequence[Path]) -> FileList | None:
    """Ids of things as ObjectSDF++ keeps them: segs/NAME_segs.png of NAME_rgb.png, and instance_mapping.txt.

    Args:
        folder: that holds both.
        images: the pictures.

    Returns:
        None where no picture has any.

    Raises:
        UserError: as `read_meanings`.
    """
    names = [image.stem.removesuffix("_rgb") for image in images]
    files = [folder / "segs" / f"{name}_segs.png" for name in names]
    paths = tuple(file if file.is_file() else None for file in files)
    meanings = folder / "instance_mapping.txt"
    if not any(paths):
        return None
    return FileList(paths, read_meanings(meanings) if meanings.is_file() else read_segment)


def read_meanings(file: Path) -> SegmentReader:
    """The reader of pictures whose ids a file explains, a line each: id, class, thing (0: the background).

    Raises:
        UserError: a line is none such, or an id stands there twice and means two things.
    """
    meant: dict[int, int] = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            identity, _, thing = (int(word) for word in line.split(","))
        except ValueError as reason:
            raise UserError(f"{file}:{number}: {reason}: a line is id,class,thing, whole numbers") from reason
        if meant.setdefault(identity, thing) != thing:
            raise UserError(
                f"{file}:{number}: id {identity} is {thing} here and {meant[identity]} above: keep one line"
            )
    if not meant:
        raise UserError(f"{file}: no ids in it: write a line id,class,thing for each, or take the file out")
    known = tuple(sorted(meant))
    return SegmentReader(file, known, tuple(meant[identity] for identity in known))
