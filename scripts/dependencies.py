"""Prints what neurfield needs to run, a line each, as pyproject.toml says; setuptools reads it anywhere."""

from pathlib import Path

from setuptools.config.pyprojecttoml import read_configuration

project = read_configuration(Path(__file__).resolve().parents[1] / "pyproject.toml", expand=False)["project"]
print("\n".join(f'"{requirement}"' for requirement in project["dependencies"]))
