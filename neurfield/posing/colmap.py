"""What is asked of COLMAP (pycolmap), on the CPU and in steps that can be stopped."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.evaluation.registration import similarity_of_poses
from neurfield.optional import require
from neurfield.posing.pictures import Picture, Progress
from neurfield.posing.workplace import Workplace
from neurfield.scenes.layouts.colmap_model import read_model

MOST_FEATURES = 4096
_FEATURES_LOOKED_AT = 512
SNAPSHOT_AFTER = 50  # pictures
UNKNOWN_FOCAL = 1.2  # of the longer side
_OLDEST = (4, 1, 1)  # earlier ones match several times more slowly
_MODEL = "SIMPLE_RADIAL"  # one focal length: with two, a walk around an object leaves their ratio open
# Angle in degrees and matches of the first pair: COLMAP's own, then what few photos from nearby have.
_FIRST_PAIR = ((16.0, 100), (8.0, 50), (4.0, 50), (2.0, 40))


def load() -> Any:
    """The module, silenced.

    Raises:
        UserError: it is missing, or too old.
    """
    pycolmap = require("pycolmap", "photos")
    version = tuple(int(word) for word in str(pycolmap.__version__).split(".")[:3] if word.isdigit())
    if version < _OLDEST:
        raise UserError(
            f"pycolmap {pycolmap.__version__} is too old: "
            f"pip install -U 'pycolmap>={'.'.join(map(str, _OLDEST))}'"
        )
    pycolmap.logging.minloglevel = 3
    return pycolmap


@contextmanager
def opened(place: Workplace) -> Iterator[Any]:
    """The database, closed at the end."""
    database = load().Database.open(place.database)
    try:
        yield database
    finally:
        database.close()


def cameras_of(pictures: Sequence[Picture]) -> list[tuple[list[Picture], float | None]]:
    """Pictures that share a camera, those of one size and lens, and its focal length; largest group first.

    What several photos of a lens say of it is one length: the median.
    """

    def lens(picture: Picture) -> tuple[Any, ...]:
        return picture.size, picture.lens or picture.full_size

    groups: dict[tuple[Any, ...], list[Picture]] = {}
    for picture in pictures:
        groups.setdefault(lens(picture), []).append(picture)
    each = sorted(groups.values(), key=lambda group: (-len(group), group[0].file))
    focals = [[one.focal for one in group if one.focal is not None] for group in each]
    return [(group, float(np.median(known)) if known else None) for group, known in zip(each, focals)]


def make_database(pictures: Sequence[Picture], place: Workplace) -> None:
    """Write the database with its pictures and cameras, or into one that is there those that were added."""
    if place.database.exists():
        _add_pictures(pictures, place)
        return
    lenses = [
        (_lens_of(group, focal), sorted(one.file for one in group)) for group, focal in cameras_of(pictures)
    ]
    write_database(lenses, place)


def _add_pictures(pictures: Sequence[Picture], place: Workplace) -> None:
    """Write those into the database that are not in it, all or none; of one size and lens is one camera."""
    with opened(place) as database:
        known = {image.name: image for image in database.read_all_images()}
        if all(one.file in known for one in pictures):
            return
        with load().DatabaseTransaction(database):
            for group, focal in cameras_of(pictures):
                files = sorted(one.file for one in group if one.file not in known)
                before = next((known[one.file] for one in group if one.file in known), None)
                if before is not None:
                    number, rig = before.camera_id, database.read_frame(before.frame_id).rig_id
                elif files:
                    number, rig = _write_lens(database, _lens_of(group, focal))
                for file in files:
                    _write_image(database, file, number, rig)


def _lens_of(group: Sequence[Picture], focal: float | None) -> Any:
    """COLMAP's camera of pictures that share one."""
    width, height = group[0].size
    camera = load().Camera.create_from_model_name(
        0, _MODEL, focal or UNKNOWN_FOCAL * max(width, height), width, height
    )
    camera.has_prior_focal_length = focal is not None
    return camera


