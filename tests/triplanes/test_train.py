"""Networks over tri-planes: what they may depend on, what they learn, how they go on, what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from neurfield.cli.main import main
from neurfield.errors import UserError
from neurfield.triplanes.build import build
from neurfield.triplanes.dataset import MODELS, Data, check, read_data
from neurfield.triplanes.networks import SIZES, Sample, make_network, size_of
from neurfield.triplanes.scores import confusion, part_scores
from neurfield.triplanes.train import Plan, read_model, train
from tests.triplanes.conftest import TINY, write_balls_and_boxes

ABOUT = {"channels": 4, "resolution": 8, "hidden": 16}


def sample(seed: int = 0, queries: int = 5) -> Sample:
    made = torch.Generator().manual_seed(seed)
    return Sample(
        torch.randn(3, 12, 8, 8, generator=made), torch.randn(3, 50, 3, generator=made),
        torch.randn(3, 17, 16, generator=made), torch.rand(3, queries, 3, generator=made),
        torch.tensor([0, 1, 1]),
    )  # fmt: skip


@pytest.mark.parametrize("task", ["classify", "segment"])
@pytest.mark.parametrize("model", MODELS)
def test_answers_have_their_shape_and_train_every_number(model: str, task: str) -> None:
    network = make_network(model, task, ABOUT, 2, 6, SIZES["small"])
    said = network(sample())
    assert said.shape == ((3, 2) if task == "classify" else (3, 5, 6))
    said.square().sum().backward()
    assert all(
        number.grad is not None and bool(number.grad.isfinite().all()) for number in network.parameters()
    )


@pytest.mark.parametrize("task", ["classify", "segment"])
def test_the_order_of_channels_means_nothing(task: str) -> None:
    network = make_network("triplane", task, ABOUT, 2, 6, SIZES["small"]).eval()
    one = sample()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    turned = replace(one, planes=one.planes[:, order])
    assert torch.allclose(network(one), network(turned), atol=1e-5)
    assert not torch.allclose(network(one), network(replace(one, planes=one.planes.flip(-1))), atol=1e-3)


def test_the_order_of_points_and_of_rows_means_nothing() -> None:
    one = sample()
    for model in ("pointnet", "weights"):
        network = make_network(model, "classify", ABOUT, 2, 6, SIZES["small"]).eval()
        turned = replace(one, points=one.points.flip(1), rows=one.rows.flip(1))
        assert torch.allclose(network(one), network(turned), atol=1e-5)


def test_the_published_size_is_the_published_one() -> None:
    network = make_network("triplane", "classify", {**ABOUT, "resolution": 32}, 40, 0, SIZES["published"])
    layers = [m for m in network.modules() if isinstance(m, torch.nn.TransformerEncoderLayer)]
    assert len(layers) == 8 and layers[0].linear1.weight.shape == (2048, 512)
    assert layers[0].self_attn.num_heads == 4 and network.first.weight.shape == (512, 900)


def test_the_published_size_of_parts_is_the_published_one() -> None:
    size = size_of("published", "segment")
    network = make_network("triplane", "segment", {**ABOUT, "resolution": 32}, 16, 50, size)
    assert isinstance(network.encoder, torch.nn.TransformerEncoder) and len(network.encoder.layers) == 8
    assert network.encoder.layers[0].linear1.weight.shape == (1024, 512)
    assert len(network.decoder.layers) == 4 and network.decoder.layers[0].linear1.weight.shape == (1024, 512)
    assert network.decoder.layers[0].self_attn.num_heads == 2
    assert network.first.weight.shape == (512, 1024) and network.last.weight.shape == (50, 512)
    assert (size.batch, size.epochs, size_of("published", "classify").epochs) == (32, 75, 150)


def test_scores_are_those_of_hand() -> None:
    table = confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2)
    assert table.tolist() == [[1, 1], [0, 1]]
    parts = torch.tensor([[0, 0, 1, 1], [2, 2, 2, -1]])
    zero = torch.zeros(2, 0)
    data = Data(
        ["a", "b"], ["x", "y"], torch.tensor([0, 1]), {}, zero, zero, parts, zero, ["0", "1", "2", "3"],
        [[0, 1], [2, 3]], {},
    )  # fmt: skip
    found = part_scores(data, torch.tensor([0, 1]), torch.tensor([[0, 1, 1, 1], [2, 2, 2, 3]]))
    assert found["by_class"] == {"x": pytest.approx((1 / 2 + 2 / 3) / 2), "y": 1.0}
    assert found["accuracy"] == pytest.approx(6 / 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "task"), [("triplane", "classify"), ("triplane", "segment"), ("pointnet", "classify")]
)
def test_balls_and_boxes_are_told_apart(model: str, task: str, tmp_path: Path) -> None:
    shapes = write_balls_and_boxes(tmp_path / "shapes", train=6, others=2)
    build(shapes, tmp_path / "fields", "sdf", replace(TINY, steps=80), cells=0)
    plan = Plan(task, model, epochs=40 if task == "classify" else 20)
    metrics = train(tmp_path / "fields", tmp_path / "out", plan)
    assert metrics["test"]["accuracy" if task == "classify" else "instance_miou"] >= 0.7
    assert metrics["log"][-1]["loss"] < 0.5 * metrics["log"][0]["loss"]


def test_a_stop_changes_nothing(fields: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def dies(line: str) -> None:
        if line.startswith("epoch   5"):
            raise Killed

    plan = Plan("segment", "pointnet", epochs=8)
    whole = train(fields, tmp_path / "whole", plan)
    with pytest.raises(Killed):
        train(fields, tmp_path / "parts", plan, dies)
    assert len(json.loads(json.dumps(whole["log"]))) == 8
    resumed = train(fields, tmp_path / "parts", plan)
    assert [e["loss"] for e in resumed["log"]] == pytest.approx([e["loss"] for e in whole["log"]], rel=1e-4)
    assert resumed["test"]["instance_miou"] == pytest.approx(whole["test"]["instance_miou"], abs=1e-3)


def test_it_stops_when_nothing_gets_better(fields: Path, tmp_path: Path) -> None:
    metrics = train(fields, tmp_path, Plan("classify", "triplane", epochs=300))
    assert len(metrics["log"]) < 300 and metrics["epoch"] <= len(metrics["log"]) - 20


def test_products_in_bfloat16_learn_the_same(
    fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU is given, on the CPU: losses differ by as much as bfloat16 rounds, and the same is kept."""
    plan = Plan("segment", "triplane", epochs=3)
    whole = train(fields, tmp_path / "whole", plan)
    monkeypatch.setattr(
        "neurfield.triplanes.train.mixed", lambda network: torch.autocast("cpu", torch.bfloat16)
    )
    halves = train(fields, tmp_path / "halves", plan)
    one, other = ([entry["loss"] for entry in metrics["log"]] for metrics in (whole, halves))
    assert other == pytest.approx(one, rel=0.05) and other != one
    assert all(value.dtype == torch.float32 for value in read_model(tmp_path / "halves")[0].parameters())


