"""The shelf: which parts there are, by slot and name, and where each is; loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from neurfield.errors import UserError
from neurfield.parts.numbers import Declared, declared
from neurfield.wording import suggest


@dataclass(frozen=True)
class Slot:
    """A place of a method that parts go into.

    Args:
        word: what its parts are called, after "no".
        about: what its parts do, for people.
        many: whether it holds several parts, each under a label.
        weighted: whether each of them has a weight.
    """

    word: str
    about: str
    many: bool = False
    weighted: bool = False


SLOTS: dict[str, Slot] = {
    "encoding": Slot("encoding", "from points of a picture to features"),
    "field": Slot("field", "what is fitted: from points to distances and features, or to colours"),
    "heads": Slot("head", "further outputs of the field", many=True),
    "color": Slot("color", "from the field's feature, normal and view to a colour"),
    "pixels": Slot("choice of pixels", "which pixels a step looks at"),
    "sampler": Slot("sampler", "where along their rays the field is asked"),
    "passes": Slot("opacity", "opacities, each with what it renders", many=True),
    "background": Slot("background", "what stands behind the field"),
    "exposure": Slot("exposure", "from the scene's colours to those of each picture"),
    "poses": Slot("refinement of poses", "where cameras stand, where that is fitted, too"),
    "transients": Slot("mask of transients", "what only some pictures show, left out"),
    "points": Slot("point source", "points off the rays, with what is known of them", many=True),
    "losses": Slot("loss", "what a step's error is made of", many=True, weighted=True),
    "polish": Slot("polish", "what is fitted alone in the last steps, once the rest stands"),
    "mesh": Slot("mesh", "from the field to a mesh"),
}

# slot -> name -> "module:attribute". Parts of a slot take part in this order, however a preset lists them.
TABLE: dict[str, dict[str, str]] = {
    "encoding": {
        "hash": "neurfield.fields.picture_encodings:make_hash",
        "simplex": "neurfield.fields.picture_encodings:make_simplex",
        "rbf": "neurfield.fields.picture_encodings:make_rbf",
    },
    "field": {
        "sdf": "neurfield.fields.make:make_sdf",
        "objects": "neurfield.fields.make_objects:make_objects",
        "partition": "neurfield.fields.make_partition:make_partition",
        "udf": "neurfield.fields.make:make_udf",
        "iterative": "neurfield.fields.iterative:make_iterative",
        "kilo": "neurfield.fields.kilo:KiloSDF",
        "picture": "neurfield.fields.make:make_picture",
    },
    "heads": {
        "occupancy": "neurfield.fields.heads:make_occupancy",
        "uncertainty": "neurfield.rendering.uncertainty:make_uncertainty",
    },
    "color": {
        "radiance": "neurfield.fields.make:make_radiance",
        "idr": "neurfield.fields.idr:Idr",
        "intrinsic": "neurfield.fields.intrinsic:Intrinsic",
        "latent": "neurfield.fields.latent:LatentRadiance",
        "kilo": "neurfield.fields.kilo_color:KiloColor",
    },
    "pixels": {
        "uniform": "neurfield.pixels.uniform:Uniform",
        "by_uncertainty": "neurfield.rendering.by_uncertainty:ByUncertainty",
    },
    "sampler": {
        "marched": "neurfield.rendering.marched:Marched",
        "error_bounded": "neurfield.rendering.error_bounded:ErrorBounded",
    },
    "passes": {
        "neus": "neurfield.rendering.opacity:NeuS",
        "volsdf": "neurfield.rendering.opacity:VolSDF",
        "occupancy": "neurfield.rendering.head_opacity:Occupancy",
        "bias_aware": "neurfield.rendering.bias_aware:BiasAware",
        "neuraludf": "neurfield.rendering.two_sided:NeuralUDF",
        "neudf": "neurfield.rendering.two_sided:NeUDF",
    },
    "background": {
        "random": "neurfield.rendering.backgrounds:RandomBehindMasks",
        "constant": "neurfield.rendering.backgrounds:Constant",
        "border": "neurfield.rendering.borders:Border",
        "environment": "neurfield.rendering.learnt_background:Environment",
        "contracted": "neurfield.rendering.far_field:make_contracted",
        "inverted_sphere": "neurfield.rendering.far_field:make_inverted_sphere",
        "surroundings": "neurfield.rendering.surroundings:surroundings",
    },
    "exposure": {
        "affine": "neurfield.rendering.exposure:Affine",
        "appearance": "neurfield.rendering.exposure:Appearance",
    },
    "poses": {"refined": "neurfield.rendering.poses:RefinedPoses"},
    "transients": {"dual": "neurfield.rendering.transients:Dual"},
    "points": {
        "fused_depth": "neurfield.points.fused_depth:FusedDepth",
        "seen": "neurfield.points.seen:Seen",
        "stereo": "neurfield.points.stereo:StereoPoints",
        "uniform": "neurfield.points.uniform:Uniform",
        "picture": "neurfield.points.picture:Picture",
        "stencils": "neurfield.points.stencils:Stencils",
        "mesh_samples": "neurfield.points.mesh_samples:MeshSamples",
        "cloud": "neurfield.points.cloud:Cloud",
        "pulled": "neurfield.points.pulled:Pulled",
        "slice_samples": "neurfield.points.slice_samples:SliceSamples",
        "refined_slices": "neurfield.points.refined_slices:RefinedSlices",
        "label_samples": "neurfield.points.label_samples:LabelSamples",
    },
    "losses": {
        "color": "neurfield.losses.of_pixels:color",
        "direct_color": "neurfield.losses.of_pixels:direct_color",
        "fused_sdf": "neurfield.losses.of_points:fused_sdf",
        "fused_free": "neurfield.losses.of_points:fused_free",
        "eikonal": "neurfield.losses.of_field:eikonal",
        "smooth": "neurfield.losses.of_field:smooth",
        "smooth_where_sure": "neurfield.losses.uncertain:smooth_where_sure",
        "fused_normal": "neurfield.losses.of_points:fused_normal",
        "seen_points": "neurfield.losses.of_points:seen_points",
        "sensor_sdf": "neurfield.losses.of_depth:sensor_sdf",
        "sensor_free": "neurfield.losses.of_depth:sensor_free",
        "sensor_depth": "neurfield.losses.of_depth:sensor_depth",
        "prior_depth": "neurfield.losses.of_priors:prior_depth",
        "prior_normal": "neurfield.losses.of_priors:prior_normal",
        "monosdf_depth": "neurfield.losses.of_monosdf:monosdf_depth",
        "monosdf_normal": "neurfield.losses.of_monosdf:MonoSDFNormal",
        "transient_normal": "neurfield.losses.transient_normal:TransientNormal",
        "intrinsic": "neurfield.losses.of_pixels:intrinsic",
        "uncertain_depth": "neurfield.losses.uncertain:uncertain_depth",
        "uncertain_normal": "neurfield.losses.uncertain:uncertain_normal",
        "mask": "neurfield.losses.of_pixels:mask",
        "s3im": "neurfield.losses.s3im:s3im",
        "patch_warp": "neurfield.losses.patch_warp:PatchWarp",
        "surface_points": "neurfield.losses.of_shapes:surface_points",
        "surface_normal": "neurfield.losses.of_shapes:surface_normal",
        "surface_axis": "neurfield.losses.of_shapes:surface_axis",
        "shape_sdf": "neurfield.losses.of_shapes:shape_sdf",
        "sides": "neurfield.losses.of_shapes:sides",
        "occupancy": "neurfield.losses.of_shapes:occupancy",
        "off_surface": "neurfield.losses.of_shapes:off_surface",
        "pulled": "neurfield.losses.of_pulling:pulled",
        "level_sets": "neurfield.losses.of_pulling:level_sets",
        "towards_cloud": "neurfield.losses.of_pulling:towards_cloud",
        "contours": "neurfield.losses.of_slices:contours",
        "contour_direction": "neurfield.losses.of_slices:contour_direction",
        "planes": "neurfield.losses.of_slices:planes",
        "sides_of_labels": "neurfield.losses.of_slices:sides_of_labels",
        "bending": "neurfield.losses.of_slices:bending",
        "sides_between": "neurfield.losses.of_slices:sides_between",
        "told_between": "neurfield.losses.of_slices:told_between",
        "iterated_sides": "neurfield.losses.of_iterations:iterated_sides",
        "slope_hinge": "neurfield.losses.of_iterations:slope_hinge",
        "small_parameters": "neurfield.losses.of_iterations:SmallParameters",
        "picture": "neurfield.losses.of_points:picture",
        "surface_bias": "neurfield.losses.of_field:surface_bias",
        "eikonal_apart": "neurfield.losses.of_unsigned:eikonal_apart",
        "smooth_unsigned": "neurfield.losses.of_unsigned:smooth_unsigned",
        "sparse": "neurfield.losses.of_unsigned:sparse",
        "stochastic_eikonal": "neurfield.losses.of_points:stochastic_eikonal",
        "semantics": "neurfield.losses.of_objects:Semantics",
        "object_opacity": "neurfield.losses.of_objects:ObjectOpacity",
        "object_places": "neurfield.losses.of_objects:Places",
    },
    "polish": {"surface_color": "neurfield.fitting.surface_color:SurfaceColor"},
    "mesh": {"level_set": "neurfield.surfaces.level_set_mesh:LevelSet"},
}


@dataclass(frozen=True)
class Entry:
    """A part on the shelf.

    Args:
        slot: that it goes into.
        name: by which presets choose it.
        target: "module:attribute", or the thing itself.
        plugin: the name of the plug-in that brought it; "": it is neurfield's own.
    """

    slot: str
    name: str
    target: str | Callable[..., Any]
    plugin: str = ""

    @property
    def key(self) -> str:
        """What it is called: slot.name."""
        return f"{self.slot}.{self.name}"

    def load(self) -> Callable[..., Any]:
        """The function or class.

        Raises:
            UserError: a plug-in's module does not import, or has no such thing, or it cannot be called.
        """
        return self._loaded

    def numbers(self) -> dict[str, Declared]:
        """Its declared numbers, by name; UserError as `load` and `numbers.declared`."""
        return self._declared

    @cached_property
    def _loaded(self) -> Callable[..., Any]:
        target: Any = self.target
        if isinstance(target, str):
            module, _, attribute = target.partition(":")
            try:
                target = importlib.import_module(module)
                for word in attribute.split("."):
                    target = getattr(target, word)
            except Exception as error:
                if not self.plugin:
                    raise  # ours: a fault of this package, not of who uses it
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                raise UserError(
                    f"the plug-in '{self.plugin}' cannot be used: '{self.key}' is said to be {self.target} "
                    f"({reason}); mend or uninstall it"
                ) from error
        if not callable(target):
            raise UserError(
                f"the plug-in '{self.plugin}' brings '{self.key}', which is a {type(target).__name__}: "
                "a part is a function or a class"
            )
        return target

    @cached_property
    def _declared(self) -> dict[str, Declared]:
        return declared(self.load(), self.key)


@dataclass
class Shelf:
    """All parts there are: neurfield's own and those of plug-ins."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)

    @staticmethod
    def own(table: Mapping[str, Mapping[str, str]] | None = None) -> Shelf:
        """Neurfield's own parts."""
        rows = TABLE if table is None else table
        return Shelf({slot: {n: Entry(slot, n, t) for n, t in rows.get(slot, {}).items()} for slot in SLOTS})

    def slot(self, slot: str) -> Slot:
        """A slot by name; UserError if there is none."""
        if slot not in SLOTS:
            raise UserError(f"there is no slot '{slot}'{suggest(slot, SLOTS)}; there are: {', '.join(SLOTS)}")
        return SLOTS[slot]

    def find(self, slot: str, name: str, labels: Sequence[str] = ()) -> Entry:
        """The part of a slot by its name.

        Args:
            slot: a name of `SLOTS`.
            name: of the part.
            labels: words that may have been meant besides.

        Raises:
            UserError: there is none, with the nearest name.
        """
        word, entries = self.slot(slot).word, self.entries[slot]
        if name in entries:
            return entries[name]
        there_are = f"; there are: {', '.join(entries)}" if entries else f"; there is no {word} at all"
        own = "; one of your own comes with --plugin FILE.py (in Python plugins=[...])"
        hint = suggest(name, [*entries, *labels]) or there_are + own
        raise UserError(f"no {word} is called '{name}'{hint}")

    def add(self, entry: Entry) -> None:
        """Put a plug-in's part on the shelf; the same one may come twice (by entry point and by --plugin).

        Raises:
            UserError: its name is taken.
        """
        holder = self.entries[entry.slot].get(entry.name)
        if holder is None:
            self.entries[entry.slot][entry.name] = entry
            return
        if holder.plugin and holder.load() is entry.load():
            return
        owner = f"the plug-in '{holder.plugin}'" if holder.plugin else "neurfield itself"
        raise UserError(
            f"the plug-in '{entry.plugin}' brings '{entry.key}', a name that {owner} has taken: "
            "give the part another name"
        )

    def place(self, slot: str, name: str) -> tuple[int, str]:
        """By which parts of a slot are sorted: ours in the table's order, then those of plug-ins by name."""
        ours = [entry.name for entry in self.entries[slot].values() if not entry.plugin]
        return (ours.index(name), "") if name in ours else (len(ours), name)
