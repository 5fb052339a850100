"""Who may import whom, and that no modules import each other in a circle.

ops <- encodings <- fields <- rendering, surfaces <- fitting <- inputs <- report <- viewer <- cli
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Anyone may import these; they import nothing of neurfield but each other.
COMMON = {"errors", "far", "files", "gltf", "lazy", "moment", "openmp", "optional", "surface_file", "traced"}
COMMON |= {"wording"}
MAY_IMPORT: dict[str, set[str]] = {
    **{name: set() for name in COMMON},
    "parts": {"configs"},
    "ops": set(),
    "images": set(),
    "rays": {"ops"},
    "encodings": {"ops"},
    "scenes": {"ops"},
    "shapes": {"ops", "rays"},
    "slices": {"ops", "rays"},
    "evaluation": {"ops"},
    "fusion": {"ops", "scenes"},
    "stereo": {"ops", "scenes"},
    "posing": {"scenes", "evaluation"},
    "priors": {"scenes", "__version__"},
    "pixels": {"rays", "scenes", "parts"},
    "points": {"ops", "rays", "scenes", "shapes", "slices", "fusion", "stereo", "images", "parts", "pixels"},
    "fields": {"ops", "encodings", "images", "parts"},
    "rendering": {"ops", "encodings", "fields", "rays", "pixels", "parts", "scenes"},
    "losses": {"ops", "stereo", "rays", "pixels", "points", "rendering", "parts", "scenes"},
    "surfaces": {"ops", "encodings", "fields", "parts", "__version__"},
    "fitting": {
        "ops", "encodings", "fields", "rendering", "surfaces", "scenes", "losses", "evaluation", "fusion",
        "stereo", "images", "rays", "parts", "pixels", "points", "shapes", "slices",
    },
    "inputs": {
        "ops", "fields", "surfaces", "scenes", "shapes", "slices", "evaluation", "fusion", "stereo", "images",
        "fitting", "parts", "pixels", "points", "textures", "rays",
    },
    "textures": {"scenes", "surfaces"},
    "light": {"ops", "rays", "scenes", "surfaces"},
    "report": {"ops", "images", "scenes", "surfaces", "inputs", "parts"},
    "viewer": {"scenes", "report", "inputs", "fitting", "surfaces", "shapes", "slices", "rays", "ops"}
    | {"images", "light"},
    "renders": {"images", "scenes", "evaluation", "surfaces", "rays", "fitting", "inputs", "report"}
    | {"light", "parts", "shapes", "stereo"},
    "triplanes": {"ops", "rays", "encodings", "shapes", "surfaces", "evaluation", "inputs", "report"}
    | {"__version__"},
    "ddmi": {"ops", "shapes", "surfaces", "evaluation", "inputs", "report", "triplanes"},
    "cli": {"scenes", "posing", "stereo", "report", "fitting", "surfaces", "inputs", "ops", "parts", "viewer"}
    | {"renders", "textures", "priors", "shapes", "slices", "triplanes", "ddmi", "__version__"},
}  # fmt: skip
# Optional or slow to import: only inside the function that needs them.
HEAVY = {
    "av", "contourpy", "diffusers", "embreex", "imageio_ffmpeg", "manifold3d", "matplotlib", "mcubes",
    "nerfacc",
    "nibabel", "nrrd", "onnx", "onnxruntime", "open3d", "pillow_heif", "pycolmap", "pydicom", "pyvips",
    "skimage", "svgelements", "tinycudann", "viser", "xatlas",
}  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    """(part of the package, file) of every module of neurfield, viewer included."""
    for path in sorted((ROOT / "neurfield").rglob("*.py")):
        part = path.relative_to(ROOT / "neurfield").parts[0].removesuffix(".py")
        if part not in ("__init__", "__main__"):  # the package's front door shows everything
            yield part, path
    for path in sorted((ROOT / "viewer").rglob("*.py")):
        yield "viewer", path


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names that a piece of code imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, without `if TYPE_CHECKING`."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node


def test_every_part_is_listed() -> None:
    assert {part for part, _ in modules()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_direction(part: str) -> None:
    wrong = []
    for owner, path in modules():
        if owner != part:
            continue
        for name in imported(ast.parse(path.read_text())):
            package, _, rest = name.partition(".")
            target = rest.split(".")[0]
            if package == "neurfield" and target not in MAY_IMPORT[part] | COMMON | {part}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def module_graph() -> dict[str, set[str]]:
    """Which modules each module imports, at its top, inside functions, or for the type checker alone."""
    files = {}
    for part, path in modules():
        names = path.relative_to(ROOT).with_suffix("").parts
        dotted = ".".join(names).removesuffix(".__init__")
        files[f"neurfield.{dotted}" if part == "viewer" else dotted] = path

    def module_of(name: str) -> str:
        """The module that a dotted name is, or lies in."""
        while name and name not in files:
            name = name.rpartition(".")[0]
        return name

    return {
        module: {module_of(name) for name in imported(ast.parse(path.read_text()))} - {module, ""}
        for module, path in files.items()
    }


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """The sets of modules that lead to each other (strongly connected components of two and more)."""

    def reached(start: str) -> set[str]:
        found, waiting = set(), [start]
        while waiting:
            new = graph.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    reach = {module: reached(module) for module in graph}
    return {
        frozenset(other for other in reach[module] if module in reach[other])
        for module in graph
        if module in reach[module]
    }


def test_circles_are_seen() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set()}
    assert circles(graph) == {frozenset("abc")}


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert not circles(module_graph())


def test_heavy_libraries_wait() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for _, path in modules()
        for statement in at_module_level(ast.parse(path.read_text()))
        for name in imported(statement)
        if name.split(".")[0] in HEAVY
    ]
    assert not wrong


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after some code."""
    script = (
        f"import sys\n{code}\nprint(*sorted(name.split('.')[0] for name in sys.modules), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stderr.split())


def test_import_is_quick() -> None:
    assert not loaded_after("import neurfield") & {"torch", "numpy", "trimesh", "tyro", "rich"}


def test_declaring_a_part_loads_nothing_heavy() -> None:
    assert not loaded_after("import neurfield.parts") & {"torch", "numpy", "trimesh", "tyro", "rich"}


def test_help_is_quick() -> None:
    code = "from neurfield.cli.main import main; assert main(['--help']) == 0"
    assert not loaded_after(code) & {"torch", "numpy", "trimesh", "tyro", "rich"}


def test_help_of_fit_loads_no_torch() -> None:
    code = "from neurfield.cli.main import main; assert main(['fit', '--help']) == 0"
    assert not loaded_after(code) & {"torch", "trimesh"}


def test_inputs_are_known_before_torch_is_loaded() -> None:
    code = "import neurfield.fitting; from neurfield.inputs.registry import INPUTS; assert INPUTS"
    assert not loaded_after(code) & {"torch", "numpy", "trimesh", "rich"}


def test_front_door_names_what_exists() -> None:
    import neurfield

    for name in neurfield.__all__:
        assert getattr(neurfield, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = neurfield.nothing_like_it
