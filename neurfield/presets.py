"""Configurations as plain dataclasses, presets as YAML; every key of either is checked.

A family of configurations (encodings for images) is a folder of `configs/`: one file a name, whose `default`
section holds groups and numbers, and optional `quick` and `best` sections change a few of them. An override
is `group.key=value`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.wording import suggest

PRESETS = ("quick", "default", "best")
T = TypeVar("T")


@dataclass(frozen=True)
class Family(Generic[T]):
    """Configurations of one dataclass, by name.

    Args:
        kind: the dataclass, of groups that are dataclasses; it has `preset` among its own values.
        folder: of `configs/`.
        word: what a name is called.
        name_key: the value that holds it.
        choices: allowed values by key.
        at_least_one: keys of counts.
        check: raises UserError for what else may be wrong.
    """

    kind: type[T]
    folder: str
    word: str
    name_key: str
    choices: Mapping[str, Sequence[str]]
    at_least_one: Sequence[str]
    check: Callable[[T], None]

    def names(self) -> list[str]:
        """One per file in the folder."""
        return sorted(path.stem for path in self._path().glob("*.yaml"))

    def load(
        self,
        name: str,
        preset: str = "default",
        overrides: Sequence[str] = (),
        plugins: Sequence[str] = (),
    ) -> T:
        """The configuration of a name under a preset, with overrides.

        What comes later replaces what was before: the dataclass's defaults, the name's file, its section for
        the preset, the overrides.

        Args:
            name: a file of the folder.
            preset: quick, default or best.
            overrides: group.key=value, as of --set.
            plugins: none are taken.

        Raises:
            UserError: unknown name, preset or key (with the nearest known one), or a value of the wrong kind.
        """
        _refuse(plugins)
        for word, value, names in ((self.word, name, self.names()), ("preset", preset, PRESETS)):
            if value not in names:
                raise UserError(
                    f"{word} '{value}' is not known{suggest(value, names)}; there are: {', '.join(names)}"
                )
        text = OmegaConf.to_container(OmegaConf.load(self._path() / f"{name}.yaml"))
        assert isinstance(text, dict)
        layers: list[dict[str, Any]] = [dict(text.get("default", {}))]
        if preset != "default":
            layers.append(dict(text.get(preset, {})))
        layers.append({self.name_key: name, "preset": preset})
        layers.extend(_parse(item) for item in overrides)
        return self._merge(layers)

    def read(self, path: str | Path, plugins: Sequence[str] = ()) -> T:
        """Read a configuration written by `save`.

        Raises:
            UserError: the file is missing, not YAML, or has keys that this version does not know.
        """
        _refuse(plugins)
        try:
            content = OmegaConf.to_container(OmegaConf.load(path))
        except (OSError, OmegaConfBaseException, ValueError) as error:
            raise UserError(f"{path}: not a readable configuration ({error})") from error
        if not isinstance(content, dict):
            raise UserError(
                f"{path}: a configuration is a mapping of groups, this is a {type(content).__name__}"
            )
        content.pop("schema", None)
        return self._merge([cast(dict[str, Any], content)])

    def save(self, config: T, path: str | Path) -> None:
        """Write every value, so that the file alone re-runs the fit."""
        with atomic_write(path) as temporary:
            OmegaConf.save(OmegaConf.create({"schema": 1, **_as_dict(config)}), temporary)

    def differences(self, config: T, usual: T) -> list[str]:
        """Overrides, key=value as of --set, that turn the groups of `usual` into those of `config`."""
        before, after = (
            {k: v for k, v in _leaves(_as_dict(one)) if "." in k and k != self.name_key}
            for one in (usual, config)
        )
        return [f"{key}={_as_typed(value)}" for key, value in after.items() if value != before[key]]

    def _path(self) -> Path:
        import neurfield.configs

        return Path(neurfield.configs.__file__).parent / self.folder

    def _merge(self, layers: list[dict[str, Any]]) -> T:
        merged = OmegaConf.structured(self.kind)
        keys = [name for name, _ in _leaves(_as_dict(self.kind()))]
        for layer in layers:
            for key, value in _leaves(layer):
                if key not in keys:
                    raise UserError(f"configuration key '{key}' does not exist{suggest(key, keys)}")
                if value is False and "off" in self.choices.get(key, ()):
                    value = "off"  # YAML reads a bare off as false
                try:
                    OmegaConf.update(merged, key, value)
                except (OmegaConfBaseException, ValueError) as error:
                    reason = str(error).splitlines()[0]
                    raise UserError(
                        f"configuration key '{key}': {value!r} is not allowed ({reason})"
                    ) from error
        config = OmegaConf.to_object(merged)
        assert isinstance(config, self.kind)
        self._check(config)
        return config

    def _check(self, config: T) -> None:
        values = dict(_leaves(_as_dict(config)))
        for key, allowed in self.choices.items():
            if values[key] not in allowed:
                raise UserError(
                    f"configuration key '{key}': {values[key]!r} is none of {', '.join(allowed)}"
                    f"{suggest(str(values[key]), allowed)}"
                )
        for key in self.at_least_one:
            if values[key] < 1:
                raise UserError(
                    f"configuration key '{key}': {values[key]} is too small, at least 1 is needed"
                )
        self.check(config)


def _refuse(plugins: Sequence[str]) -> None:
    if plugins:
        raise UserError(f"--plugin {plugins[0]}: parts of plug-ins are for scenes: leave it out")


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace(" ", "") if isinstance(value, list) else str(value)


def _as_dict(config: Any) -> dict[str, Any]:
    return dataclasses.asdict(config)


def _parse(item: str) -> dict[str, Any]:
    key, separator, _ = item.partition("=")
    if not separator or not key:
        raise UserError(f"--set {item}: write it as group.key=value, for example --set train.steps=2000")
    try:
        content = OmegaConf.to_container(OmegaConf.from_dotlist([item]))
    except Exception as error:
        raise UserError(f"--set {item}: the value cannot be read ({error})") from error
    return cast(dict[str, Any], content)


def _leaves(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    leaves = []
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves.extend(_leaves(value, f"{prefix}{key}."))
        else:
            leaves.append((f"{prefix}{key}", value))
    return leaves
