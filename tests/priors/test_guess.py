"""A picture through a network: what comes back is what the colours say, at every size and in tiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from neurfield.errors import UserError
from neurfield.priors import DEPTH, NORMALS, Guesser, Network
from neurfield.priors.profiles import Profile, profile_of
from tests.priors.networks import DEEPEST, Graph

LENS = (90.0, 95.0, 61.0, 40.0)


def picture(rows: int, columns: int) -> np.ndarray:
    """Smooth colours, other ones everywhere."""
    v, u = np.mgrid[:rows, :columns] / 40.0
    waves = np.stack(
        [0.5 + 0.3 * np.sin(u) + 0.1 * np.cos(2 * v), 0.5 + 0.3 * np.sin(v + u), 0.5 + 0.3 * np.cos(u)], 2
    )
    return np.rint(255 * waves).astype(np.uint8)


def guesser(path: Path, profile: Profile, graph: Graph, **outputs: tuple[str, int]) -> Guesser:
    for name, (value, channels) in outputs.items():
        graph.give(value, name, channels)
    return Guesser(Network(graph.save(path / f"{profile.name}.onnx")), {"depth": profile})


SIZES = [
    ((32, 32), (48, 64)),
    ((32, 32), (64, 48)),
    ((24, 48), (60, 80)),
    ((32, 32), (20, 90)),
    (None, (48, 64)),
]


@pytest.mark.parametrize(("size", "of"), SIZES)
def test_tiles_of_relative_depth_become_one_picture(
    tmp_path: Path, size: tuple[int, int] | None, of: tuple[int, int]
) -> None:
    profile = replace(DEPTH["omnidata"], side=32)
    graph = Graph(size)
    guess = guesser(tmp_path, profile, graph, depth=(graph.of_this_tile(graph.depth()), 1))
    shown = picture(*of)
    found = guess(shown, LENS)
    assert found.depth is not None and found.depth.shape == of and found.normals is None
    true = DEEPEST * shown[..., 0] / 255.0
    scale, shift = np.polyfit(found.depth.ravel(), true.ravel(), 1)
    assert scale > 0 and np.abs(scale * found.depth + shift - true).mean() < 0.02 * np.ptp(true)
    assert found.depth_apart < 0.02


def test_a_network_of_any_size_sees_the_picture_once_in_its_multiple(tmp_path: Path) -> None:
    profile = replace(DEPTH["marigold"], side=60, multiple=8)
    graph = Graph(None)
    way = guesser(tmp_path, profile, graph, depth=(graph.depth(), 1))
    strip, size, corner = way.layout(30, 41)
    assert strip.tile == size == strip.size == (40, 64) and corner == (0, 0) and strip.starts == (0,)
    shown = picture(45, 60)
    found = way(shown, LENS)
    assert np.abs(found.depth - DEEPEST * shown[..., 0] / 255.0).mean() < 0.03 and found.depth_apart == 0.0


@pytest.mark.parametrize("of", [(30, 80), (80, 30), (50, 64)])
def test_a_canvas_holds_the_picture_in_its_middle_and_depth_is_of_its_focal_length(
    tmp_path: Path, of: tuple[int, int]
) -> None:
    profile = replace(DEPTH["metric3d-v2"], canvas=(40, 64), focal=1000.0)
    graph = Graph((40, 64), mean=0.0, deviation=1 / 255)
    way = guesser(tmp_path, profile, graph, pred_depth=(graph.depth(), 1))
    _, size, corner = way.layout(*of)
    assert all(2 * c + s in (side, side - 1) for c, s, side in zip(corner, size, (40, 64)))
    found = way(picture(*of), LENS)
    expected = DEEPEST * picture(*of)[..., 0] / 255.0 * LENS[0] * size[1] / of[1] / 1000.0
    assert np.abs(found.depth / expected - 1)[5:-5, 5:-5].max() < 0.05


def ray_network(path: Path, size: tuple[int, int]) -> Path:
    """Its normals look back along each pixel's ray, as its second input says where that goes."""
    rows, columns = size
    v, u = np.mgrid[:rows, :columns] + 0.5
    graph = Graph(size, mean=0.0, deviation=1.0)
    graph.inputs.append(helper.make_tensor_value_info("intrinsics", TensorProto.FLOAT, [1, 3, 3]))

    def number(row: int, column: int) -> str:
        start, stop, axes, shape = (
            graph.constant(values, np.int64)
            for values in ([row, column], [row + 1, column + 1], [1, 2], [1, 1, 1, 1])
        )
        return graph("Reshape", graph("Slice", "intrinsics", start, stop, axes), shape)

    across, down = (graph.constant(values[None, None]) for values in (u, v))
    x = graph("Div", graph("Sub", across, number(0, 2)), number(0, 0))
    y = graph("Div", graph("Sub", down, number(1, 2)), number(1, 1))
    one = graph.constant(np.ones((1, 1, rows, columns)))
    # The picture takes part, so that it is no constant.
    graph.give(
        graph(
            "Add",
            graph("Neg", graph("Concat", x, y, one, axis=1)),
            graph("Mul", graph.rgb, graph.constant(0.0)),
        ),
        "normal",
        3,
    )
    return graph.save(path)


