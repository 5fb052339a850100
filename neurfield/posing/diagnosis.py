"""Why pictures have no pose: said of each, or of all where nothing could be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurfield.posing.colmap import load, opened
from neurfield.posing.pictures import Picture
from neurfield.posing.workplace import Workplace

_FEW_FEATURES = 200
_BLURRED = 0.12  # sharpness
_LESS_SHARP = 0.4  # of the usual sharpness
_SHOWN = 8  # names
_FEW_MATCHES = 30  # with a picture that has a pose: what COLMAP asks for
_TURNED = 0.02  # how far a homography may be from a rotation
_TURN_SHARE = 0.7  # of the pairs


TURNED = (
    "the camera only turned on the spot (pure rotation), which tells no depth: walk sideways between photos"
)


@dataclass(frozen=True)
class Links:
    """What was found in the pictures and between them.

    Attributes:
        features: of each picture, by its file.
        matches: verified ones of each pair that has any, by the two files.
        homographies: [k,3,3] of the pairs that one explains, of the second picture's pixels from the first's.
        cameras: [k,3], longer side, cx and cy of each of these pairs.
    """

    features: dict[str, int]
    matches: dict[tuple[str, str], int]
    homographies: np.ndarray
    cameras: np.ndarray

    def of(self, file: str, others: Sequence[str]) -> dict[str, int]:
        """The matches of a picture with those of the others that it has any with."""
        found = {}
        for (a, b), count in self.matches.items():
            if file in (a, b):
                other = b if file == a else a
                if other in others:
                    found[other] = count
        return found


def links_of(place: Workplace) -> Links:
    """Read the database."""
    pycolmap = load()
    kinds = pycolmap.TwoViewGeometryConfiguration
    without_depth = (kinds.PANORAMIC.value, kinds.PLANAR_OR_PANORAMIC.value)
    features, matches, homographies, sizes = {}, {}, [], []
    with opened(place) as database:
        images = {image.image_id: image for image in database.read_all_images()}
        cameras = {camera.camera_id: camera for camera in database.read_all_cameras()}
        for number, image in images.items():
            features[image.name] = database.num_keypoints_for_image(number)
        for pair, geometry in zip(*database.read_two_view_geometries()):
            count = len(geometry.inlier_matches)
            if not count:
                continue
            first, second = pycolmap.pair_id_to_image_pair(pair)
            matches[images[first].name, images[second].name] = count
            camera = cameras[images[first].camera_id]
            flat = int(geometry.config) in without_depth and geometry.H is not None
            if flat and images[second].camera_id == camera.camera_id:
                longest = max(camera.width, camera.height)
                homographies.append(geometry.H)
                sizes.append([longest, camera.principal_point_x, camera.principal_point_y])
    return Links(features, matches, np.array(homographies).reshape(-1, 3, 3), np.array(sizes).reshape(-1, 3))


def why_left(picture: Picture, links: Links, registered: Sequence[str]) -> str:
    """Why a picture has no pose, for people."""
    features = links.features.get(picture.file, 0)
    blurred = ", and it is blurred" if picture.sharpness < _BLURRED else ""
    if features < _FEW_FEATURES:
        where = " inside its mask" if picture.masked else ""
        return f"{features} features{where}{blurred}: hardly anything to be recognised in it"
    near = links.of(picture.file, registered)
    if not near:
        alone = not links.of(picture.file, list(links.features))
        return (
            f"shows nothing that another picture shows{blurred}"
            if alone
            else f"matches only pictures that have no pose either{blurred}"
        )
    most = max(near.values())
    if most < _FEW_MATCHES:
        return f"too few matches: {most} with the best of {len(near)} pictures{blurred}"
    return f"{most} matches with the best of {len(near)} pictures, but no pose that fits them{blurred}"


def blur_doubts(pictures: Sequence[Picture]) -> list[str]:
    """Which pictures are much less sharp than the others, for people: they have poses, and soften the fit."""
    if not pictures:
        return []
    usual = float(np.median([one.sharpness for one in pictures]))
    blurred = [one.name for one in pictures if one.sharpness < _LESS_SHARP * usual]
    if not blurred:
        return []
    names = ", ".join(blurred[:_SHOWN])
    more = f" and {len(blurred) - _SHOWN} more" if len(blurred) > _SHOWN else ""
    are = "is" if len(blurred) == 1 else "are"
    return [f"{names}{more} {are} blurred beside the others: the surface gets sharper without"]


def why_nothing(pictures: Sequence[Picture], links: Links) -> str:
    """Why no poses could be found at all, and what to do: the end of a sentence."""
    features = np.array([links.features.get(one.file, 0) for one in pictures])
    blurred = np.mean([one.sharpness < _BLURRED for one in pictures])
    if blurred > 0.5:
        return (
            f"{round(blurred * len(pictures))} of {len(pictures)} pictures are blurred: hold still, in more "
            "light, or take a slower video"
        )
    if np.median(features) < _FEW_FEATURES:
        return (
            f"there is hardly anything to be recognised in them ({np.median(features):.0f} features, 1000 "
            "are usual): put something with texture into view, such as a newspaper below the object"
        )
    if not links.matches:
        return (
            "no two pictures show enough of the same: take photos that overlap by two thirds, all of one "
            "thing"
        )
    linked = {file for pair in links.matches for file in pair}
    return (
        f"{len(linked)} of {len(pictures)} pictures match others in {len(links.matches)} pairs, but none "
        "from places far enough apart: take more photos, a step to the side each"
    )


def turned_on_the_spot(links: Links) -> bool:
    """Whether most pairs of pictures differ as if the camera had only turned.

    Poses are found for such, too, and look well: only the pictures tell.
    """
    return _rotations(links.homographies, links.cameras) > _TURN_SHARE * len(links.matches)


def _rotations(homographies: np.ndarray, cameras: np.ndarray) -> int:
    """How many pairs of one camera differ by a rotation R, as H = K R K^-1 for some focal length in K.

    Args:
        homographies: [k,3,3], the second picture's pixels from the first's.
        cameras: [k,3], longer side, cx and cy.
    """
    most = 0
    for share in np.geomspace(0.4, 4.0, 60):
        k = np.zeros((len(cameras), 3, 3))
        k[:, 0, 0] = k[:, 1, 1] = share * cameras[:, 0]
        k[:, :2, 2], k[:, 2, 2] = cameras[:, 1:], 1.0
        turned = np.linalg.inv(k) @ homographies @ k
        size = np.cbrt(np.linalg.det(turned))
        turned = turned / np.where(np.abs(size) > 1e-12, size, 1.0)[:, None, None]
        off = np.linalg.norm(turned @ turned.transpose(0, 2, 1) - np.eye(3), axis=(1, 2))
        most = max(most, int((off < _TURNED).sum()))
    return most
