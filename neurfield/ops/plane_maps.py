"""Maps of slanted planes: from depth and to depth, to a finer picture, and which pictures agree with a depth.

A plane is (w, a, b): inverse depth 1/z(q) = w + a (u - u_p) + b (v - v_p) around the pixel p that it belongs
to; w = 0 is none. `neurfield.ops.refine_planes` refines them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import plane_maps as reference
from neurfield.ops.stereo_pictures import StereoPictures


def _centres(like: Tensor) -> tuple[Tensor, Tensor]:
    """(u [w], v [h, 1]) of the pixels of maps [R, h, w], of their type."""
    h, w = like.shape[1:3]
    u, v = (torch.arange(side, dtype=like.dtype, device=like.device) + 0.5 for side in (w, h))
    return u, v[:, None]


def _check_maps(who: str, name: str, maps: Tensor, rank: int, lens: Tensor | None = None) -> None:
    if maps.ndim != rank or not maps.is_floating_point() or (rank == 4 and maps.shape[-1] != 3):
        wanted = "float [R, h, w, 3]" if rank == 4 else "float [R, h, w]"
        raise ValueError(f"{who}: {name} must be {wanted}, got {maps.dtype} {list(maps.shape)}")
    if lens is not None and tuple(lens.shape) != (len(maps), 4):
        raise ValueError(f"{who}: lens must be [{len(maps)}, 4], got {list(lens.shape)}")


@torch.no_grad()
def depth_and_normal(planes: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
    """Depth and normals of maps of planes.

    Args:
        planes: [R, h, w, 3].
        lens: [R, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.

    Returns:
        depth [R, h, w], z-depth, 0 where there is no plane; normal [R, h, w, 3], unit, in the camera's axes
        (OpenCV), facing it, 0 where there is no plane.

    Raises:
        ValueError: a shape does not fit.

    Example:
        >>> plane = torch.tensor([0.5, 0.0, 0.0]).expand(1, 2, 3, 3)  # across the axis, 2 away
        >>> depth, normal = depth_and_normal(plane, torch.tensor([[4.0, 4.0, 1.5, 1.0]]))
        >>> depth[0, 0, 0], normal[0, 0, 0, 2]
        (tensor(2.), tensor(-1.))
    """
    _check_maps("depth_and_normal", "planes", planes, 4, lens)
    w, a, b = planes.unbind(-1)
    known = w > 0
    fx, fy, cx, cy = (t[:, None, None] for t in lens.to(planes).unbind(-1))
    u, v = _centres(w)
    # n.X = delta for all X = z ray: n / delta = K^T (a, b, 1/z at u = v = 0), and delta < 0 faces the camera.
    normal = torch.stack([-fx * a, -fy * b, a * (u - cx) + b * (v - cy) - w], dim=-1)
    length = normal.norm(dim=-1, keepdim=True)
    normal = torch.where(known[..., None] & (length > 0), normal / length, torch.zeros_like(normal))
    return torch.where(known, 1.0 / torch.where(known, w, torch.ones_like(w)), torch.zeros_like(w)), normal


@torch.no_grad()
def planes_of(depth: Tensor, normal: Tensor, lens: Tensor) -> Tensor:
    """Maps of planes [R, h, w, 3] of depth and normals: what `depth_and_normal` undoes.

    Args:
        depth: [R, h, w], z-depth, 0 = nothing.
        normal: [R, h, w, 3], in the camera's axes (OpenCV); either sign. Where it is 0 or turns its edge to
            the camera, the plane is one of equal depth.
        lens: [R, 4] fx, fy, cx, cy in pixels, pixel centres at +0.5.

    Raises:
        ValueError: a shape does not fit.
    """
    _check_maps("planes_of", "depth", depth, 3, lens)
    if tuple(normal.shape) != (*depth.shape, 3):
        raise ValueError(f"planes_of: normal must be {[*depth.shape, 3]}, got {list(normal.shape)}")
    fx, fy, cx, cy = (t[:, None, None] for t in lens.to(depth).unbind(-1))
    known = depth > 0
    w = torch.where(known, 1.0 / torch.where(known, depth, torch.ones_like(depth)), torch.zeros_like(depth))
    u, v = _centres(depth)
    facing = normal[..., 0] * ((u - cx) / fx) + normal[..., 1] * ((v - cy) / fy) + normal[..., 2]
    good = known & (facing.abs() > 1e-4 * normal.norm(dim=-1))
    scale = torch.where(good, w / torch.where(good, facing, torch.ones_like(w)), torch.zeros_like(w))
    return torch.stack([w, normal[..., 0] / fx * scale, normal[..., 1] / fy * scale], dim=-1)


@torch.no_grad()
def fit_planes(inverse_depth: Tensor, *, radius: int = 2) -> Tensor:
    """Planes [R, h, w, 3] through the inverse depths [R, h, w] of pixels, with slopes fitted around each.

    Least squares over (2 radius + 1)^2 pixels; those whose inverse depth is further off than 5 % a pixel are
    of another surface. Inverse depth 0 is nothing known, and stays so.

    Raises:
        ValueError: a shape does not fit, or radius is not 1 to 10.
    """
    _check_maps("fit_planes", "inverse_depth", inverse_depth, 3)
    if not 1 <= radius <= 10:
        raise ValueError(f"fit_planes: radius must be 1 to 10, got {radius}")
    inverse_depth = inverse_depth.contiguous()
    kernels = native.kernels(inverse_depth, needs="stereo_fit_planes")
    planes = inverse_depth.new_zeros(*inverse_depth.shape, 3)
    if kernels is not None:
        kernels.stereo_fit_planes(inverse_depth, radius, planes)
        return planes
    for map_, out in zip(inverse_depth, planes):
        out.copy_(reference.fit_planes(map_, radius))
    return planes


@torch.no_grad()
def upsample_planes(planes: Tensor, grey: Tensor, finer: Tensor) -> Tensor:
    """Planes of pictures of half the size for the whole ones: [R, H, W, 3].

    Of the four planes around it, each pixel takes the one of the nearest pixel that is as bright as itself,
    carried on to its own place; planes are never averaged, so edges stay sharp.

    Args:
        planes: [R, h, w, 3], in pixels of the small pictures; w = 0 is none.
        grey: uint8 [R, h, w], the small pictures (`StereoPictures.halved`).
        finer: uint8 [R, H, W] with h = H // 2, w = W // 2.

    Raises:
        ValueError: a shape does not fit.
    """
    _check_maps("upsample_planes", "planes", planes, 4)
    R, h, w = planes.shape[:3]
    for name, picture in (("grey", grey), ("finer", finer)):
        shape = (
            tuple(picture.shape) if name == "grey" else (len(picture), *(s // 2 for s in picture.shape[1:]))
        )
        if picture.dtype != torch.uint8 or shape != (R, h, w):
            wanted = f"uint8 [{R}, {h}, {w}]" + (", halved" if name == "finer" else "")
            raise ValueError(
                f"upsample_planes: {name} must be {wanted}, got {picture.dtype} {list(picture.shape)}"
            )
    planes, grey, finer = planes.contiguous(), grey.contiguous(), finer.contiguous()
    fine = planes.new_zeros(*finer.shape, 3)
    if min(h, w) == 0:
        return fine
    kernels = native.kernels(planes, grey, finer, needs="stereo_upsample_planes")
    if kernels is not None:
        kernels.stereo_upsample_planes(planes, grey, finer, fine)
        return fine
    for map_, small, large, out in zip(planes, grey, finer, fine):
        out.copy_(reference.upsample_planes(map_, small, large))
    return fine


@torch.no_grad()
def consistent_views(
    pictures: StereoPictures, depth: Tensor, sources: Tensor, *, relative: float = 0.01, pixels: float = 1.0
) -> tuple[Tensor, Tensor]:
    """How many sources agree with each pixel's depth, and from how far apart they look.

    A source agrees where its own depth, read at the place of the pixel's point, differs by at most
    `relative`, and the point that it sees there comes back to within `pixels` of the pixel (Schoenberger et
    al. 2016, Sec. 5). Depth is read linear in its inverse where the four pixels around are of one surface,
    else from the nearest.

    Args:
        pictures: n pictures; only their cameras count.
        depth: [n, h, w], z-depth, 0 = nothing.
        sources: int64 [n, S] for each picture; -1 = none.
        relative: of the depth in the source.
        pixels: of the picture.

    Returns:
        count, uint8 [n, h, w]; the mean angle between the rays of the pixel and of those that agree, degrees
        [n, h, w], 0 where none does.

    Raises:
        ValueError: a shape does not fit, or a picture is named that is not there.
    """
    n, h, w = pictures.grey.shape
    if tuple(depth.shape) != (n, h, w) or not depth.is_floating_point():
        raise ValueError(
            f"consistent_views: depth must be float {[n, h, w]}, got {depth.dtype} {list(depth.shape)}"
        )
    if sources.dtype != torch.int64 or sources.ndim != 2 or len(sources) != n:
        raise ValueError(
            f"consistent_views: sources must be int64 [{n}, S], got {sources.dtype} {list(sources.shape)}"
        )
    if sources.numel() and not -1 <= int(sources.min()) <= int(sources.max()) < n:
        raise ValueError(f"consistent_views: sources names a picture that is not among the {n}")
    depth = depth.contiguous()
    kernels = native.kernels(depth, needs="stereo_consistent_views")
    if kernels is None:
        return reference.consistent_views(pictures, depth, sources, relative, pixels)
    r = torch.arange(n)[:, None]
    (a, b), (back_a, back_b) = pictures.pair(r, sources), pictures.pair(sources, r)
    centre = reference.source_centre(pictures, r, sources).float()
    count, angle = depth.new_zeros(depth.shape, dtype=torch.uint8), torch.zeros_like(depth)
    given = (pictures.lens, sources, a, b, back_a, back_b, centre)
    kernels.stereo_consistent_views(depth, *(t.contiguous() for t in given), relative, pixels, count, angle)
    return count, angle
