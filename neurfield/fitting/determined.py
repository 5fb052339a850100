"""What the sources of a fit can and cannot determine, for people, before and after it went wrong."""

from __future__ import annotations

from collections.abc import Set

from neurfield.scenes import Scene

_DEPTH, _PRIORS = frozenset({"depth", "sensor_depth"}), frozenset({"prior_depth", "prior_normal"})
_BOX = "(--set data.box=[...])"


def telling_sources(scene: Scene, matched: bool = False) -> set[str]:
    """The sources that say something of the surface: masks only where they are an object's outline.

    Args:
        scene: of a fit.
        matched: whether its pictures are matched with each other, which is a source like another then.
    """
    sources = scene.sources - ({"mask"} if scene.mask_says == "valid" else set())
    return sources | {"stereo_depth"} if matched else sources


def what_is_determined(sources: Set[str], inside: bool) -> tuple[str, bool]:
    """One line on what the sources of a fit say of the surface, and whether it is a warning.

    Args:
        sources: that take part.
        inside: of a room; else of an object.
    """
    if sources & _DEPTH:
        return (
            "depth determines the surface where it was measured, images its colour",
            False,
        )
    if "stereo_depth" in sources:
        return _what_stereo_determines(sources, inside)
    if inside and "prior_depth" in sources:
        return (
            "priors determine shapes, the views their scale; what all priors get wrong alike stays",
            False,
        )
    if inside and "prior_normal" in sources:
        return (
            "prior normals determine how walls lean, images where they stand: plain walls may be off",
            True,
        )
    if inside:
        return (
            "images alone determine textured surfaces at best, neither plain walls nor where the room ends: "
            "expect a rough room or none without depth or priors",
            True,
        )
    if "mask" in sources:
        return (
            "masks determine the outline, images what lies within; hollows may stay closed",
            False,
        )
    return (
        "images without masks do not determine where the object ends: what is around the box is learnt as if "
        "it were far away; expect a rough surface where it is near",
        True,
    )


def _what_stereo_determines(sources: Set[str], inside: bool) -> tuple[str, bool]:
    """As `what_is_determined`, of pictures that are matched with each other."""
    if inside and sources & _PRIORS:
        return (
            "pictures matched with each other determine what has texture, priors held to them the plain rest",
            False,
        )
    if inside:
        return (
            "pictures matched with each other determine what has texture, and plain walls that it surrounds; "
            "other plain or glossy surfaces may be rough or missing",
            False,
        )
    if "mask" in sources:
        return (
            "pictures matched with each other determine what has texture, masks the outline; black or plain "
            "hollows may stay closed",
            False,
        )
    return (
        "pictures matched with each other determine what has texture; without masks they do not tell the "
        "object from what stands around it in the box",
        True,
    )


def what_would_help(sources: Set[str], inside: bool) -> str:
    """What to do when such a fit has lost its surface."""
    if sources & _DEPTH:
        return "check depth and poses (neurfield scene check), and the box"
    if inside and not sources & (_PRIORS | {"stereo_depth"}):
        return (
            "images alone do not hold a room: match them with each other (--method photos), add depth, or "
            "depth and normals of a monocular network (--method monosdf), or give the box that holds the "
            f"walls {_BOX}"
        )
    if inside and not sources & _PRIORS:
        return (
            "what was matched of the pictures does not hold the room: take sharper ones from more places, "
            f"add depth or priors, or give the box that holds the walls {_BOX}"
        )
    if inside:
        return f"give the box that holds the walls {_BOX}, and check poses and priors (neurfield scene check)"
    if "mask" not in sources:
        return f"add masks of the object, and give the box that holds it {_BOX}"
    return (
        "check the poses, that masks are white on the object (neurfield scene check), "
        f"and the box that holds it {_BOX}"
    )
