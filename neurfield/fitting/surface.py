"""The surface of a fitted field as a mesh; needs the run's folder alone, and none of the pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import trimesh
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fields import Color
from neurfield.fitting.device import device_of_run
from neurfield.fitting.folder import load_newest, read_facts
from neurfield.fitting.object_meshes import ObjectMesh, known_wishes, object_meshes
from neurfield.fitting.scene import make_fields
from neurfield.fitting.task import migrated, part_of
from neurfield.parts import Config, read_config
from neurfield.rays import UnitFrame
from neurfield.surfaces import LevelSet, clean_up, keep_components, manifoldness, on_ground
from neurfield.surfaces.after_welding import OFF, Faces, check_clean_up
from neurfield.surfaces.color import colors_and_normals, onto_surface, vertex_colors
from neurfield.surfaces.extractors import is_unsigned, smallest_cell
from neurfield.surfaces.lattice_field import Tell
from neurfield.surfaces.level_set_mesh import Extractor
from neurfield.surfaces.memory import peak_bytes

_ROWS = 1 << 18  # of vertices at once
LARGEST_GRID = 4096  # voxels along the longest side; more is a mistake in the unit rather than a wish


class NoSurface(UserError):
    """The field has no surface inside the scene's box."""


class FittedSurface:
    """A field and the box that its surface lies in.

    Args:
        folder: of the run.
        config: of the run.
        box: [2, 3] minimum and maximum, world.
        field: in the unit coordinates of the box.
        radiance: its colour, if it has one.
        names: of instances, by their ids.
        up: [3] of the world; None: not known.

    Attributes:
        cure: what to do where there is no surface.
    """

    cure: ClassVar[str] = (
        "look at the pictures in previews/, give the box that holds the surface (--set data.box=[...]), "
        "or fit for longer"
    )

    def __init__(
        self,
        folder: Path,
        config: Config,
        box: np.ndarray,
        field: Any,
        radiance: Color | None = None,
        names: Mapping[int, str] = MappingProxyType({}),
        up: np.ndarray | None = None,
    ) -> None:
        self.folder, self.config, self.box = folder, config, box
        self.field, self.radiance, self.names, self.up = field, radiance, names, up
        self.device = next(field.parameters()).device
        self.extraction = config.needed("mesh").make()

    @staticmethod
    def open(folder: str | Path, device: str | None = None, plugins: Sequence[str] = ()) -> FittedSurface:
        """The surface of a run, from the run's folder alone, at its newest checkpoint.

        Args:
            folder: of the run.
            device: as for `Run.load`.
            plugins: as for `Run.load`.

        Raises:
            UserError: not a run, or no checkpoint was written yet.
        """
        folder = Path(folder)
        facts = read_facts(folder)
        config = read_config(folder / "config.yaml", plugins)
        where = device_of_run(config.device, device)
        box, names = np.array(facts["box"]), {int(i): n for i, n in facts.get("instances", {}).items()}
        up = np.array(facts["up"]) if "up" in facts else None
        surface = FittedSurface(folder, config, box, *make_fields(config, where), names, up)
        load_newest(folder, surface)
        return surface

    def load(self, state: dict[str, Tensor]) -> None:
        """Take field and colour out of what the fit's task wrote."""
        state = migrated(state)
        self.field.load_state_dict(part_of(state, "field"))
        if self.radiance is not None:
            self.radiance.load_state_dict(part_of(state, "color"))

    def mesh(
        self,
        voxel: float | None = None,
        resolution: int | None = None,
        color: str = "vertex",
        component: str | float | None = None,
        extractor: Extractor | None = None,
        faces: Faces = None,
        holes: str | float | None = None,
        memory: str | float | None = None,
        tell: Tell | None = None,
    ) -> trimesh.Trimesh:
        """The field's zero level set as one welded mesh in the world's coordinates, normals into free space.

        Vertices lie where the field itself has its zero, on their edges of the lattice (`snap_to_level`), and
        their normals are its gradients, but for distances without a sign.

        Its `metadata["extractor"]` says by what it was made, and why, where that is not plain,
        `metadata["extraction"]` what it took: of marching cubes the share of the lattice that was asked for,
        bricks, the slope that was reckoned with; seconds; peak memory of the process in GB. "source", "unit"
        and "up" there are written into a .ply. `metadata["clean_up"]` says what was done to it then,
        `metadata["manifold"]` how it hangs together (`neurfield.surfaces.Manifoldness`, as a dictionary).

        Args:
            voxel: edge of the marching cubes in world lengths.
            resolution: cubes along the box's longest side, in place of `voxel`. Neither: the run's
                configuration, else 512; of a field without a sign 256, or as many as leave it whole.
            color: "vertex", where the field has colours, or "none".
            component: "all", "largest", "object", what stands on the ground without it, or the least share
                of the area that a piece has; None: the run's configuration.
            extractor: as for `neurfield.surfaces.extract_surface`; None: as the run says.
            faces: how many triangles are left (`neurfield.surfaces.decimate`); "auto": as few as are off by
                less than a tenth of a voxel (`mesh.off`), or a tenth in their colours (`thin_out`); None or
                "all": all.
            holes: fill holes whose border is at most this long, in world lengths, or has at most so many
                edges, as "20edges"; None: none.
            memory: the most that the process may have, as "4GB" or in bytes, of marching cubes, which then
                stand in for a run's dual contouring; None: as much as it takes.
            tell: is told what goes on, and which fraction of it is done; 0 where that is not known.

        Raises:
            UserError: a voxel that is not positive or too small for the box, an extractor that is for other
                fields, too little memory, or no surface inside the box.
        """
        started = time.perf_counter()
        check_clean_up(faces, holes)
        say: Tell = tell or (lambda stage, fraction: None)
        frame = UnitFrame.around(self.box)
        voxel = self.voxel(voxel, resolution)
        self.field.active_levels = self.field.encoding.levels
        unit_box = np.array(frame.box_in_unit(self.box)).reshape(2, 3)
        extraction = self._extraction(extractor, memory)
        vertices, triangles = extraction.extract(
            self.field, unit_box, voxel / frame.half, self.device, **known_wishes(extraction, memory, tell)
        )
        say("looking at its pieces", 0.0)
        if len(triangles) == 0:
            size = " x ".join(f"{side:.3g}" for side in np.ptp(self.box, axis=0))
            raise NoSurface(f"{self.folder}: the field has no surface inside the box of {size}; {self.cure}")
        mesh = trimesh.Trimesh(vertices, triangles, process=False)
        which = self.extraction.component if component is None else component
        mesh = on_ground(mesh, unit_box) if which == "object" else keep_components(mesh, which)
        mesh = clean_up(mesh, None, holes, frame.half)
        shown = self.radiance if color == "vertex" else None
        signed = not is_unsigned(self.field)
        colors = normals = None
        if shown is not None or signed:
            outwards = None if signed else np.array(mesh.vertex_normals)
            colors, normals = colors_and_normals(
                self.field, shown, np.asarray(mesh.vertices), outwards=outwards, tell=say
            )
        if colors is not None:
            mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors)
        mesh.vertices = _in_world(np.asarray(mesh.vertices), frame)
        if signed and normals is not None:  # without a sign, gradients turn round where the surface is
            mesh.vertex_normals = normals  # type: ignore[method-assign]
        if color == "vertex":
            self.paint(mesh)
        filled = mesh.metadata.pop("clean_up", [])
        if faces not in (None, "all"):
            say("making fewer triangles", 0.0)
        mesh = clean_up(mesh, faces, cell=voxel, off=getattr(self.extraction, "off", OFF))
        say("counting its edges", 0.0)
        mesh.metadata["clean_up"] = [*filled, *mesh.metadata.get("clean_up", [])]
        mesh.metadata.update(self._origin())
        mesh.metadata["extractor"] = getattr(extraction, "told", "")  # a plug-in's part need not tell
        mesh.metadata["manifold"] = manifoldness(mesh)._asdict()
        mesh.metadata["extraction"] = {
            **getattr(extraction, "figures", {}),
            "seconds": time.perf_counter() - started,
            "peak_memory_gb": peak_bytes() / 1e9,
        }
        return mesh

    def _extraction(self, extractor: Extractor | None, memory: str | float | None) -> Any:
        """The run's part, or another one where it is not what is asked for."""
        own = getattr(self.extraction, "extractor", "")
        if extractor is None and (memory is None or own != "dual-contouring"):
            return self.extraction
        return LevelSet(extractor=extractor or "marching-cubes")

    def _origin(self) -> dict[str, Any]:
        """What the mesh is of, its unit and which way is up, as far as the run's folder says."""
        if not (self.folder / "run.json").is_file():
            return {}
        facts = read_facts(self.folder)
        known = {"unit": facts.get("unit"), "axes": facts.get("axes"), "up": facts.get("up")}
        source = f"{facts.get('name', self.folder.name)} by {self.config.name}"
        return {"source": source, **{name: value for name, value in known.items() if value}}

    def paint(self, mesh: trimesh.Trimesh) -> None:
        """Colour a mesh of the world by what else than the field is known."""

    def colors_at(self, points: np.ndarray) -> np.ndarray | None:
        """The field's colours uint8 [k, 3] near points [k, 3], world; None: it has none.

        A mesh of fewer triangles lies beside the surface, where colours mean nothing: each point is first
        moved onto it.
        """
        if self.radiance is None:
            return None
        self.field.active_levels = self.field.encoding.levels
        unit = UnitFrame.around(self.box).unit_from_world(points)
        return vertex_colors(self.field, self.radiance, onto_surface(self.field, unit))

    def objects(
        self,
        voxel: float | None = None,
        resolution: int | None = None,
        color: str = "vertex",
        component: str | float | None = None,
        faces: Faces = None,
        holes: str | float | None = None,
        memory: str | float | None = None,
        tell: Tell | None = None,
    ) -> list[ObjectMesh]:
        """A mesh for each object that the field tells apart; see `object_meshes`."""
        found = object_meshes(self, voxel, resolution, color, component, faces, holes, memory, tell)
        for one in found:
            if one.mesh is not None:
                one.mesh.metadata.update(self._origin())
        return found

    def voxel(self, voxel: float | None = None, resolution: int | None = None) -> float:
        """Edge of the marching cubes in world lengths; arguments and what is raised as for `mesh`."""
        longest = 2.0 * UnitFrame.around(self.box).half
        if voxel is not None and resolution is not None:
            raise UserError("give either a voxel size or a resolution, not both")
        if resolution is not None:
            voxel = longest / resolution if resolution > 0 else 0.0
        size = voxel if voxel is not None else (self.extraction.voxel or self._usual_voxel(longest))
        if not size > 0:
            raise UserError(f"voxel size {size}: it must be positive, in the scene's units")
        if longest / size > LARGEST_GRID:
            raise UserError(
                f"voxel size {size:g} cuts the {longest:.3g} long box into more than {LARGEST_GRID}: "
                "is it in the scene's units?"
            )
        return size

    def _usual_voxel(self, longest: float) -> float:
        """As many along the box's longest side as the run says, or an unsigned field is clean enough for."""
        finest = longest / getattr(self.extraction, "cells", 512)  # a plug-in's part need not say
        if not is_unsigned(self.field):
            return finest
        frame = UnitFrame.around(self.box)
        self.field.active_levels = self.field.encoding.levels
        try:
            least = smallest_cell(self.field, frame.unit_from_world(self.box), self.device)
        except ValueError:  # it has no surface: extracting it says so
            return finest
        return max(finest, frame.half * least)


def _in_world(vertices: np.ndarray, frame: UnitFrame) -> np.ndarray:
    """Vertices [v, 3] in world coordinates, in their own memory: a large mesh is not copied."""
    for start in range(0, len(vertices), _ROWS):
        vertices[start : start + _ROWS] = frame.world_from_unit(vertices[start : start + _ROWS])
    return vertices
