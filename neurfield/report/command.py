"""The command that makes a run again, worked out from what the run says of itself."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from neurfield.parts import Config, load_config
from neurfield.image_config import IMAGES, ImageConfig
from neurfield.scenes.builtin import BUILTIN, builtin_folder


def command_of(scene: str, config: Config) -> str:
    """`neurfield fit ...` with the flags that differ from the method's preset.

    scene: the path in run.json; a built-in scene in its usual place is called by its name.
    """
    usual = load_config(config.method, config.preset)
    name = next((name for name in BUILTIN if str(builtin_folder(name).resolve()) == scene), scene)
    words = ["neurfield", "fit", "--scene", name, "--method", config.method, "--preset", config.preset]
    return shlex.join([*words, *_differences(config, usual)])


def command_of_image(image: str, config: ImageConfig) -> str:
    """The same for a run of an image; image: the path in run.json."""
    kind = config.encoding.kind
    words = ["neurfield", "fit", "--image", image, "--encoding", kind, "--preset", config.preset]
    return shlex.join([*words, *_differences(config, IMAGES.load(kind, config.preset))])


def _differences(config: Config | ImageConfig, usual: Config | ImageConfig) -> list[str]:
    """The flags by which a configuration differs from its preset."""
    words = []
    if config.train.steps != usual.train.steps:
        words += ["--steps", str(config.train.steps)]
    for key in ("seed", "device"):
        if getattr(config, key) != getattr(usual, key):
            words += [f"--{key}", str(getattr(config, key))]
    for group in dataclasses.fields(config):
        mine, theirs = getattr(config, group.name), getattr(usual, group.name)
        if not dataclasses.is_dataclass(mine) or mine == theirs:
            continue
        for item in dataclasses.fields(mine):
            value = getattr(mine, item.name)
            if value != getattr(theirs, item.name) and (group.name, item.name) != ("train", "steps"):
                words += ["--set", f"{group.name}.{item.name}={_as_typed(value)}"]
    return words


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace(" ", "") if isinstance(value, list) else str(value)
