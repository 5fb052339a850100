from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from neurfield.errors import UserError
from neurfield.scenes.images import (
    ByteCache,
    FileList,
    file_size,
    has_alpha,
    read_alpha,
    read_depth,
    read_mask,
    read_prior_depth,
    read_prior_normal,
    read_rgb,
    read_segment,
)

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def save(path, array):
    Image.fromarray(array).save(path)
    return path


def test_images_of_all_modes_come_out_as_rgb(tmp_path):
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "a.png", RGB)), RGB)
    grey = RGB[..., 0]
    for name, array in (("grey", grey), ("deep", grey.astype(np.uint16) * 257)):
        image = read_rgb(save(tmp_path / f"{name}.png", array))
        np.testing.assert_array_equal(image, np.repeat(grey[..., None], 3, axis=2))
    palette = tmp_path / "palette.png"
    Image.fromarray(RGB // 128 * 255).convert("P").save(palette)
    assert read_rgb(palette).shape == (6, 8, 3)


def test_colour_under_alpha_is_kept_and_alpha_is_the_mask(tmp_path):
    alpha = np.where(RNG.random((6, 8)) > 0.5, 200, 10).astype(np.uint8)
    path = save(tmp_path / "a.png", np.dstack([RGB, alpha]))
    np.testing.assert_array_equal(read_rgb(path), RGB)
    np.testing.assert_array_equal(read_alpha(path), alpha > 127)
    assert has_alpha(path) and not has_alpha(save(tmp_path / "b.png", RGB))


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_masks_of_any_white_mean_the_same(tmp_path, white):
    mask = RNG.random((6, 8)) > 0.5
    array = mask.astype(np.uint8 if white < 256 else np.uint16) * white
    np.testing.assert_array_equal(read_mask(save(tmp_path / "m.png", array)), mask)


def test_depth_is_metres_with_zero_for_missing(tmp_path):
    depth = RNG.uniform(0.5, 9.0, (6, 8)).astype(np.float32)
    depth[2, 3] = 0.0
    png = save(tmp_path / "d.png", np.round(depth * 6553.5).astype(np.uint16))
    read = read_depth(1 / 6553.5)(png)
    assert read.dtype == np.float32 and read[2, 3] == 0.0
    np.testing.assert_allclose(read, depth, atol=0.5 / 6553.5 + 1e-6)
    spoilt = depth.copy()
    spoilt[0, 0], spoilt[1, 1], spoilt[1, 2] = np.nan, -1.0, np.inf
    np.save(tmp_path / "d.npy", spoilt)
    read = read_depth(1.0)(tmp_path / "d.npy")
    assert read[0, 0] == read[1, 1] == read[1, 2] == 0.0
    assert read[3, 3] == depth[3, 3]


@pytest.mark.parametrize(
    ("dtype", "name"), [(np.uint8, "d.png"), (np.uint16, "d.png"), (np.uint16, "d.npy"), (np.int32, "d.tif")]
)
def test_the_largest_value_of_an_integer_type_is_no_measurement(tmp_path, dtype, name):
    most = np.iinfo(dtype).max
    raw = np.array([[0, 1, most - 1, most]], dtype=dtype)
    np.save(tmp_path / name, raw) if name.endswith("npy") else save(tmp_path / name, raw)
    np.testing.assert_allclose(read_depth(1.0)(tmp_path / name), [[0.0, 1.0, most - 1, 0.0]])


def test_the_largest_value_of_a_float_file_is_a_measurement(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[1.0, 65535.0]], np.float32))
    np.testing.assert_allclose(read_depth(1.0)(tmp_path / "d.npy"), [[1.0, 65535.0]])


@pytest.mark.parametrize("name", ["d.npz", "d.exr", "d.cr2", "d"])
@pytest.mark.parametrize("read", [read_depth(1.0), file_size, read_rgb])
def test_a_format_that_is_not_read_is_not_called_damaged(tmp_path, name, read):
    (tmp_path / name).write_bytes(b"\x76\x2f\x31\x01" + bytes(200))
    with pytest.raises(UserError, match=r"not a format that is read.*PNG.*npy") as caught:
        read(tmp_path / name)
    assert "copy it again" not in str(caught.value)


def test_an_array_of_objects_is_told_how_to_be_saved(tmp_path):
    np.save(tmp_path / "d.npy", {"depth": np.ones((6, 8))}, allow_pickle=True)
    with pytest.raises(UserError, match=r"Python objects.*plain array") as caught:
        read_depth(1.0)(tmp_path / "d.npy")
    assert "copy it again" not in str(caught.value)


def test_prior_depth_is_mapped_not_read(tmp_path):
    depth = RNG.random((1, 6, 8)).astype(np.float32)
    np.save(tmp_path / "d.npy", depth)
    read = read_prior_depth(tmp_path / "d.npy")
    assert isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, depth[0])


def test_prior_depth_that_is_no_number_is_none(tmp_path):
    depth = RNG.random((6, 8)).astype(np.float32) + 0.1
    depth[1, 2], depth[3, 4] = np.nan, np.inf
    np.save(tmp_path / "d.npy", depth)
    read = read_prior_depth(tmp_path / "d.npy")
    assert read[1, 2] == 0.0 and read[3, 4] == 0.0
    finite = np.isfinite(depth)
    np.testing.assert_array_equal(read[finite], depth[finite])


