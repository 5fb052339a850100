"""`neurfield doctor`: what this machine offers, what is missing, and the command that brings it."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from neurfield.cli.console import next_commands, table
from neurfield.scenes.builtin import ROOMS, builtin_folder, made_version
from neurfield.wording import quoted

CORE = (
    "numpy", "torch", "trimesh", "embreex", "safetensors", "pyyaml", "tyro", "rich", "pillow",
    "scipy", "pyvips",
)  # fmt: skip
# extra -> (distributions that it brings, what it is for): all but those for work on neurfield itself
EXTRAS = {
    "viewer": (("open3d",), "the window and screenshots of `neurfield view`"),
    "web": (("viser",), "pages for a browser: `neurfield view --web`, `fit --web`"),
    "video": (("imageio-ffmpeg",), "films: `neurfield render --out film.mp4`"),
    "texture": (("xatlas",), "textures: `neurfield mesh --texture`"),
    "shapes": (("laspy",), "clouds in .las and .laz"),
    "slices": (
        ("nibabel", "pynrrd", "pydicom", "contourpy", "svgelements"),
        "label volumes, RT structures, stacks of masks: `neurfield fit --slices`",
    ),
    "triplanes": (("manifold3d",), "shapes to learn from: `neurfield triplane shapes`"),
    "generate": (("diffusers",), "new shapes and pictures: `neurfield generate`"),
    "priors": (("onnxruntime",), "depth and normals that networks guess: `neurfield scene priors`"),
    "photos": (("pycolmap", "av", "pillow-heif"), "poses of photos and videos: `neurfield scene import`"),
    "docs": (("mkdocs-material", "mkdocstrings"), "the pages as a site: `make docs`, in a checkout"),
}
# Library that Open3D loads -> Debian and Ubuntu package.
SYSTEM_LIBRARIES = {"libusb-1.0.so.0": "libusb-1.0-0", "libEGL.so.1": "libegl1", "libGL.so.1": "libgl1"}


def doctor() -> int:
    """Tell what this machine offers and what is missing, with the command that brings it."""
    missing: list[tuple[str, str]] = []
    table("neurfield", ("", ""), [*_machine(), *_kernels(missing), *_libraries(missing), *_scenes(missing)])
    if missing:
        next_commands(*missing)
    else:
        next_commands(("neurfield fit --scene room0", "fits a field to the built-in room"))
    return 0


def _machine() -> list[tuple[str, str]]:
    from neurfield import __version__
    from neurfield.scenes.builtin import data_root

    return [
        ("version", __version__),
        ("python", f"{platform.python_version()} ({sys.executable})"),
        ("machine", f"{platform.machine()}, {os.cpu_count()} processors"),
        ("built-in scenes", str(data_root())),
    ]


def _kernels(missing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Torch, device, native kernels and threads; a missing compiler or GPU is told, not complained about."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table says it
        from neurfield.ops import native
    import torch

    status = native.status()
    kernels = f"{status.isa} ({status.reason})" if status.isa else f"torch reference, slow ({status.reason})"
    if status.isa is None and os.environ.get("NEURFIELD_NATIVE", "1") != "0":
        compiler = shutil.which(os.environ.get("CXX", "g++"))
        if compiler is None:
            missing.append(("sudo apt-get install g++", "a C++ compiler, then install neurfield again"))
        else:
            command = "NEURFIELD_ISAS=native pip install --force-reinstall --no-deps ."
            missing.append((command, "builds the native kernels"))
    built = native.module.__file__ if native.module is not None else None
    stale = stale_build(Path(built)) if built else None
    if stale:
        kernels += f", OLDER than {stale}"
        missing.append(("pip install --no-build-isolation --no-deps -e .", "builds the kernels anew"))
    from neurfield import openmp

    setting = os.environ.get("OMP_NUM_THREADS")
    threads = (
        f"{torch.get_num_threads()} (OMP_NUM_THREADS={setting})" if setting else f"{openmp.default_threads()}"
    )
    return [
        ("torch", f"{torch.__version__}, {_cuda_of_torch()}"),
        ("kernels", kernels + (", bfloat16 dot products" if native.has_bf16() else "")),
        *_gpus(missing),
        ("threads", f"{threads}, {openmp.how_threads_wait()}"),
    ]


def _cuda_of_torch() -> str:
    import torch

    return f"CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"


def _gpus(missing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """GPUs, their driver, and whether the CUDA kernels run; no word of kernels where there is no GPU."""
    import torch

    from neurfield.ops import gpus, native_cuda

    cards = gpus.names()
    if not cards:
        return [("GPU", "none, the CPU serves")]
    driver = gpus.driver()
    cards[-1] += f", driver {driver}" if driver else ", no driver found"
    module, reason = native_cuda.load()
    rows = [("GPU", name) for name in cards]
    built = reason if module is not None else f"not used ({reason})"
    path = getattr(module, "__file__", None)
    stale = stale_build(Path(path), suffixes=(".h", ".cu")) if path else None
    if stale:
        built += f", OLDER than {stale}"
    rows.append(("CUDA kernels", built))
    if os.environ.get("NEURFIELD_NATIVE", "1") == "0":
        return rows
    if torch.version.cuda is None:
        missing.append(("pip install --force-reinstall torch", "a torch with CUDA, then neurfield again"))
    elif stale or reason.startswith("not built"):
        missing.append(("NEURFIELD_CUDA=1 pip install --no-deps .", "builds the CUDA kernels, with nvcc"))
    return rows


def _libraries(missing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    versions = ((name, version_of(name)) for name in CORE if name != "torch")
    rows = [("core libraries", ", ".join(f"{name} {version or 'MISSING'}" for name, version in versions))]
    for extra, (names, purpose) in EXTRAS.items():
        brought = {name: version_of(name) for name in names}
        absent = [name for name, version in brought.items() if version is None]
        there = ", ".join(f"{name} {version}" for name, version in brought.items() if version)
        if not absent:
            rows.append((f"extra [{extra}]", there))
            continue
        lacking = (
            f"{there}; not installed: {', '.join(absent)}: {purpose}"
            if there
            else f"not installed: {purpose}"
        )
        rows.append((f"extra [{extra}]", lacking))
        missing.append((f'pip install "neurfield[{extra}]"', purpose))
    if version_of("open3d"):
        packages = " ".join(missing_system_libraries())
        rows.append(("Open3D's system libraries", f"missing: {packages}" if packages else "all there"))
        if packages:
            missing.append((f"sudo apt-get install {packages}", "what Open3D's window and screenshots want"))
    return rows


def _scenes(missing: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Built-in scenes that are made, and whether this version would make them otherwise."""
    from neurfield.scenes.synthesis.writer import VERSION

    rows = []
    for name in ROOMS:
        version = made_version(name)
        if version is None:
            continue
        more = "" if version == VERSION else f", now {VERSION}"
        rows.append((f"scene {name}", f"version {version}{more}"))
        if version != VERSION:
            folder = builtin_folder(name)
            missing.append((f"rm -r {quoted(folder)} && neurfield scene make {name}", "makes the scene anew"))
    return rows


def stale_build(
    module: Path, sources: Path | None = None, suffixes: tuple[str, ...] = (".h", ".cpp")
) -> str | None:
    """A native source that is newer than the module built from it, or None; only a checkout has sources."""
    sources = Path(__file__).resolve().parents[2] / "csrc" if sources is None else sources
    built = module.stat().st_mtime
    newer = (path for path in sorted(sources.rglob("*")) if path.suffix in suffixes)
    return next((path.name for path in newer if path.stat().st_mtime > built), None)


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_system_libraries() -> list[str]:
    """Debian packages of the libraries that Open3D wants and the loader cannot find."""
    return [package for library, package in SYSTEM_LIBRARIES.items() if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
