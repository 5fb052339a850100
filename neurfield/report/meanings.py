"""What each number of a report means, in a line."""

from __future__ import annotations

import re
from html import escape

# By key of metrics.json, of a threshold without it: (what it is called, what it says and which way is good).
MEANINGS = {
    "f_score": (
        "F-score",
        "How much of the mesh lies this near to the truth, and how much of the truth this near to the "
        "mesh: the harmonic mean of both shares. 1 is best.",
    ),
    "whole_f_score": (
        "F-score, unseen sides too",
        "As F-score, with what no camera saw.",
    ),
    "precision": (
        "precision",
        "The share of points on the mesh that are this near to the truth. 1 is best.",
    ),
    "recall": (
        "recall",
        "The share of points on the truth that are this near to the mesh. 1 is best.",
    ),
    "chamfer_l1": (
        "Chamfer-L1",
        "How far mesh and truth are from each other on average, there and back. 0 is best.",
    ),
    "chamfer_percent": (
        "Chamfer-L1, of the diagonal",
        "The same as a share of the shape's diagonal. 0 is best.",
    ),
    "accuracy": (
        "accuracy",
        "The mean distance from points on the mesh to the truth: what was made wrongly. 0 is best.",
    ),
    "completeness": (
        "completeness",
        "The mean distance from points on the truth to the mesh: what is missing. 0 is best.",
    ),
    "normal_consistency": (
        "normal consistency",
        "How alike the directions of mesh and truth are where they are nearest: the mean of the "
        "cosine between their normals. 1 is best.",
    ),
    "contour_iou": (
        "IoU in planes",
        "Of all that lies inside the mesh's cuts or the contours, the share that lies inside both. "
        "1 is best.",
    ),
    "iou": (
        "IoU",
        "What is inside both, as a share of what is inside either. 1 is best.",
    ),
    "mesh_seen": (
        "seen share of the mesh",
        "Only what some camera saw is measured: this much of the mesh.",
    ),
    "truth_seen": (
        "seen share of the truth",
        "Only what some camera saw is measured: this much of the truth.",
    ),
    "psnr": (
        "PSNR",
        "How near rendered pixels are to true ones, on a scale of decibels: 10 dB more is a tenth of "
        "the squared error. Higher is better; above 30 dB one must look closely.",
    ),
    "psnr_float16": (
        "PSNR of the model file",
        "The same, with the field's numbers rounded as its file has them.",
    ),
    "ssim": (
        "SSIM",
        "How alike the structure of small windows is (Wang et al. 2004). 1 is best.",
    ),
    "gmsd": (
        "GMSD",
        "How unevenly edges differ from the true ones (Xue et al. 2014). 0 is best.",
    ),
    "overall_mm": (
        "overall",
        "DTU's number: the mean of accuracy and completeness, by its own sampling. 0 is best.",
    ),
    "f_score_percent": (
        "F-score by MonoSDF's protocol",
        "As F-score at 5 cm, between meshes that are culled and rendered again as MonoSDF does it. "
        "100 is best.",
    ),
    "voxel": (
        "voxel",
        "The edge of the cells in which the surface was looked for: details are hardly finer.",
    ),
    "seconds": (
        "time",
        "Wall-clock time of it, on the machine that made this.",
    ),
    "peak_memory_gb": (
        "peak memory",
        "The most memory that the program held at once.",
    ),
    "parameters": (
        "parameters",
        "How many numbers the field is made of.",
    ),
    "model": (
        "model file",
        "The field as a file of half-precision numbers, to compare with files of pictures.",
    ),
    "png": ("PNG", "What the picture takes without any loss."),
    "jpeg": (
        "JPEG of equal quality",
        "What a JPEG takes whose PSNR is the same.",
    ),
    "left_out": (
        "share that is left out",
        "Of the pictures, because only they show it: passers-by.",
    ),
    "loss": (
        "loss",
        "What the fit makes small: the weighted sum of the terms below.",
    ),
    "rays": (
        "rays per second",
        "How many pixels' rays were fitted in a second.",
    ),
    "pixels": (
        "pixels per second",
        "How many pixels were fitted in a second.",
    ),
    "samples_per_ray": (
        "samples per ray",
        "At how many points of a ray the field was asked, on average: they gather at the surface as "
        "it is found.",
    ),
}


def key_of(item: str) -> str:
    """The key of MEANINGS for a key of metrics.json, "" if there is none: "f_score@0.05" is "f_score"."""
    stem = item.partition("@")[0]
    for key in (stem, re.sub(r"_(mm|cm)$", "", stem)):
        if key in MEANINGS:
            return key
    return ""


def linked(words: str, key: str) -> str:
    """Words that lead to what they mean, where that is said."""
    return f'<a href="#{key}">{escape(words)}</a>' if key in MEANINGS else escape(words)


def glossary(page: str, more: dict[str, tuple[str, str]]) -> str:
    """A list of the meanings that a page leads to, and of more by key."""
    used = [key for key in MEANINGS if f'href="#{key}"' in page]
    entries = [(key, *MEANINGS[key]) for key in used] + [(key, *said) for key, said in more.items()]
    items = [
        f'<dt id="{escape(key)}">{escape(name)}</dt><dd>{escape(said)}</dd>' for key, name, said in entries
    ]
    return f"<dl>{''.join(items)}</dl>" if items else ""
