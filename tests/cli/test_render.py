"""`neurfield render`: pictures of a run along walks; gone on with; what is refused, in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import neurfield as nf
from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.renders import ways
from neurfield.renders.folder import check_space
from neurfield.scenes.walk_file import write_walk
from neurfield.scenes.walks import Walk, looking
from tests.cli.test_verbs import Capture, refusal
from tests.fitting.conftest import CENTRE, SIZE

UP, AHEAD = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
TINY = ("--size", "24x18", "--seconds", "1", "--fps", "3")


@pytest.fixture(scope="module")
def run(ball_run: Path) -> nf.Run:
    return nf.Run.load(ball_run)


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened)


def on_white(seen: dict[str, np.ndarray]) -> np.ndarray:
    return seen["rgb"] + 255.0 * (1.0 - seen["opacity"][..., None])


def made(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*.png"))}


def test_cameras_are_what_the_run_sees(run: nf.Run, tmp_path: Path) -> None:
    done = nf.render_walk(
        run, "cameras", ["rgb", "normals", "depth", "error"], frames="3,8", out=tmp_path / "out"
    )
    assert (done.pictures, done.kept, done.size, done.video) == (2, 0, (SIZE, SIZE), None)
    record = json.loads((tmp_path / "out" / "render.json").read_text())
    for frame in (3, 8):
        name = f"{frame:06d}.png"
        seen = run.render(frame, 1.0)
        rgb = picture(done.folder / "rgb" / name)  # an object before nothing is before white
        assert np.abs(rgb - on_white(seen).clip(0, 255)).max() < 1.5
        depth = picture(done.folder / "depth" / name) * record["depth_step"]
        assert np.abs(depth - seen["depth"]).max() <= 0.51 * record["depth_step"]
        solid = seen["opacity"] > 0.98
        normal = picture(done.folder / "normals" / name)[solid] / 127.5 - 1.0
        assert solid.any() and np.abs(normal - seen["normal"][solid]).max() < 0.05
        assert picture(done.folder / "depth_colored" / name).shape == (SIZE, SIZE, 3)
        assert picture(done.folder / "error" / name).shape[1:] == (SIZE, 3)
    errors = json.loads((done.folder / "errors.json").read_text())
    assert set(errors["frames"]) == {"3", "8"} and done.psnr == pytest.approx(errors["psnr"])
    mask = run.used.mask(3)
    off = (picture(done.folder / "rgb" / "000003.png")[mask].astype(float) - run.used.image(3)[mask]) / 255.0
    assert errors["frames"]["3"]["psnr"] == pytest.approx(-10.0 * np.log10((off**2).mean()), abs=1e-6)
    assert errors["frames"]["3"]["held_out"] == (3 in run.held_out)


def test_every_tracer_sees_the_same_ball_from_the_same_cameras(
    run: nf.Run, ball_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    seen = {}
    for tracer in ("volume", "surface", "sphere"):
        out = tmp_path / tracer
        typed = [
            "--walk",
            "cameras",
            "--frames",
            "3",
            "--tracer",
            tracer,
            "--what",
            "rgb,normals,depth,error",
        ]
        assert main(["render", str(ball_run), *typed, "--out", str(out)]) == 0
        assert "PSNR" in capsys.readouterr().out
        step = json.loads((out / "render.json").read_text())["depth_step"]
        depth = picture(out / "depth" / "000003.png") * step
        seen[tracer] = (
            depth,
            picture(out / "normals" / "000003.png").astype(int),
            picture(out / "rgb" / "000003.png"),
        )
    of_field, of_mesh, of_volume = (seen[name] for name in ("sphere", "surface", "volume"))
    both = (of_field[0] > 0) & (of_mesh[0] > 0)
    assert both.sum() > 0.9 * (of_field[0] > 0).sum() > 100
    voxel = run.input.surface().voxel()
    assert np.median(np.abs(of_field[0] - of_mesh[0])[both]) < 0.5 * voxel
    assert np.median(np.abs(of_field[1] - of_mesh[1])[both]) < 6
    inner = both & (of_volume[0] > 0)
    assert np.median(np.abs(of_field[2].astype(int) - of_volume[2])[inner]) < 25
    with pytest.raises(UserError, match="another rendering"):  # the tracer changed
        nf.render_walk(run, "cameras", frames="3", tracer="sphere", out=tmp_path / "volume")
    with pytest.raises(UserError, match="there is no such tracer, did you mean 'sphere'"):
        nf.render_walk(run, tracer="spere")


def test_smaller_pictures_of_cameras_show_the_same(run: nf.Run, tmp_path: Path) -> None:
    done = nf.render_walk(run, "cameras", ["rgb"], size=(16, 16), frames="5", out=tmp_path / "a")
    shown = picture(done.folder / "rgb" / "000005.png")
    assert np.abs(shown - on_white(run.render(5, 1.0 / 3.0)).clip(0, 255)).max() < 1.5
    assert np.ptp(shown) > 50


def test_a_scene_is_a_walk_of_its_cameras(run: nf.Run, tmp_path: Path) -> None:
    own = Path(run.used.path)
    whole = nf.render_walk(run, own, ["rgb"], size=(16, 16), out=tmp_path / "a")
    assert whole.pictures == len(nf.load_scene(own))
    same = nf.render_walk(run, "cameras", ["rgb"], size=(16, 16), frames="5", out=tmp_path / "b")
    assert (picture(whole.folder / "rgb" / "000005.png") == picture(same.folder / "rgb" / "000005.png")).all()
    with pytest.raises(nf.UserError, match="--seconds"):
        nf.render_walk(run, own, ["rgb"], seconds=2.0, out=tmp_path / "c")
    with pytest.raises(nf.UserError, match=r"traj\.txt"):
        nf.render_walk(run, tmp_path / "traj.txt", ["rgb"], out=tmp_path / "c")


def test_an_orbit_has_all_of_the_object_and_its_file_renders_the_same(
    ball_run: Path, tmp_path: Path, capsys: Capture
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["render", str(ball_run), *TINY, "--what", "rgb,clay", "--out", str(first)]) == 0
    told = capsys.readouterr().out
    assert "3 pictures of 24x18" in told and "about" in told and "--out first.mp4" in told
    assert len(made(first)) == 6
    shown = picture(first / "clay" / "000001.png")
    assert (shown != 255).any()
    rim = np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])
    assert (rim == 255).mean() > 0.9
    walk = str(first / "camera_path.json")
    assert main(["render", str(ball_run), "--walk", walk, "--out", str(second)]) == 0
    for path in (first / "rgb").iterdir():
        assert np.abs(picture(path).astype(int) - picture(second / "rgb" / path.name)).mean() < 0.5


def test_it_goes_on_where_it_was_interrupted(
    ball_run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ball_run.resolve(), folder)
    typed = ["render", str(folder), *TINY, "--what", "rgb,depth"]
    from neurfield.renders import tracers

    volume, calls = tracers._volume, []

    def interrupted(opened, cameras, *rest):  # type: ignore[no-untyped-def]
        calls.append(cameras.width[0])
        if calls.count(24) > 6:  # after those that are only looked at, in the third of three
            raise KeyboardInterrupt
        return volume(opened, cameras, *rest)

    monkeypatch.setattr(tracers, "_volume", interrupted)
    assert main(typed) == 130
    told = capsys.readouterr().out
    assert f"neurfield render {folder} --what rgb,depth --size 24x18 --fps 3 --seconds 1   goes on" in told
    monkeypatch.undo()
    there = made(folder / "renders" / "orbit")
    assert 0 < len(there) < 9
    assert main(typed) == 0
    assert f"{len(there) // 3} of 3 pictures are in" in capsys.readouterr().out
    after = made(folder / "renders" / "orbit")
    assert len(after) == 9 and all(after[path] == when for path, when in there.items())
    (folder / "renders" / "orbit" / "depth" / "000001.png").unlink()
    assert main([*typed[:-1], "depth,normals"]) == 0  # more of the same walk is no other rendering
    assert len(made(folder / "renders" / "orbit")) == 12
    told = refusal(capsys, *typed, "--size", "12x9")
    assert "another rendering (the cameras, the size changed)" in told and "--out" in told


def test_a_film_is_what_the_pictures_are(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    module = pytest.importorskip("imageio_ffmpeg", reason="needs imageio-ffmpeg (neurfield[video])")
    folder = tmp_path / "run"
    shutil.copytree(ball_run.resolve(), folder)
    film = tmp_path / "round.mp4"
    odd = ("--size", "25x19", "--seconds", "1", "--fps", "3")
    assert main(["render", str(folder), *odd, "--what", "rgb,depth", "--out", str(film)]) == 0
    assert "1.0 s at 3 a second" in capsys.readouterr().out
    assert len(made(folder / "renders" / "round")) == 9
    reader = module.read_frames(str(film))
    size = next(reader)["size"]
    assert size == (50, 20) and len(list(reader)) == 3  # two side by side; odd sides are made even


def test_without_an_encoder_nothing_is_begun(
    ball_run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    folder = tmp_path / "run"
    shutil.copytree(ball_run.resolve(), folder)
    assert "neurfield[video]" in refusal(capsys, "render", str(folder), "--out", str(tmp_path / "a.mp4"))
    assert not (folder / "renders").exists() and not (tmp_path / "a.mp4").exists()


def test_what_is_refused(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    run, inside = str(ball_run), tmp_path / "things"
    inside.mkdir()
    (inside / "notes.txt").write_text("mine")
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "broken.json").write_text("{")
    for flags, says in (
        (("--what", "colour"), "no such picture"),
        (("--what", "norms"), "did you mean 'normals'"),
        (("--what", "error"), "--walk cameras"),
        (("--size", "640"), "as 640x480"),
        (("--size", "0x10"), "1 to"),
        (("--size", "100000x10"), "1 to"),
        (("--walk", "cameras", "--size", "24x18"), "give 24x24"),
        (("--walk", "cameras", "--frames", "1,99"), "0 to 11"),
        (("--walk", "cameras", "--frames", "x"), "held-out"),
        (("--walk", "cameras", "--seconds", "3"), "leave it out"),
        (("--frames", "1"), "--walk cameras"),
        (("--walk", "cameras", "--up", "y"), "--walk orbit"),
        (("--fps", "0"), "positive"),
        (("--seconds", "-1"), "positive"),
        (("--walk", str(tmp_path / "nowhere.json")), "cannot be read"),
        (("--walk", str(tmp_path / "broken.json")), "not readable JSON"),
        (("--out", str(tmp_path / "a.mp4")), "a folder stands there"),
        (("--out", str(tmp_path / "a.avi")), ".webm"),
        (("--out", str(tmp_path / "file")), "a file stands there"),
        (("--out", str(inside)), "not empty"),
    ):
        told = refusal(capsys, "render", run, *flags)
        assert says in told, (flags, told)
    assert (inside / "notes.txt").read_text() == "mine" and len(list(inside.iterdir())) == 1


def test_a_run_without_a_checkpoint_is_one_line(ball_run: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(ball_run.resolve(), tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert "nothing was saved" in refusal(capsys, "render", str(tmp_path / "run"))
    assert "not a run" in refusal(capsys, "render", str(tmp_path))


def test_no_room_is_told_before_anything_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_space(tmp_path / "not" / "there", 1e3, ["rgb"])
    with pytest.raises(UserError, match=r"GB of pictures.*--size"):
        check_space(tmp_path, 1e18, ["rgb"])


def test_cameras_that_see_nothing_or_stand_in_walls_are_told(run: nf.Run, tmp_path: Path) -> None:
    def told(eye: np.ndarray, target: np.ndarray) -> list[str]:
        walk = Walk(looking(eye, target, UP)[None], 50.0, np.zeros(1))
        way = ways.way_of(run, walk, "all", (8, 8), None, None)
        return ways.warnings_of(run, way)

    assert not told(CENTRE + 2.0 * AHEAD, CENTRE)
    assert "sees the box" in told(CENTRE + 2.0 * AHEAD, CENTRE + 4.0 * AHEAD)[0]
    assert "inside the surface (pictures 0 to 0)" in told(CENTRE, CENTRE + 1.0 * AHEAD)[0]
    write_walk(
        tmp_path / "far.json", Walk(looking(CENTRE + 90.0, CENTRE + 99.0, UP)[None], 50.0, np.zeros(1))
    )
    lines: list[str] = []
    nf.render_walk(run, tmp_path / "far.json", size=(8, 8), out=tmp_path / "far", say=lines.append)
    assert any("another scene" in line for line in lines)


def test_a_shape_is_turned_around(tmp_path: Path, capsys: Capture) -> None:
    trimesh.creation.icosphere(2, 3.0).export(tmp_path / "ball.ply")
    settings = (
        "mesh.voxel=0.3", "device=cpu", "field.levels=3", "field.log2_table_size=12",
        "field.finest_resolution=16", "field.hidden=[16,16]", "points.mesh_samples.count=512",
        "points.mesh_samples.pool=4096",
    )  # fmt: skip
    typed = [word for item in settings for word in ("--set", item)]
    shape = ["fit", "--shape", str(tmp_path / "ball.ply"), "--out", str(tmp_path / "runs"), "--steps", "60"]
    assert main([*shape, *typed]) == 0
    run = str(tmp_path / "runs" / "ball" / "latest")
    assert "knows no colours" in refusal(capsys, "render", run, "--what", "rgb")
    assert "has no cameras" in refusal(capsys, "render", run, "--walk", "cameras")
    assert main(["render", run, *TINY]) == 0
    pictures = made(Path(run) / "renders" / "orbit")
    assert len(pictures) == 3 and all(path.parent.name == "clay" for path in pictures)
    # A sphere is as high as the picture and no higher, wherever it is seen from.
    rows = [(picture(path) < 250).any(axis=(1, 2)).sum() for path in pictures]
    assert min(rows) >= 14 and max(rows) < 18
    for axis, name in enumerate("xyz"):
        if name != "x":
            walk = ways.orbit_of(nf.Run.load(run), (24, 18), name)
            downwards = walk.world_from_cam[:, :3, 1]
            assert (downwards[:, axis] < -0.9).all()