def known_lens(fx: float, fy: float, cx: float, cy: float, width: int, height: int) -> Any:
    """COLMAP's camera of a pinhole camera; pixel centres at +0.5, as ours."""
    camera = load().Camera.create_from_model_name(0, "PINHOLE", fx, width, height)
    camera.params = [fx, fy, cx, cy]
    camera.has_prior_focal_length = True
    return camera


def write_database(lenses: Sequence[tuple[Any, Sequence[str]]], place: Workplace) -> None:
    """Write the database: COLMAP's cameras, each with the files of the pictures that it took."""
    pycolmap = load()
    for left in place.folder.glob("features.part*"):
        left.unlink()
    unfinished = place.folder / "features.part"
    database = pycolmap.Database.open(unfinished)
    try:
        for camera, files in lenses:
            number, rig = _write_lens(database, camera)
            for file in files:
                _write_image(database, file, number, rig)
    finally:
        database.close()
    unfinished.rename(place.database)


def _write_lens(database: Any, camera: Any) -> tuple[int, int]:
    """The numbers of a camera and of its rig, of it alone, in the database."""
    camera.camera_id = database.write_camera(camera)
    rig = load().Rig()
    rig.add_ref_sensor(camera.sensor_id)
    return camera.camera_id, database.write_rig(rig)


def _write_image(database: Any, file: str, number: int, rig: int) -> None:
    """A picture, by its camera and its rig."""
    pycolmap = load()
    image = pycolmap.Image()
    image.name, image.camera_id = file, number
    image.image_id = database.write_image(image)
    frame = pycolmap.Frame()
    frame.rig_id = rig
    frame.add_data_id(image.data_id)
    frame.frame_id = database.write_frame(frame)


def find_features(place: Workplace, threads: int, progress: Progress, masked: Collection[str] = ()) -> None:
    """Find the features of pictures that have none yet; `masked`: files of those that have masks.

    Of these features are found where their masks are white.
    """
    pycolmap = load()
    with opened(place) as database:
        images = sorted(database.read_all_images(), key=lambda image: image.name)
        sizes = [(camera.width, camera.height) for camera in database.read_all_cameras()]
        waiting = [image.name for image in images if not database.exists_descriptors(image.image_id)]
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = threads
    extraction.use_gpu = False
    extraction.sift.max_num_features = MOST_FEATURES
    extraction.max_image_size = max(map(max, sizes))  # they are small enough
    done = len(images) - len(waiting)
    # Apart, because COLMAP finds nothing where a mask that it expects is missing.
    for with_mask in (False, True):
        files = [file for file in waiting if (file in masked) == with_mask]
        reading = pycolmap.ImageReaderOptions()
        reading.mask_path = place.masks if with_mask else ""
        for i in range(0, len(files), 2 * threads):
            progress("features", done / len(images))
            some = files[i : i + 2 * threads]
            pycolmap.extract_features(
                place.database,
                place.pictures,
                some,
                reader_options=reading,
                extraction_options=extraction,
                device=pycolmap.Device.cpu,
            )
            done += len(some)


def largest_features(files: Sequence[str], place: Workplace) -> list[np.ndarray]:
    """Descriptors [k,128] uint8 of each picture, of its largest features first."""
    found = []
    with opened(place) as database:
        numbers = {image.name: image.image_id for image in database.read_all_images()}
        for file in files:
            keypoints = np.asarray(database.read_keypoints(numbers[file]))
            descriptors = np.asarray(database.read_descriptors(numbers[file]).data)
            if not len(keypoints):
                found.append(np.zeros((0, 128), np.uint8))
                continue
            scale = np.hypot(keypoints[:, 2], keypoints[:, 4])  # of x, y and the affine shape by rows
            found.append(descriptors[np.argsort(-scale, kind="stable")[:_FEATURES_LOOKED_AT]])
    return found


