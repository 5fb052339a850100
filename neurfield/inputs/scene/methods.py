"""Configurations of fits to scenes: methods, composed of parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurfield.parts import Config, differences, load_config, read_config, save_config


class Methods:
    """As `Settings`; UserErrors as in `neurfield.parts.config`."""

    def load(
        self,
        name: str,
        preset: str = "default",
        overrides: Sequence[str] = (),
        plugins: Sequence[str] = (),
    ) -> Config:
        """A method, or a preset file by its path."""
        return load_config(name, preset, overrides, plugins)

    def read(self, path: str | Path, plugins: Sequence[str] = ()) -> Config:
        """A run's configuration."""
        return read_config(path, plugins)

    def save(self, config: Config, path: str | Path) -> None:
        """Every number."""
        save_config(config, path)

    def differences(self, config: Config, usual: Config) -> list[str]:
        """Overrides that turn `usual` into `config`."""
        return differences(config, usual)
