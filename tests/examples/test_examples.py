"""The examples run as they are, and say what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh
from PIL import Image

from neurfield.scenes.builtin import is_made

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"
NUMBERED = sorted(FOLDER.glob("0*.py"))


def printed(name: str, tmp_path: Path, *arguments: str) -> str:
    """What an example prints, run in a folder of its own."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    ran = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments],
        capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def needs_room() -> None:
    """Skip where the built-in room is not there: to make it takes minutes."""
    if not is_made("room0"):
        pytest.skip("room0 is not made yet: `neurfield scene make room0` makes it")


def number(pattern: str, text: str) -> float:
    """The number that a line of the text has where the pattern says so."""
    found = re.search(pattern, text)
    assert found, f"{pattern}: {text}"
    return float(found[1])


def test_they_are_short_and_listed() -> None:
    assert len(NUMBERED) >= 8
    listed = re.findall(r"^\| `(0\w+\.py)` \|", (FOLDER / "README.md").read_text(), re.M)
    assert listed == [path.name for path in NUMBERED]
    for path in NUMBERED:
        assert len(path.read_text().splitlines()) < 40, path.name
    assert "examples/README.md" in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_a_scene(tmp_path: Path) -> None:
    needs_room()
    said = printed("01_fit_a_scene.py", tmp_path)
    run = next((tmp_path / "runs" / "room0").glob("neus-*"))
    assert "Run(scene room0, method neus, 200 steps, runs/room0/neus-" in said and "SDFField(HashGrid" in said
    assert number(r"'f_score@0\.05': ([\d.]+)", said) > 0.8
    assert len(trimesh.load(run / "mesh.ply").faces) > 1000
    assert Image.open(run / "camera10.png").size == (300, 170)


@pytest.mark.slow
def test_a_cloud(tmp_path: Path) -> None:
    said = printed("02_sdf_of_a_cloud.py", tmp_path)
    assert number(r"accuracy ([\d.]+)", said) < 0.01 and number(r"f-score ([\d.]+)", said) > 0.9


@pytest.mark.slow
def test_parts_of_ones_own(tmp_path: Path) -> None:
    needs_room()
    said = printed("03_parts_of_your_own.py", tmp_path)
    assert "method my_method, 100 steps" in said and "bent_color: weight 1.0, {'bend': 0.05}" in said


@pytest.mark.slow
def test_a_picture_by_operations(tmp_path: Path) -> None:
    said = printed("04_volume_rendering.py", tmp_path)
    assert said.startswith("runs/torus.png: ")
    picture = Image.open(tmp_path / "runs" / "torus.png").convert("L").point(lambda grey: 255 * (grey < 250))
    width, height = picture.size
    assert picture.getpixel((2, 2)) == 0 and picture.getpixel((width // 2, height // 2)) == 0  # the hole
    assert 0.15 < sum(picture.histogram()[1:]) / (width * height) < 0.6


@pytest.mark.slow
def test_encodings(tmp_path: Path) -> None:
    said = printed("05_encodings_compared.py", tmp_path)
    reached = {line[:13].strip(): float(line[13:].split()[0]) for line in said.splitlines()}
    assert reached["hash grid"] > reached["points alone"] + 5.0 and len(reached) == 6


@pytest.mark.slow
def test_meshes_of_functions(tmp_path: Path) -> None:
    said = printed("06_mesh_of_a_function.py", tmp_path)
    assert said.count("watertight: True") == 2
    cube = trimesh.load(tmp_path / "runs" / "cube.ply")
    assert abs(cube.bounds[0, 0] + 0.6) < 1e-3 and 1.4 < cube.volume < 1.2**3


@pytest.mark.slow
def test_two_meshes(tmp_path: Path) -> None:
    said = printed("07_compare_two_meshes.py", tmp_path)
    assert 0.0 < number(r"accuracy\s+([\d.]+)", said) < 0.05
    mine = [str(tmp_path / "runs" / name) for name in ("fine.ply", "fine.ply")]
    assert number(r"chamfer_l1\s+([\d.]+)", printed("07_compare_two_meshes.py", tmp_path, *mine)) < 1e-4


@pytest.mark.slow
def test_a_texture_in_a_glb(tmp_path: Path) -> None:
    needs_room()
    pytest.importorskip("xatlas")
    said = printed("08_texture_and_glb.py", tmp_path)
    # Of things that stand in the room the insides are there, too, which nobody sees.
    assert "runs/textured.glb: " in said and number(r"triangles, (\d+)% of their texels", said) > 30
    mesh = next(iter(trimesh.load_scene(tmp_path / "runs" / "textured.glb").geometry.values()))
    assert mesh.visual.material.baseColorTexture.size == (1024, 1024)