def match_pairs(
    groups: Sequence[Sequence[tuple[str, str]]], place: Workplace, threads: int, progress: Progress
) -> None:
    """Match pairs of pictures that are not matched yet, and verify what was matched.

    Args:
        groups: of pairs of files, matched one group after the other.
        place: of the database.
        threads: how many.
        progress: is told which part of the pairs is done.
    """
    pycolmap = load()
    with opened(place) as database:
        numbers = {image.name: image.image_id for image in database.read_all_images()}
        waiting = [
            [(a, b) for a, b in group if not database.exists_two_view_geometry(numbers[a], numbers[b])]
            for group in groups
        ]
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = threads
    matching.use_gpu = False
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = 0
    count = sum(map(len, groups))
    done = count - sum(map(len, waiting))
    with tempfile.TemporaryDirectory() as folder:
        pairing = pycolmap.ImportedPairingOptions()
        pairing.match_list_path = Path(folder) / "pairs.txt"
        for group in filter(None, waiting):
            progress("matches", done / count)
            pairing.match_list_path.write_text("".join(f"{a} {b}\n" for a, b in group))
            pycolmap.match_image_pairs(
                place.database,
                matching_options=matching,
                pairing_options=pairing,
                verification_options=verification,
                device=pycolmap.Device.cpu,
            )
            done += len(group)


def map_pictures(
    count: int, place: Workplace, threads: int, progress: Progress, lenses_known: bool = False
) -> list[Path]:
    """Find poses and points, unless they are there, and write a model for each connected part.

    Where there are models of before pictures were added, the largest of them goes on and its world stays.

    Args:
        count: of pictures.
        place: to read and write.
        threads: how many.
        progress: is told which part of the pictures have a pose.
        lenses_known: they stay as they are.

    Returns:
        The folders of the models, the one of most pictures first; none if nothing could be made.
    """
    if place.models.is_dir():
        return models_of(place)
    progress("poses", 0.0)
    unfinished, snapshots = place.models.with_name("models.part"), place.folder / "snapshots"
    earlier = next(iter(_models_in(place.earlier_models)), None)
    before = _newest(snapshots) or earlier
    for angle, matches in _FIRST_PAIR if before is None else _FIRST_PAIR[:1]:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        snapshots.mkdir(exist_ok=True)
        options = _mapping_options(angle, matches, snapshots, threads)
        options.ba_refine_focal_length = options.ba_refine_extra_params = not lenses_known
        if before is None:
            _map(options, place, unfinished, "", _Counted(0, count, progress))
        else:
            (unfinished / "0").mkdir()
            found = load().Reconstruction(before).num_reg_images()
            _map(options, place, unfinished / "0", before, _Counted(found, count, progress))
        if any(unfinished.iterdir()):
            break
    if earlier is not None:
        _into_world(unfinished / "0", earlier)
    unfinished.rename(place.models)
    shutil.rmtree(snapshots)
    shutil.rmtree(place.earlier_models, ignore_errors=True)
    return models_of(place)


def _newest(snapshots: Path) -> Path | None:
    """The newest of the unfinished models that a mapping left and that is whole."""
    for folder in sorted(snapshots.glob("*"), reverse=True):
        try:
            read_model(folder)
        except UserError:
            continue  # its process ended as it wrote
        return folder
    return None


class _Counted:
    """Pictures that have a pose, told as a share."""

    def __init__(self, found: int, count: int, progress: Progress) -> None:
        self.found, self.count, self.progress = found, count, progress

    def one_more(self) -> None:
        """COLMAP's thread found another."""
        self.found += 1

    def tell(self) -> None:
        """From our own thread."""
        self.progress("poses", min(1.0, self.found / self.count))


def _mapping_options(angle: float, matches: int, snapshots: Path, threads: int) -> Any:
    """Of a mapping that starts from a pair of at least so many degrees and matches."""
    options = load().IncrementalPipelineOptions()
    options.num_threads = threads
    options.random_seed = 0
    options.min_model_size = 3
    options.mapper.init_min_tri_angle = angle
    options.mapper.init_min_num_inliers = matches
    options.snapshot_path = snapshots
    options.snapshot_frames_freq = SNAPSHOT_AFTER
    return options


def _map(options: Any, place: Workplace, folder: Path, begun: Path | str, counted: _Counted) -> None:
    """Find poses, from the beginning or from a model that was begun."""
    pycolmap = load()
    pycolmap.set_random_seed(0)
    _stoppable(
        lambda token: pycolmap.incremental_mapping(
            place.database,
            place.pictures,
            folder,
            options,
            input_path=begun,
            next_image_callback=counted.one_more,
            cancellation_token=token,
        ),
        counted.tell,
    )


