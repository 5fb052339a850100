"""Every benchmark's measurements, tiny: rows as wide as their columns, numbers that are positive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    bench_adam,
    bench_encoding,
    bench_field,
    bench_image,
    bench_marching,
    bench_roofline,
    bench_scaling,
)
from benchmarks.detailed_picture import planet
from benchmarks.pictures import can_draw, save_roofline, save_scaling
from neurfield.ops import native

pytestmark = pytest.mark.slow
needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")


def check(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    assert rows
    for row in rows:
        assert len(row) == len(columns)
        assert all(value is None or isinstance(value, str) or value > 0 for value in row)


def test_encoding() -> None:
    rows = bench_encoding.measure(bench_encoding.points_in("rays", 50), 10, repeats=1)
    check(["work", *bench_encoding.COLUMNS[3:]], rows)
    assert [row[0] for row in rows] == ["forward", "forward, backward", "eikonal step"]


def test_field_compares_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    field = bench_field.make_field(10)
    found, alone, missing = bench_field.queries(field, compile_too=False)
    assert found.keys() == alone.keys() and {"ours", "torch, autograd"} <= found.keys()
    assert any("torch.compile" in text for text in missing)
    points = bench_encoding.points_in("random", 20)
    for query in found.values():
        bench_field.step_of(query, points)()


@needs_native
def test_network_of_the_field() -> None:
    rows = bench_field.network_rows(bench_field.make_field(10), 40, 1, "float32")
    check(bench_field.NETWORK_COLUMNS, rows)


def test_marching_and_compositing() -> None:
    world = bench_marching.random_world()
    check(bench_marching.MARCH_COLUMNS, bench_marching.march_rows(world, [9], 1))
    check(bench_marching.GRID_COLUMNS, bench_marching.grid_rows(world, 1))
    check(bench_marching.COMPOSITE_COLUMNS, bench_marching.composite_rows([(9, 5)], 1))


@needs_native
def test_roofline() -> None:
    ceilings = bench_roofline.Ceilings(0.001)
    kernels = [
        *bench_roofline.grid_kernels(ceilings, 10, 40),
        *bench_roofline.network_kernels(ceilings, 40),
        bench_roofline.field_kernel(ceilings, 10, 40),
        *bench_roofline.streaming_kernels(ceilings, 4096, 10, 20),
    ]
    check(bench_roofline.KERNEL_COLUMNS, bench_roofline.kernel_rows(kernels, 1))
    assert all(set(kernel.place(1.0)) == {"flops_per_byte", "gflops"} for kernel in kernels)


def test_scaling() -> None:
    row = bench_scaling.measure("label", bench_field.make_field(10), 30, 1)
    check(["label", *range(6)], [row])


def test_grids_of_cubes_and_simplices() -> None:
    check(bench_image.TIME_COLUMNS, bench_image.time_rows(2, 8, 40, 1))
    check(bench_image.VOLUME_COLUMNS, bench_image.volume_rows(3, 2, 64))


def test_when_a_fit_has_reached_a_quality() -> None:
    log = [{"psnr": float(i), "seconds": 0.5 * i} for i in range(100)]
    mean_of_first_window = (bench_image.WINDOW - 1) / 2
    assert bench_image.seconds_to(log, mean_of_first_window) == 0.5 * (bench_image.WINDOW - 1)
    assert bench_image.seconds_to(log, 200.0) is None


def test_the_planet_is_the_same_every_time() -> None:
    picture = planet(48)
    assert picture.shape == (48, 48, 3) and picture.std() > 10
    assert (picture == planet(48)).all() and (picture != planet(48, seed=1)).any()


def test_adam() -> None:
    assert all(value > 0 for value in bench_adam.measure(2**10, 0.5, 1))


@pytest.mark.skipif(not can_draw(), reason="matplotlib is not installed")
def test_pictures_are_small(tmp_path: Path) -> None:
    kernels = [{"name": f"kernel {i}", "ceiling": "random loads", "share": 10.0 * i} for i in range(12)]
    kernels[0] |= {"flops_per_byte": 0.5, "gflops": 3.0}
    roofs = {"GFLOP/s": 100.0, "memory": 20.0, "loads": 5.0}
    lines = {"encoding": [1.0, 2.0], "field step": [0.5, 0.7]}
    panel = {"title": "Threads", "xlabel": "threads", "x": [1, 2], "powers": 0, "lines": lines}
    for path in (
        save_roofline(tmp_path / "a.png", roofs, kernels),
        save_scaling(tmp_path / "b.png", [panel, panel, panel]),
    ):
        assert path is not None and 5_000 < path.stat().st_size < 100_000
