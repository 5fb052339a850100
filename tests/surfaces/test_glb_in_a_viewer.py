"""A .glb of ours opens upright and in true colours in three.js, as a page in a browser shows it."""

from __future__ import annotations

import functools
import http.server
import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals

from neurfield.surfaces import save_mesh
from tests.browser import browser_page

pytestmark = pytest.mark.slow
THREE = "three@0.187.0"
SIDE = 240  # pixels of the picture
UP = np.array([0.0, 0.0, 1.0])
TOP, FRONT, REST = (40, 190, 90), (200, 70, 40), (128, 128, 128)
CORNERS = {
    "left top": (220, 30, 30),
    "right top": (20, 160, 60),
    "left low": (30, 60, 200),
    "right low": (240, 220, 90),
}

# An ambient light of pi shows a rough surface in its own colour.
PAGE = """<!doctype html><style>body{margin:0}</style>
<script type="importmap">{"imports": {"three": "/package/build/three.module.js"}}</script>
<script type="module">
import * as THREE from "three";
import {GLTFLoader} from "/package/examples/jsm/loaders/GLTFLoader.js";
const renderer = new THREE.WebGLRenderer({antialias: false});
renderer.setSize(SIDE, SIDE);
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.add(new THREE.AmbientLight(0xffffff, Math.PI));
const camera = new THREE.OrthographicCamera(-1, 1, 1, -1, 0.1, 10);
camera.position.set(...PLACE);
camera.lookAt(0, 0, 0);
const loaded = await new GLTFLoader().loadAsync("/mesh.glb");
scene.add(loaded.scene);
renderer.render(scene, camera);
document.title = "drawn";
</script>"""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with three.js that is served on this machine, and its address."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: it fetches three.js")
    folder = tmp_path_factory.mktemp("viewer")
    try:
        subprocess.run(["npm", "pack", THREE], cwd=folder, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm cannot fetch {THREE}: {error}")
    with tarfile.open(next(folder.glob("three-*.tgz"))) as packed:
        packed.extractall(folder, filter="data")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def shown(viewer: tuple[Path, str], mesh: trimesh.Trimesh, place: tuple[float, float, float]) -> np.ndarray:
    """What the page shows of a mesh from a place, uint8 [SIDE, SIDE, 3]."""
    folder, address = viewer
    save_mesh(mesh, folder / "mesh.glb", UP)
    (folder / "index.html").write_text(PAGE.replace("SIDE", str(SIDE)).replace("PLACE", str(list(place))))
    (folder / "favicon.ico").touch()
    with browser_page(SIDE, SIDE) as page:
        page.goto(f"{address}/index.html")
        page.wait_for_function("document.title === 'drawn'")
        return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def at(picture: np.ndarray, right: float, up: float) -> np.ndarray:
    """The middle colour around a place of a picture, from -1 to 1 rightwards and upwards."""
    x, y = int((1 + right) / 2 * SIDE), int((1 - up) / 2 * SIDE)
    return np.median(picture[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3), axis=0)


def test_colours_at_vertices(viewer: tuple[Path, str]) -> None:
    box = trimesh.creation.box((1.0, 1.0, 1.0))
    colors = np.full((12, 3), REST)
    colors[box.face_normals[:, 2] > 0.5] = TOP
    colors[box.face_normals[:, 1] < -0.5] = FRONT
    mesh = trimesh.Trimesh(
        box.vertices[box.faces].reshape(-1, 3), np.arange(36).reshape(12, 3), process=False
    )
    mesh.visual = ColorVisuals(mesh, vertex_colors=np.repeat(colors, 3, axis=0).astype(np.uint8))
    picture = shown(viewer, mesh, (0.0, 2.0, 2.0))
    assert np.abs(at(picture, 0.0, 0.3) - TOP).max() <= 3
    assert np.abs(at(picture, 0.0, -0.3) - FRONT).max() <= 3
    assert at(picture, 0.9, 0.9).max() == 0  # beside it there is nothing


def test_a_texture(viewer: tuple[Path, str]) -> None:
    half = 64
    rows = [[CORNERS[f"{x} {y}"] for x in ("left", "right")] for y in ("top", "low")]
    picture = np.repeat(np.repeat(np.array(rows, dtype=np.uint8), half, axis=0), half, axis=1)
    corners = np.array([[-0.8, 0, -0.8], [0.8, 0, -0.8], [0.8, 0, 0.8], [-0.8, 0, 0.8]])
    mesh = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    mesh.visual = TextureVisuals(uv=uv, image=Image.fromarray(picture))
    seen = shown(viewer, mesh, (0.0, 0.0, 3.0))
    for name, color in CORNERS.items():
        right, up = (0.4 if "right" in name else -0.4), (0.4 if "top" in name else -0.4)
        assert np.abs(at(seen, right, up) - color).max() <= 4, name