def models_of(place: Workplace) -> list[Path]:
    """The folders of the models, the one of most pictures first."""
    return _models_in(place.models)


def _models_in(folder: Path) -> list[Path]:
    pycolmap = load()
    folders = sorted(path.parent for path in folder.glob("*/images.bin"))
    counts = {folder: pycolmap.Reconstruction(folder).num_reg_images() for folder in folders}
    return sorted(folders, key=lambda folder: -counts[folder])


def _into_world(folder: Path, earlier: Path) -> None:
    """Move a model into the world of an earlier one, by the cameras of the pictures that both have."""
    model, before = (load().Reconstruction(path) for path in (folder, earlier))
    poses, places = _poses_of(model), _poses_of(before)
    both = sorted(poses.keys() & places.keys())
    _move(model, similarity_of_poses(*(np.stack([of[name] for name in both]) for of in (poses, places))))
    model.write(folder)


def _poses_of(model: Any) -> dict[str, np.ndarray]:
    """Poses [4,4] of a model's pictures by their files, world_from_cam."""
    poses = {}
    for image in (model.images[number] for number in model.reg_image_ids()):
        cam_from_world = np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]])
        poses[image.name] = np.linalg.inv(cam_from_world)
    return poses


def _move(model: Any, transform: np.ndarray) -> None:
    """Move a model by a similarity [4,4]."""
    pycolmap = load()
    scale = float(np.cbrt(np.linalg.det(transform[:3, :3])))
    turn = pycolmap.Rotation3d(transform[:3, :3] / scale)
    model.transform(pycolmap.Sim3d(scale, turn, transform[:3, 3]))


def hold(model: Any, transform: np.ndarray, places: dict[str, np.ndarray], spread: float) -> None:
    """Adjust a model once more, with its cameras held to where they are thought to be.

    What a long chain of pictures has bent is straightened; places that are far off hardly pull (Cauchy).

    Args:
        model: of known lenses; moved into the world of the places.
        transform: [4,4], the similarity that leads there.
        places: [3], by the pictures' names.
        spread: by how much they are off in each direction, standard deviation.
    """
    pycolmap = load()
    _move(model, transform)
    config, priors = pycolmap.BundleAdjustmentConfig(), []
    for number in model.reg_image_ids():
        image = model.images[number]
        config.add_image(number)
        priors.append(
            pycolmap.PosePrior(
                corr_data_id=image.data_id,
                position=places[image.name],
                position_covariance=np.eye(3) * spread**2,
                coordinate_system=pycolmap.PosePriorCoordinateSystem.CARTESIAN,
            )
        )
    for number in model.cameras:
        config.set_constant_cam_intrinsics(number)
    options = pycolmap.PosePriorBundleAdjustmentOptions()
    options.alignment_ransac.random_seed = 0
    options.ceres.prior_position_loss_function_type = pycolmap.LossFunctionType.CAUCHY
    adjuster = pycolmap.create_pose_prior_bundle_adjuster(
        pycolmap.BundleAdjustmentOptions(), options, config, priors, model
    )
    adjuster.solve()
    model.update_point_3d_errors()


def undistort(model: Path, place: Workplace, folder: Path, threads: int) -> None:
    """Write a model's pictures as pinhole cameras see them, into images/, and their cameras, into sparse/."""
    pycolmap = load()
    _stoppable(
        lambda token: pycolmap.undistort_images(
            folder, model, place.pictures, jpeg_quality=95, num_threads=threads, cancellation_token=token
        ),
        lambda: None,
    )


def _stoppable(call: Callable[[Any], Any], watch: Callable[[], None], every: float = 0.25) -> Any:
    """What a call of COLMAP gives, which Ctrl-C ends: it runs on a thread, and is told to stop."""
    token = load().CancellationToken()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call, token)
        try:
            while True:
                try:
                    return future.result(timeout=every)
                except NotYet:
                    watch()
        except BaseException:
            token.cancel()
            raise
