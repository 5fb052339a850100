"""Layouts of files that are known but not read: which one it is, and how it becomes one that is."""

from __future__ import annotations

from pathlib import Path

from neurfield.scenes.images import looks_like_picture
from neurfield.wording import quoted


def foreign_format(path: Path) -> str | None:
    """What a path holds that no reader knows, and how to convert it, as the end of a sentence.

    None if nothing is known of it.
    """
    if path.is_file():
        return _file(path)
    for name, what, how in (
        ("groundtruth.txt", "is a part of a sequence of TUM RGB-D (groundtruth.txt)", _TUM),
        ("poses_bounds.npy", "is a scene of LLFF (poses_bounds.npy)", _POSES),
        (
            "sfm_data.json",
            "is a model of OpenMVG (sfm_data.json)",
            _COLMAP.format("openMVG_main_openMVG2Colmap"),
        ),
        (
            "reconstruction.json",
            "is a model of OpenSfM (reconstruction.json)",
            _COLMAP.format("opensfm export_colmap"),
        ),
        ("cameras.sfm", "is a model of Meshroom (cameras.sfm)", _COLMAP.format("its node ExportColmap")),
        (
            "cameras.xml",
            "is a model of Metashape (cameras.xml)",
            _COLMAP.format("File, Export, Export Cameras"),
        ),
        ("bundle.out", "is a model of Bundler (bundle.out)", _POSES),
    ):
        if (path / name).is_file():
            return f"{what}: {how}"
    if (path / "pose").is_dir() and ((path / "color").is_dir() or (path / "rgb").is_dir()):
        return f"is a scene of ScanNet or SceneNN (pose/, color/) without its intrinsics: {_SCANNET}"
    if (path / "import" / "state.json").is_file():
        return "is an import that was stopped: call `neurfield scene import` again as before, and it goes on"
    pictures = next((folder for folder in (path, path / "images") if _pictures(folder)), None)
    if pictures is not None:
        return (
            "holds pictures without poses: find them with "
            f"`neurfield scene import {quoted(pictures)} --out SCENE --fit`, which goes on to the mesh, "
            "or with COLMAP, whose folder with images/ and sparse/ is read"
        )
    recordings = [entry for entry in sorted(path.iterdir()) if entry.suffix.lower() in _FILES]
    if recordings:
        return f"holds {recordings[0].name}, which {_file(recordings[0])}"
    return None


# By the suffix of a file: what it is, and how it becomes a scene.
_VIDEO = "is a video: `neurfield scene import {path} --out SCENE --fit` makes a scene of it, and a mesh"
_FILES = {
    ".r3d": "is a recording of Record3D: unzip it into a folder (unzip {name} -d OUT), and give that",
    ".sens": (
        "is a recording of ScanNet: take it apart with ScanNet's SensReader (reader.py, all four --export "
        "flags), and give the folder that it writes"
    ),
    ".usdz": "is a mesh without the pictures that it was made of: export the capture's raw data instead",
    ".zip": "is an archive: unzip it into a folder (unzip {name} -d OUT), and give that",
    ".bag": "is a recording of ROS or RealSense: export pictures, depth and poses in TUM RGB-D's layout",
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"), _VIDEO),
}
_SCANNET = "export them with SensReader (--export_intrinsics) into intrinsic/, as 4x4 intrinsic_color.txt"
_POSES = "write its poses (world_from_cam, OpenGL axes) and intrinsics into a transforms.json"
_COLMAP = "write it as a COLMAP model ({}), and give the folder with images/ and sparse/"
_TUM = "its rgb.txt is missing, which says when each picture was taken: copy it from the data set"


def _file(path: Path) -> str | None:
    if looks_like_picture(path):
        return f"is a picture: fit it with `neurfield fit --image {quoted(path)}`"
    if path.suffix.lower() in (".ply", ".obj", ".glb", ".stl", ".off"):
        shown = f"`neurfield view {quoted(path)}`"
        return f"is a mesh or points: look at it with {shown}, or measure a run --against it"
    if path.suffix.lower() in _FILES:
        return _FILES[path.suffix.lower()].format(name=path.name, path=path)
    return None


def _pictures(folder: Path) -> bool:
    return folder.is_dir() and any(looks_like_picture(entry) for entry in sorted(folder.iterdir())[:20])
