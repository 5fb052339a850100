from __future__ import annotations

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.evaluation import psnr, ssim

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)


def test_equal_images_are_perfect():
    assert psnr(IMAGE, IMAGE) == float("inf")
    assert ssim(IMAGE, IMAGE) == pytest.approx(1.0)


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


def test_images_that_cannot_be_compared():
    with pytest.raises(UserError, match="one size"):
        psnr(IMAGE, IMAGE[:-1])
    with pytest.raises(UserError, match="11x11"):
        ssim(IMAGE[:10], IMAGE[:10])