def test_normals_of_zeros_are_unknown_and_normals_that_are_not_halved_named(tmp_path):
    normals = np.zeros((3, 6, 8), np.float32)  # (n + 1) / 2 = 0 would be a corner of the cube
    normals[:, 1, 2] = 0.5, 0.5, 0.0
    normals[:, 2, 2] = np.nan
    normals[:, 3, 2] = 1.0
    np.save(tmp_path / "n.npy", normals)
    read = read_prior_normal(tmp_path / "n.npy")
    assert np.array_equal(read[1, 2], [0.0, 0.0, -1.0])
    assert (np.abs(read).sum(axis=2) > 0).sum() == 1
    np.save(tmp_path / "n.npy", 2.0 * normals - 1.0)
    with pytest.raises(UserError, match=r"n.npy: normals down to -1, expected 0 to 1: write \(n \+ 1\) / 2"):
        read_prior_normal(tmp_path / "n.npy")


@pytest.mark.parametrize("channels_first", [True, False])
def test_prior_normals_are_unit_and_zero_where_unknown(tmp_path, channels_first):
    normals = RNG.normal(size=(6, 8, 3))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    normals[2, 2] = 0.0
    coded = ((normals + 1) / 2).astype(np.float32)
    np.save(tmp_path / "n.npy", np.moveaxis(coded, 2, 0) if channels_first else coded)
    read = read_prior_normal(tmp_path / "n.npy")
    np.testing.assert_allclose(read, normals, atol=1e-5)
    assert read.dtype == np.float32


def test_segments_keep_ids_beyond_a_byte(tmp_path):
    ids = RNG.integers(0, 60000, (6, 8)).astype(np.uint16)
    read = read_segment(save(tmp_path / "s.png", ids))
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, ids)


def test_segments_of_an_npy_and_of_numbers_that_are_no_ids(tmp_path):
    ids = RNG.integers(0, 900000, (6, 8))
    np.save(tmp_path / "s.npy", ids)
    assert np.array_equal(read_segment(tmp_path / "s.npy"), ids)
    np.save(tmp_path / "s.npy", ids + 0.5)
    with pytest.raises(UserError, match=r"s.npy: ids of type float64, expected integers"):
        read_segment(tmp_path / "s.npy")


def test_sizes_come_from_headers(tmp_path):
    np.save(tmp_path / "plane.npy", np.zeros((6, 8)))
    np.save(tmp_path / "normals.npy", np.zeros((3, 6, 8)))
    for path in (save(tmp_path / "a.png", RGB), tmp_path / "plane.npy", tmp_path / "normals.npy"):
        assert file_size(path) == (8, 6)


def truncated_png(path):
    save(path, RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:2000])


def text(path):
    path.write_text("not an image, nor an array")


@pytest.mark.parametrize(
    ("name", "spoil", "read"),
    [
        ("a.png", lambda path: None, read_rgb),
        ("a.png", truncated_png, read_rgb),
        ("a.png", truncated_png, read_mask),
        ("a.png", text, read_rgb),
        ("a.png", text, file_size),
        ("a.npy", lambda path: None, read_prior_depth),
        ("a.npy", text, read_prior_depth),
        ("a.npy", lambda path: path.write_bytes(b""), file_size),
        ("a.npy", lambda path: np.save(path, np.zeros((2, 3, 4, 5))), file_size),
        ("a.npy", lambda path: np.save(path, np.zeros(5)), read_prior_depth),
        ("a.npy", lambda path: np.save(path, np.zeros((6, 8))), read_prior_normal),
        ("a.npy", lambda path: np.save(path, np.array([{}], dtype=object)), read_prior_depth),
        ("a.png", lambda path: save(path, RGB), read_depth(1.0)),
        ("a.png", lambda path: save(path, RGB), read_segment),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_the_remedy(tmp_path, name, spoil, read):
    path = tmp_path / name
    spoil(path)
    with pytest.raises(UserError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(path)) and message.count(": ") >= 2


def test_nothing_is_opened_before_it_is_asked_for(tmp_path):
    opened = []
    listed = FileList((tmp_path / "0", None, tmp_path / "2"), lambda path: opened.append(path) or RGB)
    assert listed(1) is None and not opened
    assert listed.select(np.array([2, 1]))(0) is RGB and opened == [tmp_path / "2"]


def test_the_cache_stays_under_its_budget_and_drops_what_was_used_longest_ago():
    cache, made = ByteCache(3 * 100), []

    def get(i):
        return cache.get(("image", i), lambda: made.append(i) or np.full(100, i, np.uint8))

    for i in (0, 1, 2, 0, 3):
        assert get(i)[0] == i
    assert made == [0, 1, 2, 3]
    get(0)
    assert made == [0, 1, 2, 3], "0 was used after 1, so 1 had to go"
    get(1)
    assert made == [0, 1, 2, 3, 1]


def test_cached_arrays_cannot_be_written_to():
    array = ByteCache(100).get(("image", 0), lambda: np.zeros(10))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_an_array_over_the_budget_is_still_given():
    cache = ByteCache(10)
    assert cache.get(("image", 0), lambda: np.zeros(100)).shape == (100,)
    assert cache.get(("image", 1), lambda: None) is None
