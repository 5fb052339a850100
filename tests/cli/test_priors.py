"""`neurfield scene priors`: what it leaves, that scenes find it, what is made twice, what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.priors import DEPTH, Guesser, Network, make_priors
from neurfield.priors.network import sha256_of
from neurfield.scenes import load_scene
from neurfield.scenes.check_priors import prior_findings
from neurfield.scenes.images import FileList
from neurfield.scenes.prior_files import prior_file_findings, with_priors
from neurfield.scenes.scene import Scene
from neurfield.scenes.tracks import Tracks
from tests.priors.networks import Graph, write_coded_room
from tests.scenes.tiny_scenes import HEIGHT, WIDTH, render_room, room_cameras, write_replica

Capture = pytest.CaptureFixture[str]
FRAMES = 8
TILE = (48, 48)  # of the pictures' height: two tiles


def networks(folder: Path, size: tuple[int, int] | None = TILE) -> tuple[Path, Path]:
    """Omnidata in small: relative depth of each tile alone, normals as (n + 1) / 2."""
    depth, normals = Graph(size), Graph(size, mean=0.0, deviation=1.0)
    depth.give(depth.of_this_tile(depth.depth()), "depth", 1)
    normals.give(normals.coded(normals.normals()), "normal", 3)
    return depth.save(folder / "omnidata_depth.onnx"), normals.save(folder / "omnidata_normal.onnx")


def priors(scene: Path, *arguments: object) -> int:
    return main(["scene", "priors", str(scene), *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def made(nets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of pictures with the priors of both networks beside them."""
    scene = write_coded_room(tmp_path_factory.mktemp("scenes") / "room", FRAMES)
    assert priors(scene, "--depth", nets[0], "--normals", nets[1]) == 0
    return scene


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return write_coded_room(tmp_path / "room", FRAMES)


def test_the_scene_has_what_the_pictures_say(made: Path) -> None:
    scene = load_scene(made)
    assert {"prior_depth", "prior_normal"} <= scene.sources and scene.path == made
    for i in range(FRAMES):
        true, normals = render_room(room_cameras(FRAMES), i)
        depth, normal = scene.prior_depth(i), scene.prior_normal(i)
        assert depth is not None and normal is not None and depth.shape == (HEIGHT, WIDTH)
        assert depth.min() > 0.0 and depth.max() <= 1.0
        scale, shift = np.polyfit(depth.ravel(), true.ravel(), 1)
        # The whole width, and one scale for it: tiles with a scale each are worse by far.
        assert np.abs(scale * depth + shift - true).mean() < 0.02 * np.ptp(true)
        angle = np.degrees(np.arccos(np.clip((normal * normals).sum(axis=2), -1.0, 1.0)))
        assert np.median(angle) < 6.0
    assert {finding.level for finding in prior_findings(scene)} == {"ok"}


