"""What is wrong with slices, and what of it can be mended because its meaning is clear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from neurfield.errors import UserError
from neurfield.slices.contours import Contour, Slice, Slices
from neurfield.slices.crossed import crossing_pairs
from neurfield.slices.findings import Finding, gathered
from neurfield.slices.nesting import around
from neurfield.slices.planar import distance, edges_of, inside
from neurfield.slices.united import beside, united

_SAME = 1e-6  # of the longest side: planes and corners nearer than that are one
_TWIN = 1e-3  # of a contour's longest side: two of a label nowhere farther apart were drawn once
_OPEN = 4.0  # times the median edge: the edge that closes a line is none that was drawn
_OTHER_UNITS = (10.0, 25.4, 100.0, 1000.0)
_MISSING = 6.0  # times the median gap: planes between are missing, or nobody looked there
_FAR_APART = 12.0  # times the smallest contour's width: planes tell nothing of what lies between


def mend(slices: Slices) -> Slices:
    """Slices of which a fit can be made; what was mended stands in their notes.

    Raises:
        UserError: a fit would make no sense, and why.
    """
    mended, findings = looked_over(slices)
    for finding in findings:
        if finding.grave:
            raise UserError(f"{slices.path or slices.name}: {finding.words}")
    return replace(mended, notes=(*slices.notes, *(finding.words for finding in findings)))


def looked_over(slices: Slices) -> tuple[Slices, list[Finding]]:
    """Slices with all mended that can be, and all that was found."""
    findings: list[Finding] = []
    known = slices.corners[np.isfinite(slices.corners).all(axis=1)]
    size = float(np.ptp(known, axis=0).max()) if len(known) else 0.0
    merged = _merged(slices.slices, size, findings.append)
    kept = [_clean(one, size, slices.called, findings.append) for one in merged]
    result = replace(slices, slices=tuple(kept))
    if not any(one.contours for one in kept):
        findings.append(Finding("there is no contour in any plane", grave=True))
        return result, gathered(findings)
    if sum(bool(one.contours) for one in kept) < 2:
        findings.append(
            Finding("contours lie in one plane only, so nothing tells how thick it is: give more planes",
                    grave=True)
        )  # fmt: skip
        return result, gathered(findings)
    for label in set(slices.names) - set(result.labels):
        findings.append(Finding(f"label {slices.called(label)} has no contour"))
    _look_at_turned_planes(result, findings.append)
    _look_at_units(result, findings.append)
    _look_at_gaps(result, findings.append)
    return result, gathered(findings)


def _name(one: Slice, contour: int | None = None) -> str:
    return f"plane {one.number}" + ("" if contour is None else f", contour {contour + 1}")


def _of(one: Slice, contour: int | None, what: str, mended: str, kind: str) -> Finding:
    """A finding of a plane, told together with others of its kind."""
    place = None if contour is None else contour + 1
    return Finding(what, mended, kind=kind, plane=one.number, contour=place)


def _merged(given: tuple[Slice, ...], size: float, tell: Callable[[Finding], None]) -> list[Slice]:
    """Planes that are given twice made one."""
    kept: list[Slice] = []
    for one in given:
        same = next((k for k, other in enumerate(kept) if _same_plane(one, other, size)), None)
        if same is None:
            kept.append(one)
            continue
        other = kept[same]
        moved = tuple(
            replace(contour, corners=other.plane.flat(one.plane.world(contour.corners)))
            for contour in one.contours
        )
        tell(Finding(f"{_name(one)} is the same as {_name(other)}", "their contours are put together"))
        kept[same] = replace(other, contours=(*other.contours, *moved))
    return kept


def _same_plane(one: Slice, other: Slice, size: float) -> bool:
    a, b = one.plane, other.plane
    if abs(a.normal @ b.normal) < 1.0 - 1e-9:
        return False
    return abs(float(b.heights(a.origin[None])[0])) <= _SAME * size


def _clean(one: Slice, size: float, called: Callable[[int], str], tell: Callable[[Finding], None]) -> Slice:
    """A slice's contours without what means nothing, each told by its place in the file."""
    kept: list[Contour] = []
    for k, contour in enumerate(one.contours):
        corners = contour.corners
        if not np.isfinite(corners).all():
            tell(_of(one, k, f"{_name(one, k)} has corners that are no numbers", "left out", "no numbers"))
            continue
        edge = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
        corners = corners[edge > 0.0] if len(corners) > 1 else corners
        doubled = len(contour.corners) - len(corners)
        if doubled > 1:  # one is a line that ends where it begins, as many write it
            what = f"{_name(one, k)}: {doubled} corners are there twice"
            tell(_of(one, k, what, "one of each is kept", "corners twice"))
        if len(corners) < 3 or not _has_inside(corners, size):
            what = f"{_name(one, k)}: {len(corners)} corners without an inside"
            tell(_of(one, k, what, "left out", "no inside"))
            continue
        cleaned = Contour(corners, contour.label)
        if any(_twins(cleaned, other) for other in kept):
            tell(_of(one, k, f"{_name(one, k)} is another's twin", "left out", "twin"))
            continue
        _look_at_ends(one, k, corners, tell)
        kept.append(cleaned)
    together = _look_at_crossings(one, kept, called, tell)
    _look_at_turns(one, kept, tell)
    return replace(one, contours=tuple(united(kept, together)))


