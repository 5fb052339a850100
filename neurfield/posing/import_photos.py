"""From a folder of photos or a video to a scene, stage by stage; each stage that is done stays done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.openmp import default_threads
from neurfield.posing import colmap
from neurfield.posing.alike import alike_pairs
from neurfield.posing.diagnosis import (
    TURNED,
    Links,
    blur_doubts,
    links_of,
    turned_on_the_spot,
    why_left,
    why_nothing,
)
from neurfield.posing.gate import PoseNumbers, numbers_of, points_of
from neurfield.posing.given import FEWEST, Given, look_at
from neurfield.posing.known_length import KnownLength, parse_length, photos_meant, scale_of
from neurfield.posing.pairs import ALIKE, PAIRS_AT_ONCE, choose_pairs, each_with_each, estimate, in_blocks
from neurfield.posing.pictures import (
    Listing,
    Picture,
    Progress,
    bake,
    mask_doubts,
    read_listing,
    reduced,
    write_listing,
)
from neurfield.posing.video import take_frames
from neurfield.posing.workplace import Workplace, read_json
from neurfield.posing.write import write_scene

VERSION = 1  # of what the stages do

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Imported:
    """What an import gave.

    Attributes:
        scene: its folder.
        numbers: of the poses.
        doubts: what speaks against trusting them.
        left: names of pictures without a pose, and why.
        up: unit [3], world.
        metres: whether the scene's unit is the metre; it is arbitrary otherwise.
    """

    scene: Path
    numbers: PoseNumbers
    doubts: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    up: np.ndarray
    metres: bool


def import_photos(
    source: Path,
    out: Path,
    *,
    longest: int = 1600,
    known_length: str | None = None,
    threads: int | None = None,
    tell: Tell = print,
    progress: Progress = lambda words, part: None,
) -> Imported:
    """Find the poses of photos, and write them as a scene.

    Args:
        source: a folder of photos, or a video.
        out: for the scene; what an earlier call left there unfinished is gone on with.
        longest: side of the scene's pictures, pixels.
        known_length: a length that was measured, as `neurfield.posing.known_length` reads it.
        threads: how many processors take part; None: as many as there are.
        tell: is told what people should know, a line a time.
        progress: is told what is being done, and which part of it is.

    Raises:
        UserError: there is nothing to import, a library is missing, or no poses can be found, with the
            reason.
    """
    length = None if known_length is None else parse_length(known_length)
    threads = default_threads() if threads is None else threads
    source, out = source.expanduser().resolve(), out.expanduser().resolve()
    if source == out:
        raise UserError(f"{out}: the photos lie there: give another folder with --out")
    colmap.load()
    given = look_at(source)
    if length is not None and given.photos:
        photos_meant(length, [photo.name for photo in given.photos])
    for line in given.lines:
        tell(line)
    place = Workplace(out)
    with place.held():
        state = {"version": VERSION, "source": given.word, "longest": longest}
        added = place.grow(state, [photo.name for photo in given.photos])
        if added:
            joined = (
                "one photo was added: it joins" if added == 1 else f"{added} photos were added: they join"
            )
            tell(
                f"{joined} the poses of the {len(given.photos) - added} of before, whose world and unit stay"
            )
        elif place.begin(state):
            tell("the photos or the size are others than those of the work that was left here: starting over")
        if length is None:
            length = _length_of_before(place)
        _foretell(given, longest, threads, place, tell)
        listing = _pictures(given, longest, place, progress)
        for line in listing.lines:
            tell(line)
        pictures = listing.pictures
        for line in mask_doubts(pictures, place):
            tell(f"doubtful: {line}")
        if len(pictures) < FEWEST:
            raise UserError(_too_few(given, len(pictures)))
        if length is not None:
            photos_meant(length, [one.name for one in pictures])
        colmap.make_database(pictures, place)
        colmap.find_features(place, threads, progress, {one.file for one in pictures if one.masked})
        files = [one.file for one in pictures]
        pairs = choose_pairs(len(files), listing.ordered)
        if not each_with_each(len(files), listing.ordered):
            pairs = sorted({*pairs, *alike_pairs(colmap.largest_features(files, place), ALIKE)})
        groups = [[(files[i], files[j]) for i, j in group] for group in in_blocks(pairs, PAIRS_AT_ONCE)]
        colmap.match_pairs(groups, place, threads, progress)
        links = links_of(place)
        if links.matches and turned_on_the_spot(links):
            raise UserError(f"{source}: {TURNED}")
        models = colmap.map_pictures(len(pictures), place, threads, progress)
        if not models:
            raise UserError(f"{source}: no poses can be found: {why_nothing(pictures, links)}")
        progress("the scene", 0.0)
        return _finish(models, pictures, links, length, place, threads, tell)


def _length_of_before(place: Workplace) -> KnownLength | None:
    """The known length of the scene that photos are being added to; None where it had none."""
    record = (read_json(place.scene / "transforms.json") or {}).get("import", {})
    if record.get("state") == _word(place.state) or record.get("known_length") is None:
        return None
    return parse_length(record["known_length"])


def _foretell(given: Given, longest: int, threads: int, place: Workplace, tell: Tell) -> None:
    """Say beforehand what it takes, unless it is done already."""
    if place.models.is_dir():
        tell(f"poses are there already: {place.folder}")
        return
    sizes = [reduced(size, longest) for size in given.sizes]
    ordered = not given.photos
    pairs = len(choose_pairs(len(sizes), ordered))
    if not each_with_each(len(sizes), ordered):
        more = ALIKE // 2 * len(sizes)  # half of them are neighbours or each other's
        pairs = min(pairs + more, len(sizes) * (len(sizes) - 1) // 2)
    cost = estimate(sizes, pairs, threads)
    begun = place.listing.exists() or place.earlier_listing.exists()
    again = " (part of it is done)" if begun else ""
    width, height = max(sizes)
    tell(
        f"{len(sizes)} pictures of up to {width}x{height}, {pairs:,} pairs, {threads} threads: "
        f"{cost.words}{again}"
    )
    tell("it may be stopped at any time: called again, it goes on")


def _pictures(given: Given, longest: int, place: Workplace, progress: Progress) -> Listing:
    """The pictures of the scene, written unless they are there."""
    listing = read_listing(place)
    if listing is None:
        if given.photos:
            listing = bake(given.photos, longest, place, progress)
        else:
            listing = take_frames(given.path, longest, place, progress)
        write_listing(place, listing)
    return listing


def _too_few(given: Given, count: int) -> str:
    if given.photos:
        return (
            f"{given.path}: {count} of {len(given.photos)} photos can be read: at least {FEWEST} are needed"
        )
    return f"{given.path}: the camera hardly moves in it: walk around what it shows, and film that"


def _finish(
    models: list[Path],
    pictures: tuple[Picture, ...],
    links: Links,
    length: KnownLength | None,
    place: Workplace,
    threads: int,
    tell: Tell,
) -> Imported:
    """Choose a model, measure it, give it a scale, and write it."""
    pycolmap = colmap.load()
    each = [pycolmap.Reconstruction(folder) for folder in models]
    model = each[0]
    images = {model.images[number].name: model.images[number] for number in model.reg_image_ids()}
    scale = 1.0 if length is None else scale_of(length, pictures, images)
    points = points_of(model)
    numbers = numbers_of(model, points, len(pictures))
    doubts = numbers.doubts()
    left = _left(pictures, list(images), each, links)
    parts = [one for one in each[1:] if any(name not in images for name in _names(one))]
    if parts:
        counts = ", ".join(str(one.num_reg_images()) for one in (model, *parts))
        doubts.insert(
            0,
            f"the pictures fall into {len(parts) + 1} parts without a link, of {counts} pictures: "
            "the largest is taken; take photos between them",
        )
    blurred = blur_doubts([one for one in pictures if one.file in images])
    record = {
        "state": _word(place.state),
        "unit": "arbitrary" if length is None else "metre",
        "known_length": None if length is None else length.text,
        "numbers": asdict(numbers),
        "notes": [f"poses: {doubt}" for doubt in doubts] + mask_doubts(pictures, place) + blurred,
    }
    written = write_scene(models[0], pictures, points.sure(), scale, record, place, threads)
    if written.bent > 0.1:
        tell(f"the lens bends corners by {written.bent:.1f} pixels, which is undone in the scene's pictures")
    return Imported(place.scene, numbers, (*doubts, *blurred), tuple(left), written.up, length is not None)


def _left(
    pictures: tuple[Picture, ...], registered: list[str], models: list[Any], links: Links
) -> list[tuple[str, str]]:
    """The pictures without a pose, and why."""
    others: dict[str, tuple[int, int]] = {}
    for k, model in enumerate(models[1:], 2):
        for name in _names(model):
            others.setdefault(name, (k, model.num_reg_images()))
    waiting = [one for one in pictures if one.file not in registered]
    return [
        (
            one.name,
            f"belongs to part {others[one.file][0]}, of {others[one.file][1]} pictures"
            if one.file in others
            else why_left(one, links, registered),
        )
        for one in waiting
    ]


def _names(model: Any) -> list[str]:
    """The pictures of a reconstruction that have a pose."""
    return [model.images[number].name for number in model.reg_image_ids()]


def _word(state: Path) -> str:
    return hashlib.sha256(json.dumps(json.loads(state.read_text())).encode()).hexdigest()[:16]