def test_it_says_what_made_them_and_that_axes_were_checked(
    made: Path, nets: tuple[Path, Path], capsys: Capture
) -> None:
    index = json.loads((made / "priors" / "priors.json").read_text())
    by = index["sources"]["prior_depth"]["made_by"]
    assert by["network"] == "omnidata_depth.onnx" and by["sha256"] == sha256_of(nets[0])
    assert by["profile"] == "omnidata" and by["neurfield"] and len(by["date"]) == 10
    assert index["scene"] == ".." and len(index["sources"]["prior_normal"]["frames"]) == FRAMES
    assert sorted(p.name for p in (made / "priors").iterdir() if p.suffix == ".json") == ["priors.json"]
    assert main(["scene", "info", str(made)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "omnidata_normal.onnx" in told and by["sha256"][:12] in told.replace(" ", "")


def test_conversion_carries_what_made_them(made: Path, tmp_path: Path) -> None:
    assert main(["scene", "convert", str(made), "--out", str(tmp_path / "twin")]) == 0
    twin, before = load_scene(tmp_path / "twin"), load_scene(made)
    for source in ("prior_depth", "prior_normal"):
        assert "omnidata" in twin.files[source].made_by == before.files[source].made_by
        np.testing.assert_allclose(twin.array(source, 2), before.array(source, 2), atol=1e-6)


def test_a_second_time_only_what_is_new_is_made(
    made: Path, nets: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    scene = Path(shutil.copytree(made, tmp_path / "room"))
    assert priors(scene, "--depth", nets[0], "--normals", nets[1]) == 0
    assert "already there" in capsys.readouterr().out
    kept = (scene / "priors" / "000001_depth.npy").stat().st_mtime_ns
    Image.fromarray(255 - np.asarray(Image.open(scene / "images/000.png"))).save(scene / "images/000.png")
    stale = load_scene(scene)
    assert stale.prior_depth(0) is None and stale.prior_depth(1) is not None
    assert [f.level for f in prior_file_findings(stale)] == ["warn", "warn"]
    Image.open(made / "images/000.png").save(scene / "images/000.png", compress_level=1)
    assert priors(scene, "--depth", nets[0], "--normals", nets[1]) == 0
    assert "1 through the network" in " ".join(capsys.readouterr().out.split())
    assert load_scene(scene).prior_depth(0) is not None and not list(prior_file_findings(load_scene(scene)))
    assert (scene / "priors" / "000001_depth.npy").stat().st_mtime_ns == kept


def test_what_is_broken_off_is_no_source_and_is_gone_on_with(
    room: Path, nets: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from neurfield.priors import guess

    seen: list[int] = []
    whole = guess.Guesser.__call__

    def stopping(self: object, *arguments: object) -> object:
        seen.append(1)
        if len(seen) > FRAMES - 1:
            raise KeyboardInterrupt
        return whole(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(guess.Guesser, "__call__", stopping)
    assert priors(room, "--depth", nets[0]) != 0
    assert "prior_depth" not in load_scene(room).sources
    monkeypatch.setattr(guess.Guesser, "__call__", whole)
    assert priors(room, "--depth", nets[0]) == 0
    assert "1 through the network" in " ".join(capsys.readouterr().out.split())
    assert all(load_scene(room).prior_depth(i) is not None for i in range(FRAMES))


def test_another_network_that_is_broken_off_leaves_no_mixture(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurfield.priors import guess

    scene, (other, _) = Path(shutil.copytree(made, tmp_path / "room")), networks(tmp_path, size=None)
    seen: list[int] = []
    whole = guess.Guesser.__call__

    def stopping(self: guess.Guesser, picture: np.ndarray, lens: tuple[float, float, float, float]) -> object:
        seen.append(1)
        if len(seen) > FRAMES - 1:
            raise KeyboardInterrupt
        return whole(self, picture, lens)

    monkeypatch.setattr(guess.Guesser, "__call__", stopping)
    assert priors(scene, "--depth", other) != 0
    assert load_scene(scene).sources == {"image"}
    monkeypatch.setattr(guess.Guesser, "__call__", whole)
    assert priors(scene, "--depth", other) == 0
    index = json.loads((scene / "priors" / "priors.json").read_text())["sources"]
    assert index["prior_depth"]["made_by"]["sha256"] == sha256_of(other)
    assert len(index["prior_normal"]["frames"]) == FRAMES  # of the network before, and kept


def test_each_kind_may_come_by_itself(room: Path, nets: tuple[Path, Path]) -> None:
    assert priors(room, "--normals", nets[1]) == 0
    assert load_scene(room).sources == {"image", "prior_normal"}
    assert priors(room, "--depth", nets[0]) == 0
    assert load_scene(room).sources == {"image", "prior_depth", "prior_normal"}


def test_a_folder_of_ones_own_stands_for_the_scene(
    nets: tuple[Path, Path], tmp_path: Path, capsys: Capture
) -> None:
    """A data set's own priors stay, and give way only where the folder is named."""
    scene = write_replica(tmp_path / "room", FRAMES)
    for i in range(FRAMES):
        shutil.copy(
            write_coded_room(tmp_path / f"c{i}", FRAMES) / f"images/{i:03d}.png",
            scene / f"results/frame{i:06d}.png",
        )
        (scene / f"results/frame{i:06d}.jpg").unlink()
    own = load_scene(scene).prior_depth(3)
    assert priors(scene, "--depth", nets[0]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert priors(scene, "--depth", nets[0], "--out", tmp_path / "guessed") == 0
    assert f"neurfield fit --scene {tmp_path / 'guessed'}" in capsys.readouterr().out
    named = load_scene(tmp_path / "guessed")
    assert len(named) == FRAMES and "omnidata" in named.files["prior_depth"].made_by
    assert {"depth", "prior_normal"} <= named.sources
    np.testing.assert_array_equal(load_scene(scene).prior_depth(3), own)


def refusal(capsys: Capture, *arguments: object) -> str:
    capsys.readouterr()
    assert main(["scene", "priors", *(str(argument) for argument in arguments)]) == 2
    told = capsys.readouterr().err
    assert told.count("neurfield: ") == 1 and told.splitlines()[-1].startswith("neurfield: ")
    return told


@pytest.mark.parametrize(
    ("signs", "says"),
    [
        ((-1, -1, -1), "OpenGL's, and they look away.*--normals-profile dsine"),
        ((1, 1, 1), "OpenGL's.*no profile has such axes"),
        ((-1, 1, 1), "turned round.*no profile has such axes"),
    ],
)
@pytest.mark.parametrize("depth", [True, False], ids=["with depth", "alone"])
def test_normals_in_other_axes_are_refused_with_the_profile_that_they_are_of(
    room: Path,
    nets: tuple[Path, Path],
    tmp_path: Path,
    capsys: Capture,
    signs: tuple[float, float, float],
    says: str,
    depth: bool,
) -> None:
    graph = Graph(TILE)
    wrong = graph.give(graph.normals(signs), "normal", 3).save(tmp_path / "net.onnx")
    more = ("--depth", nets[0]) if depth else ()
    told = refusal(capsys, room, *more, "--normals", wrong, "--normals-profile", "marigold")
    assert "net.onnx" in told and re.search(says, told)
    assert not list((room / "priors").iterdir())


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, -1), (1, -1, -1), (-1, 1, 1)])
def test_axes_that_a_profile_leaves_open_are_those_that_the_pictures_show(
    room: Path, tmp_path: Path, capsys: Capture, signs: tuple[float, float, float]
) -> None:
    graph = Graph(None, mean=0.0, deviation=1 / 255)
    graph.give(graph.normals(signs), "predicted_normal", 3).give(graph.depth(), "predicted_depth", 1)
    network = graph.save(tmp_path / "metric3d.onnx")
    assert priors(room, "--depth", network, "--normals", network) == 0
    assert f"times {list(signs)}" in " ".join(capsys.readouterr().out.split())
    scene = load_scene(room)
    normal, (true, normals) = scene.prior_normal(5), render_room(room_cameras(FRAMES), 5)
    assert normal is not None and np.median((normal * normals).sum(axis=2)) > 0.99
    depth = scene.prior_depth(5)
    assert depth is not None and np.ptp(np.log(depth / true)[4:-4, 4:-4]) < 0.2  # metric, but for its focal


def inverse_depth(path: Path) -> Path:
    """A network of relative disparity."""
    graph = Graph(None, mean=0.45, deviation=0.225)
    inverse = graph("Reciprocal", graph("Max", graph.depth(), graph.constant(0.2)))
    return graph.give(graph.of_this_tile(inverse), "depth", 1).save(path)


def test_disparity_is_told_from_depth_and_is_nothing_by_itself(
    room: Path, tmp_path: Path, capsys: Capture
) -> None:
    network = inverse_depth(tmp_path / "net.onnx")
    told = refusal(capsys, room, "--depth", network, "--depth-profile", "marigold")
    assert "large where things are near" in told and "--depth-profile depth-anything-v2" in told
    told = refusal(capsys, room, "--depth", network, "--depth-profile", "depth-anything-v2")
    assert "scale and shift" in told and "neurfield scene stereo" in told
    assert not list((room / "priors").iterdir())


def with_points(scene: Scene, frames: range) -> Scene:
    """The scene as structure from motion would leave it: points on the walls, seen by some frames."""
    random = np.random.default_rng(0)
    points, frame, pixels = [], [], []
    for i in frames:
        depth, _ = render_room(scene.cameras, i)
        row, column = random.integers(0, HEIGHT, 80), random.integers(0, WIDTH, 80)
        pixel = np.stack([column, row], axis=1) + 0.5
        origins, directions, z_per_t = scene.cameras.rays(np.full(80, i), pixel)
        points.append(origins + directions * (depth[row, column] / z_per_t)[:, None])
        frame.append(np.full(80, i))
        pixels.append(pixel)
    tracks = Tracks(np.concatenate(frame), np.arange(80 * len(frames)), np.concatenate(pixels))
    return Scene(
        scene.name, scene.path, scene.cameras, scene.files, box=scene.box, points=np.concatenate(points),
        tracks=tracks,
    )  # fmt: skip


def with_stereo(scene: Scene, frames: range) -> Scene:
    """The scene as matching its pictures would leave it: depth on every third column of some frames."""
    names = tuple(Path(str(i)) if i in frames else None for i in range(len(scene)))

    def read(path: Path) -> np.ndarray:
        depth = render_room(scene.cameras, int(path.name))[0].astype(np.float32)
        depth[:, np.arange(WIDTH) % 3 != 0] = 0.0
        return depth

    return scene.with_files({"stereo_depth": FileList(names, read)})


@pytest.mark.parametrize(
    ("known", "words"),
    [(with_points, "sparse points"), (with_stereo, "stereo maps")],
    ids=["points", "stereo"],
)
def test_disparity_becomes_depth_by_what_is_known_of_it(
    room: Path, tmp_path: Path, known: Callable[[Scene, range], Scene], words: str
) -> None:
    network = Network(inverse_depth(tmp_path / "net.onnx"))
    scene = known(load_scene(room), range(6))
    made = make_priors(scene, [Guesser(network, {"depth": DEPTH["depth-anything-v2"]})], tmp_path / "out")
    assert sorted(made.left) == [6, 7] and "2 pictures are left without depth" in made.doubts()[0]
    found = with_priors(scene, tmp_path / "out")
    assert found.prior_depth(6) is None and f"held to {words}" in found.files["prior_depth"].made_by
    for i in range(6):
        depth, true = found.prior_depth(i), render_room(scene.cameras, i)[0]
        assert depth is not None and np.median(np.abs(depth / true - 1.0)) < 0.05
    assert {f.level for f in prior_findings(found) if "have none" not in f.what} == {"ok"}


def test_depth_that_is_said_to_be_disparity_is_refused(room: Path, tmp_path: Path) -> None:
    graph = Graph(None)
    network = Network(graph.give(graph.depth(), "depth", 1).save(tmp_path / "net.onnx"))
    scene = with_points(load_scene(room), range(8))
    with pytest.raises(UserError, match="it is no disparity"):
        make_priors(scene, [Guesser(network, {"depth": DEPTH["depth-anything-v2"]})], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_network_is_asked_for(room: Path, capsys: Capture) -> None:
    assert "--depth MODEL.onnx" in refusal(capsys, room)
    for name in ("omnidata.onnx", "mine.onnx"):
        assert "no such file" in refusal(capsys, room, "--depth", name)


def test_without_onnxruntime_the_extra_is_named(
    room: Path, nets: tuple[Path, Path], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert 'pip install "neurfield[priors]"' in refusal(capsys, room, "--depth", nets[0])


def test_what_lies_below_is_level_or_doubted(room: Path, nets: tuple[Path, Path], capsys: Capture) -> None:
    assert priors(room, "--normals", nets[1]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert int(re.search(r"floor, of what is seen below (\d+) %", told)[1]) > 20 and "doubtful" not in told
    data = json.loads((room / "transforms.json").read_text())
    (room / "transforms.json").write_text(json.dumps({**data, "up": [1.0, 1.0, 0.2]}))
    shutil.rmtree(room / "priors")
    assert priors(room, "--normals", nets[1]) == 0
    assert "below the camera is level: is 'up' of the scene right" in capsys.readouterr().out
