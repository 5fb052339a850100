"""Grey pictures with their cameras, as the kernels of dense stereo read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class StereoPictures:
    """n grey pictures of one size, with their pinhole cameras.

    Args:
        grey: uint8 [n, h, w], luma 0.299 R + 0.587 G + 0.114 B.
        lens: float32 [n, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.
        cam_from_world: float64 [n, 4, 4], rigid, OpenCV axes; the world may lie far from zero.
        inside: bool [n, h, w], or None for all: False is background, which matches nothing.
        gain: float32 [n], or None for 1: grey * gain can be compared between pictures.
        tolerance: grey levels by which pictures may differ where they show the same, at no cost: 0 for
            renderings, a few for photographs (gloss, a lens darker at its rim, what gain leaves).

    Raises:
        ValueError: a field does not fit; names it.
    """

    grey: Tensor
    lens: Tensor
    cam_from_world: Tensor
    inside: Tensor | None = None
    gain: Tensor | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.grey.ndim != 3 or min(self.grey.shape[1:]) < 1:
            raise ValueError(f"StereoPictures: grey must be [n, h, w], got {list(self.grey.shape)}")
        n = len(self.grey)
        for name, dtype, shape in (
            ("grey", torch.uint8, tuple(self.grey.shape)), ("lens", torch.float32, (n, 4)),
            ("cam_from_world", torch.float64, (n, 4, 4)), ("inside", torch.bool, tuple(self.grey.shape)),
            ("gain", torch.float32, (n,)),
        ):  # fmt: skip
            tensor = getattr(self, name)
            if tensor is not None and (tensor.dtype != dtype or tuple(tensor.shape) != shape):
                got = f"{tensor.dtype} {list(tensor.shape)}"
                raise ValueError(f"StereoPictures: {name} must be {dtype} {list(shape)}, got {got}")
        if not bool(self.lens.isfinite().all() & (self.lens[:, :2] > 0).all()):
            raise ValueError("StereoPictures: lens must be finite, its focal lengths above 0")
        if not bool(self.cam_from_world.isfinite().all()):
            raise ValueError("StereoPictures: cam_from_world must be finite")
        if self.gain is not None and not bool((self.gain.isfinite() & (self.gain > 0)).all()):
            raise ValueError("StereoPictures: gain must be finite and above 0")
        if not 0.0 <= self.tolerance <= 255.0:
            raise ValueError(f"StereoPictures: tolerance must be 0 to 255 grey levels, got {self.tolerance}")

    def __len__(self) -> int:
        return len(self.grey)

    def halved(self) -> StereoPictures:
        """The pictures at half the size, each pixel the mean of four; an odd last row or column is left out.

        A pixel is inside where all four are.

        Raises:
            ValueError: a side has one pixel.
        """
        n, h, w = (size // (1, 2, 2)[axis] for axis, size in enumerate(self.grey.shape))
        if min(h, w) < 1:
            raise ValueError(f"StereoPictures: a picture of {list(self.grey.shape[1:])} cannot be halved")

        def fours(picture: Tensor) -> Tensor:
            return picture[:, : 2 * h, : 2 * w].reshape(n, h, 2, w, 2)

        return replace(
            self,
            grey=((fours(self.grey).sum(dim=(2, 4), dtype=torch.int16) + 2) // 4).to(torch.uint8),
            lens=self.lens / 2,
            inside=None if self.inside is None else fours(self.inside).all(dim=4).all(dim=2),
        )

    @cached_property
    def quads(self) -> Tensor:
        """int32 [n, h, w]: each pixel (lowest byte), its right neighbour, the one below, and below right.

        Background is 0, everything else at least 1. At the border the last pixel is its own neighbour.
        """
        grey = self.grey.clamp_min(1)
        if self.inside is not None:
            grey = torch.where(self.inside, grey, torch.zeros_like(grey))
        right = torch.cat([grey[:, :, 1:], grey[:, :, -1:]], dim=2)
        bytes_ = [
            part for pair in (grey, right) for part in (pair, torch.cat([pair[:, 1:], pair[:, -1:]], 1))
        ]
        here, below, right, corner = bytes_
        packed = torch.stack([here, right, below, corner], dim=-1)  # little end first, as the kernels read
        return packed.contiguous().view(torch.int32)[..., 0]

    @cached_property
    def gains(self) -> Tensor:
        """float32 [n]: `gain`, or ones."""
        return torch.ones_like(self.lens[:, 0]) if self.gain is None else self.gain.contiguous()

    def pair(self, r: Tensor, s: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """The homographies from pictures r to pictures s, but for the plane: H = A + b m^T.

        m holds the plane as a linear function of inverse depth over picture r: (d(1/z)/du, d(1/z)/dv, 1/z at
        u = v = 0). H takes (u, v, 1) of r to a multiple of (u, v, 1) of s, positive before its camera
        (Hartley and Zisserman 2004, Eq. 13.2).

        Args:
            r: int64 [...], the reference pictures.
            s: int64 [...], the source pictures; broadcast with r. Negative ones (none) give finite numbers
                without a meaning.
            dtype: of the results, which are found in float64.

        Returns:
            A [..., 3, 3], b [..., 3].
        """
        r, s = torch.broadcast_tensors(r, s)
        r, s = r.clamp_min(0), s.clamp_min(0)
        pose = self.cam_from_world
        turn = pose[:, :3, :3]
        center = -(turn.mT @ pose[:, :3, 3:])[..., 0]
        source_from_reference = turn[s] @ turn[r].mT
        shift = (turn[s] @ (center[r] - center[s])[..., None])[..., 0]
        fx, fy, cx, cy = self.lens.double().unbind(-1)
        zero, one = torch.zeros_like(fx), torch.ones_like(fx)
        lens = torch.stack([fx, zero, cx, zero, fy, cy, zero, zero, one], dim=-1).reshape(-1, 3, 3)
        back = torch.stack([1 / fx, zero, -cx / fx, zero, 1 / fy, -cy / fy, zero, zero, one], dim=-1)
        A = lens[s] @ source_from_reference @ back.reshape(-1, 3, 3)[r]
        b = (lens[s] @ shift[..., None])[..., 0]
        return A.to(dtype), b.to(dtype)