@pytest.mark.parametrize("of", [(48, 64), (64, 48), (40, 120)])
def test_each_tile_is_told_its_own_lens(tmp_path: Path, of: tuple[int, int]) -> None:
    network = Network(ray_network(tmp_path / "dsine.onnx", (32, 32)))
    assert network.takes_lens
    found = Guesser(network, {"normals": NORMALS["dsine"]})(picture(*of), LENS)
    v, u = np.mgrid[: of[0], : of[1]] + 0.5
    ray = np.stack([(u - LENS[2]) / LENS[0], (v - LENS[3]) / LENS[1], np.ones(of)], axis=2)
    ray /= np.linalg.norm(ray, axis=2, keepdims=True)
    assert np.abs(found.normals + ray)[2:-2, 2:-2].max() < 0.01 and found.normals_apart < 0.5


@pytest.mark.parametrize("coded", [True, False])
def test_normals_come_as_numbers_or_as_colours(tmp_path: Path, coded: bool) -> None:
    graph = Graph(None, mean=0.0, deviation=1.0)
    normals = graph.coded(graph.normals()) if coded else graph.normals()
    network = Network(graph.give(normals, "normal", 3).save(tmp_path / "omnidata.onnx"))
    found = Guesser(network, {"normals": replace(NORMALS["omnidata"], side=48, coded=coded)})(
        picture(48, 64), LENS
    )
    expected = 2.0 * picture(48, 64)[..., 1:] / 255.0 - 1.0
    assert np.abs(found.normals[..., :2] - expected).mean() < 0.01 and (found.normals[..., 2] <= 0).all()


def test_depth_and_normals_of_one_network_come_at_once(tmp_path: Path) -> None:
    graph = Graph(None, mean=0.0, deviation=1 / 255)
    graph.give(graph.depth(), "predicted_depth", 1).give(graph.normals(), "predicted_normal", 3)
    graph.give(graph.channel(1), "normal_confidence", 1)
    network = Network(graph.save(tmp_path / "metric3d.onnx"))
    way = Guesser(network, {"depth": DEPTH["metric3d-v2"], "normals": NORMALS["metric3d-v2"]})
    found = way(picture(77, 133), LENS)
    coded = 2.0 * picture(77, 133)[..., 1:] / 255.0 - 1.0
    assert np.abs(found.normals[..., :2] - coded).mean() < 0.02
    assert np.allclose(np.linalg.norm(found.normals, axis=2), 1.0, atol=1e-5) and found.depth.shape == (
        77,
        133,
    )


def refusal(path: Path, kind: str = "depth") -> str:
    profile = (DEPTH if kind == "depth" else NORMALS)["omnidata"]
    with pytest.raises(UserError) as caught:
        Guesser(Network(path), {kind: replace(profile, side=32)})(picture(32, 32), LENS)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_networks_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    graph = Graph(None)
    assert "none of them is normals" in refusal(
        graph.give(graph.depth(), "depth", 1).save(tmp_path / "a.onnx"), "normals"
    )
    graph = Graph(None)
    graph.give(graph.channel(0), "one", 1).give(graph.channel(1), "two", 1)
    assert "more than one of them may be depth" in refusal(graph.save(tmp_path / "b.onnx"))
    graph = Graph(None)
    graph.give(graph("Log", graph("Sub", graph.channel(0), graph.constant(0.9))), "depth", 1)
    assert "no numbers" in refusal(graph.save(tmp_path / "c.onnx"))
    graph = Graph(None)
    half = graph("GlobalAveragePool", graph.depth())
    assert "none of them is depth" in refusal(graph.give(half, "depth", 1).save(tmp_path / "d.onnx"))
    (tmp_path / "e.onnx").write_bytes(b"nothing of the kind")
    assert "not a network" in refusal(tmp_path / "e.onnx")
    assert "no such file" in refusal(tmp_path / "f.onnx")
    graph = Graph(None)
    graph.inputs.append(helper.make_tensor_value_info("prompt", TensorProto.FLOAT, [1, 77]))
    assert "'prompt'" in refusal(graph.give(graph.depth(), "depth", 1).save(tmp_path / "g.onnx"))
    graph = Graph(None)
    split = graph("Add", graph.depth(), graph.constant(np.zeros((1, 1, 7, 7))))
    assert "fails on a picture of 32x32 pixels" in refusal(
        graph.give(split, "depth", 1).save(tmp_path / "h.onnx")
    )


