"""What `nf.ops` and its like show: every public function and class of their modules, or a reason why not."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import neurfield as nf
from neurfield import lazy

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "encodings", "fields", "fusion", "losses", "ops", "parts", "pixels", "points", "rendering", "shapes",
    "stereo", "surfaces", "textures",
)  # fmt: skip

# Public in their modules for other modules of the package, and not shown: a module, or a name of one.
PRIVATE = {
    "encodings.grid_encoding.growth_of": "checks two arguments of grids",
    "encodings.tcnn.grid_module": '`HashGrid(backend="tcnn")` asks it',
    "fields.cells": "what `KiloSDF` and `KiloColor` are made of",
    "fields.kilo.keeping": "how `neurfield distill` writes a state",
    "fields.make_objects.Segmented": "what `make_objects` asks of a scene",
    "fields.make_partition.Labelled": "what `make_partition` asks of slices",
    "points.point_set.rows_of": "`fitting.points_step` asks it",
    "fields.trained": "what fields share: values that train, and their words",
    "fields.picture_encodings": "parts, found by their names on the shelf, and their sizes",
    "fields.scene_encodings.encoding_groups": "`SDFField.parameter_groups`",
    "fields.scene_encodings.first_levels": "a number of `make_sdf`",
    "fusion.align_step": "a step of `align_priors`",
    "fusion.coupled_blocks": "the equations of a step of `align_priors`",
    "fusion.first_meaning": "how `align_priors` starts",
    "fusion.hull.hull_points": "a step of `fuse_depth`",
    "fusion.hull.outline_distance": "the fusion of stereo asks it",
    "fusion.over_frames": "reads frames in threads",
    "fusion.point_views": "what `ImageSearch` compares",
    "fusion.prior_model.nodes": "the interpolation inside `Meaning`",
    "fusion.prior_views.to_be_looked_at": "which pixels `align_priors` and the fusion look at",
    "fusion.prior_pairs": "the residuals of `align_priors`",
    "fusion.robust": "the second pass of `fuse_depth`",
    "fusion.volume.known_distance": "what `fuse_depth` takes for known",
    "losses.of_depth": "parts, found by their names on the shelf",
    "losses.of_field": "parts, found by their names on the shelf",
    "losses.of_monosdf": "parts, found by their names on the shelf",
    "losses.of_iterations": "parts, found by their names on the shelf",
    "losses.of_objects": "parts, found by their names on the shelf",
    "losses.of_pixels": "parts, found by their names on the shelf",
    "losses.transient_normal": "a part, found by its name on the shelf",
    "losses.of_points": "parts, found by their names on the shelf",
    "losses.of_priors": "parts, found by their names on the shelf",
    "losses.priors.median_where": "a step of `ambiguous_depth`",
    "losses.s3im.s3im": "a part, found by its name on the shelf",
    "losses.of_pulling": "parts of methods; the shelf names them",
    "losses.of_shapes": "parts, found by their names on the shelf",
    "losses.of_slices": "parts, found by their names on the shelf",
    "losses.of_unsigned": "parts, found by their names on the shelf",
    "losses.uncertain": "parts, found by their names on the shelf",
    "losses.weighted.added": "a step adds its looks with it",
    "ops.arrays": "what kernels of meshes are called with",
    "ops.cell_networks.check": "an argument check",
    "ops.cells": "what networks of cells see of places",
    "ops.composed_query": "`sdf_query(fused=False)`",
    "ops.cube_topology": "how a cube goes that signs alone do not tell",
    "ops.eager": "marks what torch.compile leaves alone",
    "ops.dual_lattice": "the cells that dual meshes are made of",
    "ops.dual_steps": "steps of `extract_dual_mesh`",
    "ops.edge_collapse": "how `decimate` and `thin_out` move vertices",
    "ops.fused_mlp.check": "an argument check",
    "ops.fused_mlp.checked_row": "an argument check",
    "ops.fused_mlp.kernels_of": "hands out a native module",
    "ops.fused_mlp.native_network": "what kernels are called with",
    "ops.gpus": "about the machine; `neurfield doctor` tells it",
    "ops.grid.check": "an argument check",
    "ops.grid.encode": "`grid_encode` under `torch.no_grad()`",
    "ops.grid.native_arguments": "what kernels are called with",
    "ops.lattice_keys": "numbers for points of lattices",
    "ops.level_set_cuda": "`level_set(device=...)` makes one",
    "ops.marching_cubes.empty": "memory for results",
    "ops.marching_cubes_table.cube_faces": "what the table is worked out from",
    "ops.marching_cubes_table.edges_in_faces": "what the table is worked out from",
    "ops.marching_cubes_table.fill": "what the table is worked out from",
    "ops.marching_cubes_table.loops_of": "what the table is worked out from",
    "ops.marching_cubes_table.share_a_face": "what the table is worked out from",
    "ops.mesh_turning": "steps of `extract_dual_mesh` and `consistent_winding`",
    "ops.native": "which kernels there are; `nf.ops.native` is the module",
    "ops.native_cuda": "the same for GPUs",
    "ops.once": "a helper of backwards",
    "ops.points": "argument checks",
    "ops.quad_sheets": "how dual meshes get a vertex a sheet",
    "ops.radial_basis.check": "an argument check",
    "ops.sdf_query.path": "a word for logs",
    "ops.sdf_query.serves": "whether a kernel is fused",
    "ops.simplex_layout.dense_numbering": "`SimplexLayout` numbers its levels with it",
    "ops.table_gradient": "a helper of backwards",
    "parts.config.config_on": "`load_config`, with a shelf that is there",
    "parts.draft": "how `load_config` puts layers together",
    "parts.numbers.declared": "`Entry.numbers`",
    "parts.numbers.explained": "`Declared.explanation`",
    "parts.plugins.missing": "`read_config` asks it",
    "parts.presets.is_file": "how words of --method are read",
    "parts.presets.layers": "`load_config` lays them",
    "parts.renamed": "`read_config` carries old runs over with it",
    "parts.yaml_text": "how preset files are read and written",
    "pixels.masks": "what a step asks of masks",
    "pixels.sources.Source": "a row of `SOURCES`",
    "pixels.uploads": "how batches come to a GPU",
    "points.beside_priors": "a step of `fuse_scene`",
    "points.depth_maps": "what `fuse_scene` fuses",
    "points.fuse_stereo.fuse_stereo": "a step of `fuse_scene`",
    "stereo.views.look_alike": "a step of `Input.usual`",
    "points.sure_points.sure_points": "a step of `aligned_priors`",
    "points.aligned_maps": "a step of `fuse_scene`",
    "points.prior_maps": "a step of `fuse_scene`",
    "points.mesh_samples.Around": "what `MeshSamples` and `Cloud` know of places",
    "points.label_sides": "a step of `LabelSamples`",
    "points.mesh_samples.offers_of": "what `MeshSamples` and `Cloud` offer",
    "points.mesh_samples.scattered": "where `MeshSamples` and `Cloud` look",
    "points.mesh_samples.shape_sets": "the sets of `MeshSamples` and `Cloud`",
    "points.picture_pixels": "how `Picture` draws",
    "points.epochs": "how `RefinedSlices` goes through its points",
    "points.point_set.answered": "a step asks it",
    "points.point_set.gathered": "the points of a query",
    "points.pulled.pulled": "how `Pulled` and its losses move a place",
    "rendering.borders.on_border": "which pixels `border_color` looks at",
    "rendering.borders.usual_border": "what learnt backgrounds begin with",
    "rendering.estimators.Estimator": "nerfacc's, which has it",
    "rendering.exposure.about_mean": "what parts for exposure share",
    "rendering.exposure.pulled_numbers": "what parts for exposure share",
    "rendering.exposure.Gains": "what `Affine` wants of `StereoMaps`",
    "rendering.opacity.annealed_share": "what `NeuS`, `NeuralUDF` and `NeUDF` share",
    "rendering.opacity.KernelOpacity": "what `NeuS` and `VolSDF` share",
    "rendering.decided": "what parts share that decide whether they are wanted",
    "rendering.error_bound": "how `ErrorBounded` knows whether a ray was asked enough",
    "rendering.error_bounded.Bounded": "what `ErrorBounded` knows of its rays",
    "rendering.inverse": "the one step of samplers by weight",
    "rendering.residuals": "what `Dual` keeps of a fit's steps",
    "rendering.transients.Found": "what `Dual` wants of `Contradicted`",
    "rendering.two_sided.TwoSided": "what `NeuralUDF` and `NeUDF` share",
    "rendering.two_sided.steepness": "a step of their bounds",
    "rendering.sample_budget": "how `Marched` chooses its number of rays",
    "shapes.contradictions": "what `mend` asks of normals",
    "shapes.denoise": "how `points.Cloud` meets noise",
    "shapes.normals": "what `points.Cloud` asks of points",
    "shapes.planes": "what `points.Cloud` knows of points",
    "shapes.read_off": "how `read_shape` reads what trimesh does not",
    "shapes.read_points": "how `read_shape` reads files of points alone",
    "shapes.turned": "how `sided` has pieces turned",
    "shapes.mst.products_to_the_root": "a step of `mst_orientation`",
    "shapes.mst.spanning_forest": "a step of `mst_orientation`",
    "shapes.sides.cumulated": "what `spread` draws by",
    "shapes.sides.unit_normals": "those of triangles, which `spread` and `sided` ask for",
    "shapes.sides.spread": "`UnitShape.sample`",
    "shapes.cloud_files": "which files verbs of clouds take, and what they write",
    "shapes.estimate.check_points": "an argument check",
    "shapes.estimate.distinct_points": "an argument check",
    "shapes.estimate.threads": "how many SciPy's trees may use",
    "stereo.agreement": "a step of `match`",
    "stereo.boxed": "how the survey takes a box that was given",
    "stereo.comparison": "how the steps of `match` compare pictures",
    "stereo.confidence": "a step of `match`",
    "stereo.match.shown": "how `match` chooses the size that it searches",
    "stereo.fingerprint": "how `neurfield scene stereo` knows its own work again",
    "stereo.folder": "how `neurfield scene stereo` writes files",
    "stereo.geometry": "pixels to points, for the steps of `match`",
    "stereo.inputs": "an argument check",
    "stereo.numbers": "the table of `neurfield scene stereo`",
    "stereo.progress": "how far a matching is, on a terminal",
    "stereo.ranges": "a step of `match`",
    "stereo.sheet": "the picture of `neurfield scene stereo`",
    "stereo.stages": "the steps of `match`",
    "stereo.planar.regions": "a step of `complete_planes`",
    "stereo.survey": "a step of `match`",
    "stereo.unfinished": "how an interrupted `match` goes on",
    "surfaces.after_welding.check_clean_up": "what `clean_up` asks first, for verbs that take long before it",
    "surfaces.ambiguous": "a step of `extract_dual_mesh`",
    "surfaces.bricks": "how `extract_level_set` keeps within a memory",
    "surfaces.borders": "a step of `extract_dual_mesh`",
    "surfaces.both_sides": "how extractors look at noisy fields without a sign",
    "surfaces.clean.vertex_components": "the pieces that `keep_components` and `on_ground` count",
    "surfaces.clean.with_faces": "how both leave faces out",
    "surfaces.cells_mesh": "a step of `extract_mesh_udf`",
    "surfaces.color.colors_and_normals": "`vertex_colors`, with what it knows of normals",
    "surfaces.color.onto_surface": "`FittedSurface.colors_at` asks it",
    "surfaces.glb.upright": "a step of `glb_bytes`",
    "surfaces.texture_files": "how meshes with a texture are read and written",
    "surfaces.crossings": "a step of `extract_dual_mesh`",
    "surfaces.dual_cells": "the cells that dual meshes are made of",
    "surfaces.dual_faces": "a step of `extract_dual_mesh`",
    "surfaces.dual_mesh.finished": "the last step of `extract_dual_mesh` and `extract_mesh_udf`",
    "surfaces.extractors.query_of": "how extractors ask a field for gradients",
    "surfaces.holes.border_edges": "what `border_loops` is made of",
    "surfaces.holes.border_loops": "what `fill_holes` fills",
    "surfaces.lattice_field": "how `extract_level_set` asks a field",
    "surfaces.level_set.steep_in_words": "what is said of a field that is steeper than a distance",
    "surfaces.level_set.surface_on_lattice": "`extract_dual_contour` starts from it",
    "surfaces.manifold.edge_keys": "how edges are counted",
    "surfaces.memory": "how `extract_level_set` keeps within a memory",
    "surfaces.ply.stored_normals": "what files of meshes hold beside colours",
    "surfaces.torn": "a step of `extract_dual_mesh` and `extract_mesh_udf`",
    "surfaces.topology": "how `extract_level_set` goes through ambiguous cubes",
    "surfaces.unsigned": "how extractors look at fields without a sign",
    "textures.bake.textured": "the last step of `bake`",
    "textures.best_looks": "a step of `bake`",
    "textures.fill": "a step of `bake`",
    "textures.texels.reached": "a step of `bake`",
    "textures.view": "a step of `bake`",
}


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of a package of neurfield, without those of folders within."""
    for found in pkgutil.iter_modules([str(ROOT / "neurfield" / package)]):
        if not found.ispkg:
            yield importlib.import_module(f"neurfield.{package}.{found.name}")


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module itself defines."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or name.startswith("_"):
            continue
        if inspect.isclass(value) or inspect.isfunction(inspect.unwrap(value)):  # cached ones are wrapped
            yield name, value


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_public_is_shown_or_private_for_a_reason(package: str) -> None:
    shown = getattr(nf, package)
    missing = []
    for module in modules(package):
        short = module.__name__.removeprefix("neurfield.")
        for name, value in public(module):
            private = short in PRIVATE or f"{short}.{name}" in PRIVATE
            if name in shown.__all__ and getattr(shown, name) is value:
                assert not private, f"{short}.{name} is shown and private"
            elif not private:  # a part may have the name of the function that it asks
                missing.append(f"{short}.{name}")
    assert not missing


