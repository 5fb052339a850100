"""Which kinds of input there are, as far as the command line must know before anything heavy is loaded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from neurfield.errors import UserError

if TYPE_CHECKING:
    from neurfield.inputs.base import Input


@dataclass(frozen=True)
class Entry:
    """A kind of input; its name in `INPUTS` is its flag and stands in run.json.

    Attributes:
        target: "module:class" of its `Input`; empty: announced, and not there yet.
        metavar: of its flag.
        about: the help of its flag.
        usual: the method that a fit takes where none is chosen.
        named_by: the flags that choose its method, of `CHOOSERS`.
        example: as one types it.
        otherwise: other methods that `Input.usual` may take by what it finds, each with when.
        moves: whether its flag beside --resume says where the run's input lies now.
        endings: of files that are taken for it where no flag says what they are.
        shown: "module:function" that is its `Input.shown` and loads no torch; empty: that is asked.
    """

    target: str
    metavar: str
    about: str
    usual: str = "neus"
    named_by: tuple[str, ...] = ("method",)
    example: str = ""
    otherwise: Mapping[str, str] = field(default_factory=dict)
    moves: bool = False
    endings: tuple[str, ...] = ()
    shown: str = ""

    @property
    def usual_ones(self) -> tuple[str, ...]:
        """All methods that a fit may take where none is chosen, the usual one first."""
        return self.usual, *self.otherwise


@dataclass(frozen=True)
class Chooser:
    """A flag that chooses the method of a fit.

    Attributes:
        metavar: of the flag.
        about: the flag's help.
        slot: whose part it names; empty: it names the method itself.
        methods: words that mean a method, each with its name.
    """

    metavar: str
    about: str
    slot: str = ""
    methods: Mapping[str, str] = field(default_factory=dict)


WITHOUT_DEPTH = "photos"  # the usual method for a scene that nothing but pictures measures
WITH_PRIORS = "priors"  # for a room of which a network has told depth and normals, too
OF_POINTS = "cloud"  # the usual method for a shape that is a cloud
OF_OPEN_MESHES = "shape-udf"  # for a mesh that has no inside
OF_LABELS = "labels"  # for slices of several labels

INPUTS: dict[str, Entry] = {
    "scene": Entry(
        "neurfield.inputs.scene:SceneInput", "NAME|PATH",
        "what to fit to, for example room0; beside --resume: where the run's scene was moved to.",
        example="--scene room0, --scene path/to/scene",
        otherwise={WITHOUT_DEPTH: "without depth", WITH_PRIORS: "with a network's depth in a room"},
        moves=True, shown="neurfield.inputs.scene.shown:shown",
    ),
    "image": Entry(
        "neurfield.inputs.image:ImageInput", "FILE",
        "or an image of any size: PNG, JPEG, TIFF, WebP; grey, colour, alpha; 8 or 16 bits.",
        usual="hash", named_by=("method", "encoding"), example="--image photo.png",
        endings=(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"),
    ),
    "shape": Entry(
        "neurfield.inputs.shape:ShapeInput", "FILE",
        "or a mesh or a cloud of points: ply, obj, off, stl, glb; xyz, npz, las, laz.",
        usual="shape", named_by=("method", "field"), example="--shape bunny.ply",
        otherwise={OF_POINTS: "of points", OF_OPEN_MESHES: "of an open mesh"}, moves=True,
        endings=(".ply", ".obj", ".off", ".stl", ".glb", ".gltf", ".xyz", ".pwn", ".las", ".laz"),
        shown="neurfield.inputs.shape.shown:shown",
    ),
    "slices": Entry(
        "neurfield.inputs.slices:SlicesInput", "FILE",
        "or cross-sections: csl, contour; labels in nii, nrrd; RTSTRUCT, SEG in dcm.",
        usual="slices", example="--slices hand.csl", otherwise={OF_LABELS: "of several labels"},
        endings=(".csl", ".contour", ".nii", ".gz", ".nrrd", ".nhdr", ".dcm"),
    ),
}  # fmt: skip
CHOOSERS: dict[str, Chooser] = {
    "method": Chooser("NAME|FILE", "see `neurfield methods`; or the path of a preset file."),
    "encoding": Chooser(
        "NAME", "for an image, in place of --method: hash, simplex, rbf, or a plug-in's.", slot="encoding"
    ),
    "field": Chooser(
        "sdf|occupancy|udf",
        "for a shape, in place of --method: signed distance, what is inside, unsigned distance.",
        slot="field",
        methods={"sdf": "shape", "occupancy": "shape-occupancy", "udf": "shape-udf"},
    ),
}


def load_input(name: str) -> type[Input]:
    """The class of a kind of input.

    Raises:
        UserError: there is none of this name, or only its flag.
    """
    expect_there(name)
    module, _, attribute = INPUTS[name].target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def recognised(path: str) -> str:
    """The kind of input that a path is taken for: by a file's ending, else a scene."""
    ending = PurePath(path).suffix.lower()
    return next((name for name, entry in INPUTS.items() if ending in entry.endings), "scene")


def expect_there(name: str) -> None:
    """Raise UserError where there is no input of this name, or only its flag."""
    flags = " and ".join(f"--{other}" for other, entry in INPUTS.items() if entry.target)
    if name not in INPUTS:
        raise UserError(f"there is no input '{name}': there are {flags}")
    if not INPUTS[name].target:
        what = INPUTS[name].about.removeprefix("or ").partition(";")[0]
        raise UserError(f"--{name}: fitting to {what} is not there yet; {flags} are")
