"""metrics.json in words and units, for tables on the screen and on the page."""

from __future__ import annotations

from typing import Any

from neurfield.wording import duration, length

_GROUPS = {
    "troubles": "What could not be made",
    "fit": "Fit",
    "mesh": "Mesh",
    "slices": "Cuts of the mesh against the contours",
    "labels": "Labels, on average",
    "geometry": "Geometry against the true surface",
    "objects": "Objects against the true ones, on average",
    "dtu": "DTU's protocol, without ICP",
    "dtu_with_icp": "DTU's protocol, after ICP",
    "tanks_and_temples": "Protocol of Tanks and Temples, without its ICP",
    "tanks_and_temples_with_icp": "Protocol of Tanks and Temples, after its ICP",
    "replica": "MonoSDF's protocol for Replica",
    "scannet": "MonoSDF's protocol for ScanNet",
    "transients": "Passers-by",
    "images": "Pictures",
    "image": "Picture",
    "files": "Bytes, compared",
}
_NAMES = {
    "seconds": "time", "peak_memory_gb": "peak memory", "faces": "triangles",
    "accuracy": "accuracy (mesh to truth)", "completeness": "completeness (truth to mesh)",
    "chamfer_l1": "Chamfer-L1 (their mean)", "mesh_seen": "seen share of the mesh",
    "truth_seen": "seen share of the truth", "psnr": "PSNR", "ssim": "SSIM", "gmsd": "GMSD (0 is best)",
    "count": "how many", "size": "compared at",
    "chamfer_percent": "Chamfer-L1, of the diagonal", "iou": "IoU of what is inside",
    "contour_iou": "IoU of what is inside, all planes", "contour_iou_least": "in the worst plane",
    "worst_plane": "which is plane", "unsupported": "pieces left out, without a contour",
    "psnr_float16": "PSNR of the model file", "model": "model file (float16)",
    "source": "the picture's own file",
    "accuracy_mm": "accuracy (mesh to truth)", "completeness_mm": "completeness (truth to mesh)",
    "overall_mm": "overall (their mean)", "mesh_beyond": "share of the mesh beyond the cut",
    "truth_beyond": "share of the truth beyond the cut", "spacing_mm": "points of the mesh are apart by",
    "cut_mm": "cut of distances", "icp": "ICP", "mesh_points": "points of the mesh that count",
    "truth_points": "points of the truth that count",
    "cameras_agree": "cameras within 20 cm of the reference",
    "accuracy_cm": "accuracy (mesh to truth)", "completeness_cm": "completeness (truth to mesh)",
    "chamfer_l1_cm": "Chamfer-L1 (their mean)", "precision_percent": "precision", "recall_percent": "recall",
    "f_score_percent": "F-score", "normal_consistency_percent": "normal consistency",
    "mesh_kept": "share of the mesh's faces that is left", "threshold_cm": "threshold",
    "truth_kept": "share of the truth's faces that is left", "farthest": "farthest depth",
    "apart": "points are apart by", "truth": "true surface",
    "png": "PNG, lossless", "jpeg": "JPEG of equal quality", "bits": "bits a channel", "remarks": "note",
    "left_out": "share that is left out", "pictures": "pictures with any", "of": "pictures in all",
}  # fmt: skip
_LENGTHS = {"accuracy", "completeness", "chamfer_l1", "voxel", "tau", "truncation", "farthest", "apart"}
_BYTES = {"model", "source", "png", "jpeg"}
_SHARES = {
    "mesh_seen", "truth_seen", "mesh_beyond", "truth_beyond", "cameras_agree", "left_out", "mesh_kept",
    "truth_kept",
}  # fmt: skip
_SAID_BESIDE = {("images", "frames"), ("images", "pixels")}  # in the names of the scores


def numbers_in_words(metrics: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups of a run's metrics as (title, [(name, value in words), ...]); lengths as in `keyed_numbers`."""
    return [(title, [(name, value) for _, name, value in rows]) for title, rows in keyed_numbers(metrics)]


def keyed_numbers(metrics: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Groups of a run's metrics as (title, [(key, name, value in words), ...]).

    Lengths are in `unit`, of runs that do not know it yet in metres; those of the protocols always are.
    """
    groups = []
    for key, title in _GROUPS.items():
        group = metrics.get(key)
        unit = metrics.get("unit", "m") if key in ("geometry", "mesh") else "m"
        if isinstance(group, dict) and group:
            rows = [
                (item, name_of(item, unit) + _which(item, group), value_of(item, value, unit))
                for item, value in group.items()
                if (key, item) not in _SAID_BESIDE and not isinstance(value, dict)
            ]
            groups.append((title, rows))
    return groups


def objects_in_words(metrics: dict[str, Any], of: str = "objects") -> tuple[list[str], list[list[str]]]:
    """Headings and rows of a table of the numbers of each object, or label; no rows of none."""
    each = metrics.get(of, {}).get("each", {})
    keys = list(next(iter(each.values()), {}))
    unit = metrics.get("unit", "m")
    rows = [[label, *(value_of(key, one[key], unit) for key in keys)] for label, one in each.items()]
    return ["", *(name_of(key, unit) for key in keys)], rows


def _which(item: str, images: dict[str, Any]) -> str:
    """Of which frames and pixels a score of pictures is, as far as is known."""
    if item not in ("psnr", "ssim", "gmsd") or "frames" not in images:
        return ""
    return f" of {images['frames']} frames" + (
        f", {images['pixels']}" if images.get("pixels", "all") != "all" else ""
    )


def name_of(key: str, unit: str = "m") -> str:
    """A key of metrics.json in words: "f_score@0.05" becomes "F-score at 5 cm"."""
    what, at, distance = key.partition("@")
    if at:
        what = {"f_score": "F-score", "whole_f_score": "F-score, unseen sides too,"}.get(what, what)
        if distance.endswith("%"):
            return f"{what} at {distance.removesuffix('%')} % of the diagonal"
        return f"{what} at {length(float(distance), unit)}"
    return _NAMES.get(key, key.replace("_", " "))


def value_of(key: str, value: Any, unit: str = "m") -> str:
    """A value of metrics.json with its unit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if key in _LENGTHS:
        return length(value, unit)
    if key == "volume":
        return f"{value:,.5g} {unit}³" if unit else f"{value:,.5g}"
    if key.endswith("_mm"):
        return f"{value:.4g} mm"
    if key.endswith("_cm"):
        return f"{value:.4g} cm"
    if key.endswith("_percent"):
        return f"{value:.2f} %" if abs(value) >= 1.0 else f"{value:.3g} %"
    if key == "seconds":
        return duration(value)
    if key in _BYTES:
        return f"{value:,} bytes"
    if key.startswith("psnr"):
        return f"{value:.2f} dB"
    if key == "peak_memory_gb":
        return f"{value:.2f} GB"
    if key in _SHARES:
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
