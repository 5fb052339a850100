"""What goes into a wheel and into a source distribution, worked out without building either."""

from __future__ import annotations

import fnmatch
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest

import cuda_build
import neurfield

ROOT = Path(__file__).resolve().parents[1]
SKIP = {".git", "build", "dist", ".venv", "data", "runs"}


@pytest.fixture(scope="module")
def distribution():  # type: ignore[no-untyped-def]
    """setup.py and pyproject.toml as setuptools reads them, without a GPU."""
    return read("0")


def read(cuda: str):  # type: ignore[no-untyped-def]
    """The same under a NEURFIELD_CUDA."""
    pytest.importorskip("pybind11", reason="setup.py asks pybind11 for its headers")
    setuptools = pytest.importorskip("setuptools", reason="setuptools reads setup.py")
    seen = {}
    before = Path.cwd()
    os.chdir(ROOT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **keywords: seen.update(keywords))
        patch.setenv("NEURFIELD_CUDA", cuda)
        try:
            runpy.run_path("setup.py", run_name="__main__")
            found = setuptools.Distribution(seen)
            found.parse_config_files()
        finally:
            os.chdir(before)
    return found


def test_version_agrees(distribution) -> None:  # type: ignore[no-untyped-def]
    assert distribution.metadata.version == neurfield.__version__


def test_wheel_has_every_package(distribution) -> None:  # type: ignore[no-untyped-def]
    folders = {
        path.parent
        for top in ("neurfield", "viewer", "configs")
        for path in (ROOT / top).rglob("__init__.py")
    }
    expected = {
        ".".join(folder.relative_to(ROOT).parts)
        .replace("viewer", "neurfield.viewer")
        .replace("configs", "neurfield.configs")
        for folder in folders
    }
    assert set(distribution.packages) == expected


def test_every_module_is_in_a_package() -> None:
    stray = [
        p
        for top in ("neurfield", "viewer")
        for p in (ROOT / top).rglob("*.py")
        if not (p.parent / "__init__.py").is_file()
    ]
    assert not stray


def test_wheel_has_the_presets(distribution) -> None:  # type: ignore[no-untyped-def]
    patterns = distribution.package_data["neurfield.configs"]
    presets = [path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.yaml")]
    assert presets
    for preset in presets:
        assert any(fnmatch.fnmatch(str(preset), pattern) for pattern in patterns), preset


def test_installed_presets_are_those_of_the_checkout() -> None:
    installed = {entry.name for entry in resources.files("neurfield.configs").joinpath("methods").iterdir()}
    assert {path.name for path in (ROOT / "configs" / "methods").glob("*.yaml")} <= installed


def test_source_distribution_has_all_that_a_build_reads(distribution) -> None:  # type: ignore[no-untyped-def]
    filelist = pytest.importorskip("setuptools._distutils.filelist").FileList()
    filelist.allfiles = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*")
        if path.is_file() and not SKIP & set(path.relative_to(ROOT).parts)
    ]
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        filelist.process_template_line(line)
    native = {str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*") if path.is_file()}
    assert any(name.endswith(".cu") for name in native)
    presets = {str(path.relative_to(ROOT)) for path in (ROOT / "configs").rglob("*.yaml")}
    others = {"constraints.txt", "cuda_build.py", "LICENSE", "README.md"}
    assert native | presets | others <= set(filelist.files)


def test_each_isa_has_the_same_sources(distribution) -> None:  # type: ignore[no-untyped-def]
    variants = {extension.name: extension.sources for extension in distribution.ext_modules}
    assert "neurfield._native_generic" in variants
    assert all(sources == variants["neurfield._native_generic"] for sources in variants.values())
    assert all(extension.optional for extension in distribution.ext_modules), (
        "a missing compiler must not stop pip"
    )


def cuda_module(cuda: str):  # type: ignore[no-untyped-def]
    """The extension of CUDA kernels under a NEURFIELD_CUDA, or None."""
    found = [e for e in read(cuda).ext_modules if e.name == "neurfield._native_cuda"]
    return found[0] if found else None


def test_cuda_is_built_where_it_is_asked_for() -> None:
    assert cuda_module("0") is None
    asked = cuda_module("1")
    assert asked is not None and not asked.optional, "a failure of what was asked for must be seen"
    assert {Path(source).suffix for source in asked.sources} == {".cu"}


@pytest.mark.parametrize(("gpu", "compiler"), [(True, True), (True, False), (False, True)])
def test_cuda_is_built_where_there_are_a_gpu_and_a_compiler(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, compiler: bool
) -> None:
    monkeypatch.setattr(cuda_build, "has_gpu", lambda: gpu)
    monkeypatch.setattr(cuda_build, "nvcc", lambda: "/somewhere/nvcc" if compiler else None)
    found = cuda_module("auto")
    assert (found is not None) == (gpu and compiler)
    assert found is None or found.optional, "nobody asked for it: a failure must not stop pip"


@pytest.mark.parametrize(("name", "value"), [("NEURFIELD_CUDA", "on"), ("NEURFIELD_CUDA_ARCHS", "sm_90")])
def test_an_unknown_cuda_setting_is_one_line(name: str, value: str) -> None:
    pytest.importorskip("pybind11")
    settings = os.environ | {"NEURFIELD_CUDA": "1", name: value}
    command = [sys.executable, "setup.py", "--version"]
    ran = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)
    (line,) = [line for line in ran.stderr.splitlines() if "warn" not in line.lower()]
    assert ran.returncode != 0 and line.startswith(f"{name}={value}: use ")


def test_a_failure_to_build_cuda_is_one_that_setuptools_understands(
    distribution, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    """So that an optional module is left out, and one that was asked for ends the installation."""
    errors = pytest.importorskip("setuptools.errors")
    command = distribution.get_command_class("build_ext")(distribution)
    (extension,) = [e for e in read("1").ext_modules if e.name == "neurfield._native_cuda"]
    monkeypatch.setattr(cuda_build, "nvcc", lambda: None)
    monkeypatch.setattr(command, "get_ext_fullpath", lambda name: str(ROOT / "build" / "never.so"))
    with pytest.raises(errors.CompileError, match="nvcc was not found"):
        command.build_extension(extension)
    command.extensions, extension.optional = [extension], True
    command.build_extensions()  # told, not raised


@pytest.mark.parametrize("compiler", ["aarch64-linux-gnu-g++"])
def test_sources_compile_for_other_processors(distribution, compiler: str) -> None:  # type: ignore[no-untyped-def]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (generic,) = [e for e in distribution.ext_modules if e.name == "neurfield._native_generic"]
    headers = [*generic.include_dirs, sysconfig.get_paths()["include"]]
    macros = [f"-D{name}={value}" for name, value in generic.define_macros]
    flags = [*generic.extra_compile_args, *macros, *(f"-I{folder}" for folder in headers), "-fsyntax-only"]

    def complaints(source: str) -> str:
        result = subprocess.run([compiler, *flags, source], cwd=ROOT, capture_output=True, text=True)
        return result.stderr if result.returncode else ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert not "".join(pool.map(complaints, generic.sources))


def test_constraints_pin_what_is_asked_for(distribution) -> None:  # type: ignore[no-untyped-def]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if "==" in line and not line.startswith("#")}
    assert lines[0].startswith("torch==")
    asked = [
        *distribution.install_requires,
        *distribution.extras_require["dev"],
        *distribution.extras_require["viewer"],
    ]
    names = {re.split(r"[\[>=]", name)[0].lower() for name in asked}
    assert names <= pinned