def _has_inside(corners: np.ndarray, size: float) -> bool:
    """Whether a line goes around something; one that crosses itself may, though its areas cancel out."""
    if abs(Contour(corners).area) > (_SAME * size) ** 2:
        return True
    edges = edges_of([corners])
    return len(crossing_pairs(edges, np.zeros(len(edges), np.int64))) > 0


def _twins(one: Contour, other: Contour) -> bool:
    """Whether two contours of a label are the same line, whatever its corners are."""
    a, b = one.corners, other.corners
    near = _TWIN * float(np.ptp(a, axis=0).max())
    if one.label != other.label or np.abs(a.min(axis=0) - b.min(axis=0)).max() > near:
        return False
    if np.abs(a.max(axis=0) - b.max(axis=0)).max() > near:
        return False
    return bool(distance(a, [b]).max() <= near and distance(b, [a]).max() <= near)


def _look_at_ends(one: Slice, k: int, corners: np.ndarray, tell: Callable[[Finding], None]) -> None:
    edge = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    last, usual = edge[0], float(np.median(edge[1:]))
    if len(corners) > 8 and last > _OPEN * usual and last > 3.0 * float(edge[1:].max()):
        what = f"{_name(one, k)} is open by {last:.3g}"
        tell(_of(one, k, what, "closed by a straight edge", "open"))


def _look_at_crossings(
    one: Slice, contours: list[Contour], called: Callable[[int], str], tell: Callable[[Finding], None]
) -> list[tuple[int, int]]:
    """Tell which cross; those of a label that were drawn beside each other are to become one."""
    edges = [edges_of([contour.corners]) for contour in contours]
    together: list[tuple[int, int]] = []
    if not edges:
        return together
    owner = np.repeat(np.arange(len(edges)), [len(each) for each in edges])
    for a, b in crossing_pairs(np.concatenate(edges), owner).tolist():
        what = f"{_name(one, a)} crosses "
        if a == b:
            mended = "inside is what an odd number of its lines goes around"
            tell(_of(one, a, what + "itself", mended, "itself"))
        elif contours[a].label == contours[b].label and beside(contours[a], contours[b]):
            together.append((a, b))
            mended = "less than half of either lies in the other, so both are made one"
            tell(_of(one, a, what + f"contour {b + 1}", mended, "beside"))
        elif contours[a].label == contours[b].label:
            mended = "inside is what one of them goes around alone"
            tell(_of(one, a, what + f"contour {b + 1}", mended, "another"))
        else:
            first, second = called(contours[a].label), called(contours[b].label)
            what = f"{_name(one, a)} of label {first} crosses contour {b + 1} of label {second}"
            pair = sorted((contours[a].label, contours[b].label))
            mended = "where they overlap, the smaller contour counts"
            tell(_of(one, None, what, mended, f"labels {pair}"))
    return together