def test_the_private_ones_exist() -> None:
    there = set()
    for package in PACKAGES:
        for module in modules(package):
            short = module.__name__.removeprefix("neurfield.")
            there |= {short, *(f"{short}.{name}" for name, _ in public(module))}
    assert set(PRIVATE) <= there
    assert all(PRIVATE.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_help_and_star_show_the_names(package: str) -> None:
    shown = getattr(nf, package)
    assert set(shown.__all__) <= set(dir(shown))
    assert shown.__all__ == sorted(set(shown.__all__))
    text = re.sub(r".\x08", "", pydoc.render_doc(shown))
    for name in shown.__all__:
        assert re.search(rf"^ +(class )?{name}(\(| = )", text, re.MULTILINE), name
    stars: dict[str, Any] = {}
    exec(f"from neurfield.{package} import *", stars)
    assert set(shown.__all__) <= set(stars)


def test_names_are_imported_when_used() -> None:
    code = (
        "import sys; import neurfield as nf\n"
        "nf.ops, nf.encodings, nf.surfaces, nf.fusion, nf.rendering, nf.losses, nf.fields, dir(nf.ops)\n"
        "nf.parts.methods(), nf.parts.whole_shelf(), nf.points, nf.pixels\n"
        "assert 'torch' not in sys.modules and 'trimesh' not in sys.modules\n"
        "nf.ops.grid_encode\n"
        "assert 'neurfield.ops.grid' in sys.modules and 'neurfield.ops.compositing' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_function_is_not_hidden_by_its_module() -> None:
    code = (
        "import inspect, neurfield.ops.sdf_query, neurfield.ops.radiance_query, neurfield as nf\n"
        "from neurfield.ops import level_set\n"
        "for name in ('sdf_query', 'radiance_query', 'level_set', 'marching_cubes', 'plane_sweep'):\n"
        "    assert inspect.isfunction(getattr(nf.ops, name)), name\n"
        "assert inspect.isfunction(level_set) and inspect.ismodule(nf.ops.native)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'neurfield\.ops' has no attribute 'march_ray'"):
        _ = nf.ops.march_ray  # type: ignore[attr-defined]


def test_a_stub_says_where_names_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shown"
    package.mkdir()
    (package / "__init__.py").write_text("from neurfield import lazy\n__all__ = lazy.export(__name__)\n")
    (package / "__init__.pyi").write_text("from shown.work import work as work\n")
    (package / "work.py").write_text("def work():\n    return 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    shown = importlib.import_module("shown")
    importlib.import_module("shown.work")
    assert shown.work() == 42
    assert shown.__all__ == ["work"]
    assert isinstance(shown, lazy._Package)


@pytest.mark.parametrize("package", PACKAGES)
def test_examples_run(package: str) -> None:
    shown = getattr(nf, package)
    names = {name: getattr(shown, name) for name in shown.__all__}
    finder = doctest.DocTestFinder(recurse=False)
    for name, value in names.items():
        torch.manual_seed(0)
        for example in finder.find(value, name, globs={"np": np, "torch": torch, **names}):
            ran = doctest.DocTestRunner(verbose=False).run(example)
            assert not ran.failed, name


def test_the_most_used_have_examples() -> None:
    most_used = {
        "adam_step", "composite", "composite_surface", "grid_encode", "integrate_depth", "level_set",
        "march_rays", "marching_cubes", "mlp", "mlp_with_gradient", "radial_basis_encode", "sdf_query",
        "section_opacity", "triplane_encode",
    }  # fmt: skip
    assert not {name for name in most_used if ">>>" not in (getattr(nf.ops, name).__doc__ or "")}
    assert ">>>" in (nf.encodings.HashGrid.__doc__ or "")
    for value in (nf.fields.SDFField, nf.losses.eikonal, nf.rendering.NeuS, nf.rendering.render):
        assert ">>>" in (value.__doc__ or ""), value
    assert ">>>" in (nf.surfaces.extract_level_set.__doc__ or "")


@pytest.mark.slow
def test_type_checkers_see_the_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "use.py"
    script.write_text(
        "import neurfield as nf\n"
        "from neurfield.surfaces import extract_level_set\n"
        "nf.ops.conservative_occupancy('no tensor', 0.1)\n"
        "nf.ops.no_such_name\n"
        "extract_level_set(nf.encodings.HashGrid())\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    environment = {"MYPYPATH": str(ROOT), "PATH": ""}
    ran = subprocess.run(
        [*command, "--follow-imports=silent", "--ignore-missing-imports", str(script)],
        capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    lines = [
        line.removeprefix("use.py:").split(":")[0] for line in ran.stdout.splitlines() if "error:" in line
    ]
    assert lines == ["3", "4", "5"], ran.stdout + ran.stderr
