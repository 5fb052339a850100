from __future__ import annotations

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.evaluation import gmsd, psnr, ssim

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)


def test_equal_images_are_perfect():
    assert psnr(IMAGE, IMAGE) == float("inf")
    assert ssim(IMAGE, IMAGE) == pytest.approx(1.0)
    assert gmsd(IMAGE, IMAGE) == 0.0


def test_psnr_is_its_formula():
    dim = np.full((20, 20, 3), 0.5)
    assert psnr(dim, dim + 0.1) == pytest.approx(20.0)
    assert psnr(dim, dim + 0.01) == pytest.approx(40.0)


def test_bytes_and_floats_mean_the_same():
    other = RNG.integers(0, 256, IMAGE.shape, dtype=np.uint8)
    assert psnr(IMAGE, other) == pytest.approx(psnr(IMAGE / 255.0, other / 255.0))
    assert ssim(IMAGE, other) == pytest.approx(ssim((IMAGE / 255.0).astype(np.float64), other / 255.0))


def test_only_masked_pixels_count():
    mask = np.zeros((40, 50), bool)
    mask[:20] = True
    other = IMAGE.copy()
    other[20:] = 0
    assert psnr(other, IMAGE, mask) == float("inf")
    assert psnr(other, IMAGE, ~mask) < 10
    assert np.isnan(psnr(other, IMAGE, np.zeros_like(mask)))


def test_ssim_of_a_mask_is_that_of_the_windows_inside_it():
    other = np.clip(IMAGE + RNG.normal(0, 20, IMAGE.shape), 0, 255).astype(np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[6:28, 5:41] = True
    inside = ssim(other, IMAGE, mask)
    assert inside == pytest.approx(ssim(other[6:28, 5:41], IMAGE[6:28, 5:41]))
    agreed = np.where(mask[..., None], other, IMAGE)  # white outside, say, on which both agree
    assert ssim(agreed, IMAGE, mask) == pytest.approx(inside) and ssim(agreed, IMAGE) > inside + 0.01
    mask[7::10] = False
    assert np.isnan(ssim(other, IMAGE, mask))


def test_ssim_falls_with_noise_and_survives_a_small_shift_of_brightness():
    smooth = np.add.outer(np.linspace(0.2, 0.6, 40), np.linspace(0, 0.3, 50))
    noise = RNG.normal(size=smooth.shape)
    values = [ssim(smooth + sigma * noise, smooth) for sigma in (0.0, 0.01, 0.05, 0.2)]
    assert values == sorted(values, reverse=True) and values[0] == pytest.approx(1.0) and values[-1] < 0.5
    assert ssim(smooth + 0.02, smooth) > 0.98


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    other = np.clip(IMAGE + RNG.normal(0, 20, IMAGE.shape), 0, 255).astype(np.uint8)
    theirs = metrics.structural_similarity(
        IMAGE,
        other,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )
    assert ssim(IMAGE, other) == pytest.approx(theirs, abs=1e-6)


def test_gmsd_is_its_formula_pixel_by_pixel():
    other = np.clip(IMAGE + RNG.normal(0, 20, IMAGE.shape), 0, 255).astype(np.uint8)
    greys = [picture / 255.0 @ [0.299, 0.587, 0.114] for picture in (IMAGE, other)]
    halves = [grey.reshape(20, 2, 25, 2).mean(axis=(1, 3)) for grey in greys]
    similar = []
    for y, x in np.ndindex(18, 23):
        edges = []
        for half in halves:
            part = half[y : y + 3, x : x + 3]
            across, down = part[:, 2].sum() - part[:, 0].sum(), part[2].sum() - part[0].sum()
            edges.append(np.hypot(across, down) / 3)
        c = 170 / 255**2
        similar.append((2 * edges[0] * edges[1] + c) / (edges[0] ** 2 + edges[1] ** 2 + c))
    assert gmsd(other, IMAGE) == pytest.approx(np.std(similar))


def test_gmsd_minds_blur_where_psnr_is_the_same():
    truth = np.zeros((40, 40))
    truth[10:30, 10:30] = 1.0
    blurred = truth.copy()
    for axis in (0, 1):
        blurred = (np.roll(blurred, 1, axis) + blurred + np.roll(blurred, -1, axis)) / 3
    darker = truth - np.sqrt(np.mean((blurred - truth) ** 2))
    assert psnr(darker, truth) == pytest.approx(psnr(blurred, truth))
    assert gmsd(blurred, truth) > 10 * gmsd(darker, truth)


def test_gmsd_of_a_mask_is_that_of_the_pixels_inside_it():
    other = np.clip(IMAGE + RNG.normal(0, 20, IMAGE.shape), 0, 255).astype(np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[6:28, 4:40] = True
    assert gmsd(other, IMAGE, mask) == pytest.approx(gmsd(other[6:28, 4:40], IMAGE[6:28, 4:40]))
    mask[6::4] = False
    assert np.isnan(gmsd(other, IMAGE, mask))


def test_images_that_cannot_be_compared():
    with pytest.raises(UserError, match="one size"):
        psnr(IMAGE, IMAGE[:-1])
    with pytest.raises(UserError, match="6x6"):
        gmsd(IMAGE[:5], IMAGE[:5])
    with pytest.raises(UserError, match="11x11"):
        ssim(IMAGE[:10], IMAGE[:10])