def _look_at_turns(one: Slice, contours: list[Contour], tell: Callable[[Finding], None]) -> None:
    """Lines that turn the wrong way for what they are: outer ones left, holes right."""
    turned = [
        k for k, holders in enumerate(around(contours)) if (contours[k].area < 0.0) != (len(holders) % 2 == 1)
    ]
    if turned and len(turned) < len(contours):
        which = ", ".join(str(k + 1) for k in turned[:8]) + (", ..." if len(turned) > 8 else "")
        what = f"{_name(one)}: contours {which} turn the other way than the rest"
        mended = "holes are told by what lies around them, not by that"
        tell(_of(one, None, what, mended, "turns"))


def _look_at_turned_planes(slices: Slices, tell: Callable[[Finding], None]) -> None:
    """Parallel planes all of whose outer lines turn the other way than most planes', seen from one side."""
    some = [one for one in slices.slices if one.contours]
    if not slices.parallel:
        return
    ways = []
    for one in some:
        outer = [c for c, holders in zip(one.contours, around(one.contours)) if len(holders) % 2 == 0]
        turns = {contour.area > 0.0 for contour in outer}
        way = 1.0 if turns == {True} else -1.0 if turns == {False} else 0.0
        ways.append(way * float(np.sign(one.plane.normal @ some[0].plane.normal)))
    usual = 1.0 if sum(ways) > 0.0 or (sum(ways) == 0.0 and ways[0] > 0.0) else -1.0
    for one, way in zip(some, ways):
        if way == -usual:
            what = f"{_name(one)}: contours turn the other way than in most planes"
            tell(_of(one, None, what, "what is inside does not depend on that", "turned planes"))


def _look_at_units(slices: Slices, tell: Callable[[Finding], None]) -> None:
    """A plane whose contours are ten, a hundred, a thousand or 25.4 times those of the planes beside it."""
    some = [one for one in slices.slices if one.contours]
    sizes = np.array(
        [float(np.ptp(np.concatenate([c.corners for c in one.contours]), axis=0).max()) for one in some]
    )
    usual = float(np.sort(sizes)[(len(sizes) - 1) // 2])  # one that is there, also where half are others
    for one, size in zip(some, sizes):
        ratio = max(size / usual, usual / size)
        alike = min(_OTHER_UNITS, key=lambda unit: abs(np.log(unit / ratio)))
        if ratio > 8.0 and abs(np.log(alike / ratio)) < 0.15:
            more = "larger" if size > usual else "smaller"
            what = f"{_name(one)} is {alike:g} times {more} than the others"
            tell(_of(one, None, what, "is it in other units?", f"units {alike:g}"))


def _look_at_gaps(slices: Slices, tell: Callable[[Finding], None]) -> None:
    gaps = slices.gaps
    if not len(gaps):
        return
    widths = [
        float(np.ptp(contour.corners, axis=0).min()) for one in slices.slices for contour in one.contours
    ]
    width, gap = float(np.median(widths)), float(np.median(gaps))
    if gap > _FAR_APART * width:
        tell(
            Finding(f"planes are {gap:.3g} apart and contours {width:.3g} wide: what lies between is a guess")
        )
        return
    normal = slices.slices[0].plane.normal
    ordered = sorted(slices.slices, key=lambda one: float(one.plane.origin @ normal))
    for one, other, apart in zip(ordered, ordered[1:], gaps):
        if apart > _MISSING * gap and one.contours and other.contours:
            what = f"{_name(one)} and {_name(other)} are {apart:.3g} apart, most others {gap:.3g}"
            tell(_of(one, None, what, "what lies between is a guess: are planes missing?", "gap"))


def label_at(one: Slice, points: np.ndarray) -> np.ndarray:
    """The label [P] of places [P, 2] of a slice, 0 outside all; where contours overlap the smaller counts."""
    result = np.zeros(len(points), np.int64)
    area = np.full(len(points), np.inf)
    for label in sorted({contour.label for contour in one.contours}):
        loops = one.of_label(label)
        odd = np.zeros(len(points), bool)
        smallest = np.full(len(points), np.inf)
        for loop in loops:
            low, high = loop.min(axis=0), loop.max(axis=0)
            rows = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
            rows = rows[inside(points[rows], [loop])]
            odd[rows] ^= True
            smallest[rows] = np.minimum(smallest[rows], abs(Contour(loop).area))
        nearer = odd & (smallest < area)
        result[nearer], area[nearer] = label, smallest[nearer]
    return result
