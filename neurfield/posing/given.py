"""What a user gave to import: a folder of photos, or a video."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.posing.inventory import VIDEOS, Photo, digest_of, take_stock
from neurfield.posing.masks import unused_folder
from neurfield.posing.video import probe
from neurfield.scenes.images import looks_like_picture

FEWEST = 3
_SHOWN = 8  # of what is left out


@dataclass(frozen=True)
class Given:
    """What is imported.

    Attributes:
        path: of the folder or video.
        word: changes when it changes.
        photos: of the folder; none: it is a video.
        skipped: files of the folder that are left out, and why.
        lines: what is to be said of it.
        sizes: width and height of the photos, or of the frames that a video may give.
    """

    path: Path
    word: Any
    photos: tuple[Photo, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    sizes: list[tuple[int, int]] = field(default_factory=list)


def look_at(source: Path) -> Given:
    """What a path holds.

    Raises:
        UserError: nothing that can be imported, with what to do.
    """
    if source.is_file() and source.suffix.lower() in VIDEOS:
        size, seconds, frames = probe(source)
        words = f"a video of {seconds:.0f} s, {size[0]}x{size[1]}: up to {frames} frames of it"
        return Given(source, [source.name, digest_of(source)], lines=(words,), sizes=[size] * frames)
    if source.is_file():
        if looks_like_picture(source) or source.suffix.lower() in (".heic", ".heif"):
            raise UserError(f"{source} is one photo: give its folder, with at least {FEWEST} of one thing")
        raise UserError(f"{source} is neither a folder of photos nor a video ({', '.join(VIDEOS)})")
    if not source.is_dir():
        raise UserError(f"no folder or video {source}: give where the photos lie")
    stock = take_stock(source)
    if len(stock.photos) < FEWEST:
        count = "one photo" if len(stock.photos) == 1 else "two photos"
        more = f" ({_left_out(stock.skipped)})" if stock.skipped else ""
        raise UserError(
            f"{source}: {count}{more} cannot show a surface: take at least {FEWEST}, better 20 to 60, that "
            "overlap by two thirds"
        )
    lines = [_photos_in_words(stock.photos)]
    if stock.skipped:
        lines.append(f"left out: {_left_out(stock.skipped)}")
    lines += _masks_in_words(source, stock.photos)
    doubted = [photo for photo in stock.photos if photo.tags.doubted]
    if doubted:
        lines.append(f"focal length of {len(doubted)} photos not taken from EXIF: {doubted[0].tags.doubted}")
    lines += _focal_in_words(stock.photos)
    return Given(
        source,
        [_word(photo) for photo in stock.photos],
        stock.photos,
        stock.skipped,
        tuple(lines),
        [photo.size for photo in stock.photos],
    )


def _word(photo: Photo) -> list[str]:
    """What changes with a photo or its mask."""
    masked = ["alpha"] if photo.alpha else [] if photo.mask is None else [digest_of(photo.mask)]
    return [photo.path.name, photo.digest, *masked]


def _masks_in_words(folder: Path, photos: tuple[Photo, ...]) -> list[str]:
    """masks of 38 of 40 photos (masks/IMG_1.jpg.png): what is black in them is left out."""
    masks = [photo.mask for photo in photos if photo.mask is not None]
    if masks:
        first = masks[0].relative_to(folder if folder in masks[0].parents else folder.parent)
        return [f"masks of {len(masks)} of {len(photos)} photos ({first}): what is black in them is left out"]
    alpha = sum(photo.alpha for photo in photos)
    if alpha:
        return [f"{alpha} of {len(photos)} photos have an alpha channel: what is transparent is left out"]
    unused = unused_folder(folder)
    return [unused] if unused else []


def _focal_in_words(photos: tuple[Photo, ...]) -> list[str]:
    """Of which photos nothing tells the focal length."""
    unknown = [photo for photo in photos if photo.tags.pixels is None and not photo.tags.doubted]
    if not unknown:
        return []
    if len(unknown) == len(photos):
        return ["no focal length is known: it is found with the poses"]
    some = ", ".join(photo.path.name for photo in unknown[:_SHOWN])
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return [f"no focal length is known of {some}{more}: it is found with the poses, apart from the others'"]


def _photos_in_words(photos: tuple[Photo, ...]) -> str:
    """40 photos: 30 of 4032x3024 (Apple iPhone 12, 4.2 mm), 10 of 3024x4032 (...)."""
    kinds = Counter((f"{p.size[0]}x{p.size[1]}", p.tags.words) for p in photos).most_common()
    each = [f"{count} of {size}" + (f" ({lens})" if lens else "") for (size, lens), count in kinds]
    more = f", and {len(each) - 4} more kinds" if len(each) > 4 else ""
    return f"{len(photos)} photos: {', '.join(each[:4])}{more}"


def _left_out(skipped: tuple[tuple[str, str], ...]) -> str:
    each = [f"{name} ({why})" for name, why in skipped[:_SHOWN]]
    more = f", and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
    return ", ".join(each) + more