def test_smaller_outputs_are_drawn_to_size(tmp_path: Path) -> None:
    graph = Graph((32, 32))
    half = graph("AveragePool", graph.depth(), kernel_shape=[2, 2], strides=[2, 2])
    shown = picture(32, 32)
    found = guesser(tmp_path, DEPTH["omnidata"], graph, depth=(half, 1))(shown, LENS)
    assert np.abs(found.depth - DEEPEST * shown[..., 0] / 255.0).mean() < 0.05


@pytest.mark.parametrize(
    ("kind", "file", "name"),
    [
        ("depth", "omnidata_dpt_depth_v2.onnx", "omnidata"),
        ("normals", "omnidata_dpt_normal_v2.onnx", "omnidata"),
        ("depth", "metric3d_vit_small.onnx", "metric3d-v2"),
        ("depth", "depth_anything_v2_vits.onnx", "depth-anything-v2"),
        ("depth", "depth_anything_v2_metric_hypersim_vits.onnx", "depth-anything-v2-metric"),
        ("normals", "DSINE.onnx", "dsine"),
        ("normals", "marigold-normals-lcm.onnx", "marigold"),
    ],
)
def test_networks_are_known_by_their_names(kind: str, file: str, name: str) -> None:
    assert profile_of(kind, Path(file), None).name == name


def test_unknown_names_are_asked_for() -> None:
    with pytest.raises(UserError, match=r"model\.onnx: its name does not tell.*--depth-profile omnidata\|"):
        profile_of("depth", Path("model.onnx"), None)
    with pytest.raises(UserError, match="did you mean 'dsine'"):
        profile_of("normals", Path("model.onnx"), "dsin")


def test_the_flags_name_all_profiles() -> None:
    from neurfield.cli import priors

    source = Path(priors.__file__).read_text()
    assert "|".join(DEPTH) in source.replace(
        "depth-anything-v2|depth-anything-v2-metric", "depth-anything-v2-metric|depth-anything-v2"
    )
    assert "|".join(NORMALS) in source


def test_colours_are_normalised_as_each_network_was_trained(tmp_path: Path) -> None:
    grey = np.full((4, 4, 3), 0.5)
    assert np.allclose(DEPTH["omnidata"].normalised(grey), 0.0)
    assert np.allclose(NORMALS["omnidata"].normalised(grey), 0.5)
    assert np.allclose(DEPTH["metric3d-v2"].normalised(grey), 127.5)
    assert np.allclose(NORMALS["dsine"].normalised(grey)[:, 0, 0], (0.0655, 0.1965, 0.4178), atol=1e-3)
    assert np.allclose(255 * np.array(DEPTH["metric3d-v2"].padding), (123.7, 116.3, 103.5), atol=0.1)


def test_half_precision_is_fed_halves(tmp_path: Path) -> None:
    shown = helper.make_tensor_value_info("picture", TensorProto.FLOAT16, [1, 3, 16, 16])
    depth = helper.make_tensor_value_info("depth", TensorProto.FLOAT16, [1, 1, 16, 16])
    node = helper.make_node("ReduceMax", ["picture"], ["depth"], axes=[1], keepdims=1)
    model = helper.make_model(
        helper.make_graph([node], "half", [shown], [depth]),
        opset_imports=[helper.make_opsetid("", 13)], ir_version=9,
    )  # fmt: skip
    onnx.save(model, tmp_path / "omnidata.onnx")
    flat = np.asarray(Image.new("RGB", (16, 16), (0, 128, 255)))
    found = Guesser(Network(tmp_path / "omnidata.onnx"), {"depth": DEPTH["omnidata"]})(flat, LENS)
    assert np.allclose(found.depth, 1.0, atol=1e-3)