def test_another_training_is_not_mixed_in(fields: Path, tmp_path: Path) -> None:
    train(fields, tmp_path, Plan(epochs=1))
    with pytest.raises(UserError, match="holds a training of --seed 0"):
        train(fields, tmp_path, Plan(epochs=1, seed=1))


def test_a_checkpoint_of_other_classes_is_refused(fields: Path, tmp_path: Path) -> None:
    train(fields, tmp_path / "model", Plan(epochs=1))
    shapes = write_balls_and_boxes(tmp_path / "shapes", train=1)
    (shapes / "ball").rename(shapes / "globe")
    (shapes / "box").rename(shapes / "brick")
    build(shapes, tmp_path / "others", "sdf", TINY, cells=0)
    with pytest.raises(UserError, match=r"holds a training of other classes \(ball, box\)"):
        train(tmp_path / "others", tmp_path / "model", Plan(epochs=1))
    assert main(["triplane", "predict", str(tmp_path / "model"), str(tmp_path / "others")]) == 2


def test_other_sizes_are_refused(shapes: Path, fields: Path, tmp_path: Path) -> None:
    from neurfield.triplanes.predict import of_folder

    train(fields, tmp_path / "model", Plan(epochs=1))
    build(shapes, tmp_path / "fine", "sdf", replace(TINY, resolution=16, steps=2), cells=0)
    with pytest.raises(
        UserError, match="tri-planes of resolution 16, and the network learnt from those of 8"
    ):
        of_folder(tmp_path / "model", tmp_path / "fine")


def test_what_cannot_be_learnt_is_said(fields: Path) -> None:
    data = read_data(fields)
    one_class = replace(data, labels=torch.zeros_like(data.labels))
    with pytest.raises(UserError, match=r"of one class \(ball\)"):
        check(one_class, "classify", "triplane")
    with pytest.raises(UserError, match="no shape has part labels"):
        check(replace(data, parts=torch.full_like(data.parts, -1)), "segment", "triplane")
    with pytest.raises(UserError, match="all shapes share one network"):
        check(replace(data, rows=data.rows[:, :0]), "classify", "weights")
    with pytest.raises(UserError, match="no shape is in the split train"):
        check(replace(data, splits={**data.splits, "train": torch.zeros(0).long()}), "classify", "triplane")


def test_rare_classes_and_parts_that_never_occur_are_said(tmp_path: Path) -> None:
    shapes = write_balls_and_boxes(tmp_path / "shapes", train=1)
    (shapes / "parts.json").write_text('{"ball": {"skin": 0, "core": 3}, "box": {"lid": 1, "wall": 2}}')
    build(shapes, tmp_path / "fields", "sdf", replace(TINY, steps=2), cells=0)
    notes = read_data(tmp_path / "fields").notes
    assert "class ball has one shape to learn from" in notes
    assert "part core of ball never occurs in the training: it is left out" in notes


@pytest.mark.slow
def test_verbs_train_report_and_predict(
    shapes: Path, fields: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in ("classify", "segment"):
        out = tmp_path / task
        words = ["--task", task, "--epochs", "2", "--out", str(out)]
        assert main(["triplane", "train", str(fields), *words]) == 0
        assert "report" in capsys.readouterr().out
        page = (out / "report.html").read_text()
        assert ("What was taken for what" in page) == (task == "classify") and "polyline" in page
        assert ("Parts" in page) == (task == "segment")
        assert main(["triplane", "predict", str(out), str(fields)]) == 0
        said = capsys.readouterr().out
        assert "ball/ball_1" in said and ("named right" in said or "mean IoU" in said)
        assert read_model(out)[1]["classes"] == ["ball", "box"]
    mesh = shapes / "box" / "train" / "box_1.off"
    assert main(["triplane", "predict", str(tmp_path / "classify"), str(mesh)]) == 0
    assert main(["triplane", "predict", str(tmp_path / "segment"), str(mesh)]) == 2
    assert "give one of ball, box" in capsys.readouterr().err
    out = tmp_path / "parts.ply"
    words = ["--label", "box", "--out", str(out)]
    assert main(["triplane", "predict", str(tmp_path / "segment"), str(mesh), *words]) == 0
    assert "box lid" in capsys.readouterr().out and out.is_file()
