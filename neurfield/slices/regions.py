"""What of a plane each label has, where contours of several labels nest, touch or cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from neurfield.slices.arrangement import borders
from neurfield.slices.contours import Contour, Slice, Slices
from neurfield.slices.mend import label_at

ANY = 0  # of whatever has a label


def regions(slices: Slices, inner: Mapping[int, Sequence[int]] | None = None) -> dict[int, Slices]:
    """Slices of one label each, whose contours go around what the label has and no other (`label_at`).

    Where contours of two labels nest or cross, the smaller contour counts, so the larger one gets a hole. A
    line that two labels share is of both. Under `ANY` are contours around all labels as one thing, without
    the lines between labels.

    Args:
        slices: of several labels.
        inner: labels that lie in a label and are left in it, as of `inner_labels`; None: none is.
    """
    parts = {label: {label, *(inner or {}).get(label, ())} for label in slices.labels}
    each: dict[int, list[Slice]] = {label: [] for label in (ANY, *slices.labels)}
    for one in slices.slices:
        found = _regions_of(one, parts)
        for label, kept in each.items():
            kept.append(replace(one, contours=tuple(found.get(label, ()))))
    named = {label: {label: slices.names[label]} if label in slices.names else {} for label in each}
    return {label: replace(slices, slices=tuple(kept), names=named[label]) for label, kept in each.items()}


def _regions_of(one: Slice, parts: Mapping[int, set[int]]) -> dict[int, list[Contour]]:
    """Contours of each label of a slice, of those that are parts of it, and of `ANY`."""
    labels = {contour.label for contour in one.contours}
    shown = [label for label, its in parts.items() if its & labels]
    if len(labels) < 2:
        alike = [Contour(contour.corners) for contour in one.contours]
        return dict.fromkeys((ANY, *shown), alike)
    its = {label: sorted(labels if label == ANY else parts[label]) for label in (ANY, *shown)}
    found = borders([contour.corners for contour in one.contours], lambda points: label_at(one, points), its)
    return {label: [Contour(line) for line in lines] for label, lines in found.items()}
