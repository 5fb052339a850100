"""nvcc takes every CUDA source without a warning, and its assembler keeps all numbers in registers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cuda_build
from benchmarks import gpu_assembler, gpu_code

ARCH = "90"
CSRC = cuda_build.ROOT / "csrc"
SOURCES = [str(source.relative_to(CSRC)) for source in cuda_build.sources()]
needs_nvcc = pytest.mark.skipif(
    cuda_build.nvcc() is None, reason="no nvcc: the CUDA sources are not compiled for a GPU here"
)


@pytest.fixture(scope="session")
def said() -> dict[str, str | RuntimeError]:
    """What the compiler said of each source, or why it does not compile; objects are kept in build/."""
    command = cuda_build.nvcc_command((ARCH,))

    def one(name: str) -> str | RuntimeError:
        try:
            return cuda_build.compile_one(command, gpu_code.folder_for(ARCH), CSRC / name)[1]
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(cuda_build.jobs()) as pool:
        return dict(zip(SOURCES, pool.map(one, SOURCES)))


def compiled(said: dict[str, str | RuntimeError], name: str) -> str:
    found = said[name]
    if isinstance(found, RuntimeError):
        pytest.fail(str(found), pytrace=False)
    return found


def test_there_are_sources() -> None:
    assert "cuda/bindings.cu" in SOURCES and len(SOURCES) > 1


@pytest.mark.slow
@needs_nvcc
@pytest.mark.parametrize("name", SOURCES)
def test_compiles_without_a_warning(said: dict[str, str | RuntimeError], name: str) -> None:
    assert gpu_assembler.warnings(compiled(said, name)) == []


@pytest.mark.slow
@needs_nvcc
@pytest.mark.parametrize("name", SOURCES)
def test_nothing_spills(said: dict[str, str | RuntimeError], name: str) -> None:
    found = gpu_assembler.resources(compiled(said, name))
    assert found or "Compiling entry function" not in compiled(said, name)
    names = gpu_assembler.demangle([one.name for one in found])
    complaints = [
        f"{name}: {names[one.name]}: {one.stack} bytes of stack, {one.spills} of spills"
        for one in found
        if (one.stack or one.spills) and gpu_code.why_it_may_spill(f"{name}: {names[one.name]}") is None
    ]
    assert not complaints, "\n".join(complaints)


def test_no_source_includes_torch() -> None:
    wrong = [
        f"{path.relative_to(CSRC)}: {line}"
        for path in sorted(CSRC.rglob("*"))
        if path.suffix in (".cu", ".h", ".cpp")
        for line in path.read_text().splitlines()
        if line.lstrip().startswith("#include") and any(n in line for n in ("torch/", "ATen/", "c10/"))
    ]
    assert not wrong


def test_no_source_needs_a_gpu_compiler_to_read_it() -> None:
    """Kernels are started by cuda::launch, so that a host compiler takes the same source."""
    sources = [path for path in CSRC.rglob("*") if path.suffix in (".cu", ".h") and path.name != "launch.h"]
    assert not [
        str(path) for path in sources if "<<<" in path.read_text() or "extern __shared__" in path.read_text()
    ]


def test_the_runtime_is_inside() -> None:
    link = cuda_build.link_command(["nvcc"], ("80", "90"), ["a.o"], Path("module.so"))
    assert "--cudart=static" in link and "-shared" in link and "a.o" in link
    assert not [part for part in link if part.startswith("-l") or "torch" in part]


def test_binaries_for_each_gpu_and_ptx_for_what_comes_after() -> None:
    flags = cuda_build.gpu_flags(("80", "90", "75"))
    assert [f for f in flags if "code=sm_" in f] == [
        f"-gencode=arch=compute_{a},code=sm_{a}" for a in ("80", "90", "75")
    ]
    assert [f for f in flags if "code=compute_" in f] == ["-gencode=arch=compute_90,code=compute_90"]
    assert cuda_build.gpu_flags(("native",)) == ["-arch=native"]


class TestSettings:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [("", cuda_build.ARCHS), ("native", ("native",)), ("90", ("90",)), ("80,90", ("80", "90")),
         ("80; 120", ("80", "120"))],
    )  # fmt: skip
    def test_archs(self, monkeypatch: pytest.MonkeyPatch, text: str, wanted: tuple[str, ...]) -> None:
        monkeypatch.setenv("NEURFIELD_CUDA_ARCHS", text)
        assert cuda_build.archs() == wanted

    @pytest.mark.parametrize("text", ["sm_90", "9.0", "all", "80,", "60", "native,90"])
    def test_unknown_archs_are_one_clear_line(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("NEURFIELD_CUDA_ARCHS", text)
        with pytest.raises(ValueError, match=rf"^NEURFIELD_CUDA_ARCHS={text}: use native, or [^\n]*$"):
            cuda_build.archs()

    @pytest.mark.parametrize(
        ("choice", "gpu", "compiler", "wanted"),
        [("0", True, True, False), ("1", False, False, True), ("1", True, True, True),
         ("auto", True, True, True), ("auto", True, False, False), ("auto", False, True, False),
         (None, False, True, False)],
    )  # fmt: skip
    def test_when_an_installation_builds(
        self, monkeypatch: pytest.MonkeyPatch, choice: str | None, gpu: bool, compiler: bool, wanted: bool
    ) -> None:
        if choice is None:
            monkeypatch.delenv("NEURFIELD_CUDA", raising=False)
        else:
            monkeypatch.setenv("NEURFIELD_CUDA", choice)
        monkeypatch.setattr(cuda_build, "has_gpu", lambda: gpu)
        monkeypatch.setattr(cuda_build, "nvcc", lambda: "/somewhere/nvcc" if compiler else None)
        assert cuda_build.wanted_here() is wanted

    def test_an_unknown_choice_is_one_clear_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEURFIELD_CUDA", "yes")
        with pytest.raises(ValueError, match=r"^NEURFIELD_CUDA=yes: use auto, 0 or 1$"):
            cuda_build.wanted_here()

    def test_without_a_compiler_the_command_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cuda_build, "nvcc", lambda: None)
        with pytest.raises(FileNotFoundError, match="nvcc was not found"):
            cuda_build.nvcc_command(("90",))


class TestCache:
    def test_compiles_again_only_what_has_changed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "tree"
        (root / "csrc").mkdir(parents=True)
        source, header = root / "csrc" / "a.cu", root / "csrc" / "a.h"
        source.write_text("one")
        header.write_text("")
        monkeypatch.setattr(cuda_build, "ROOT", root)
        copies = ["sh", "-c", 'echo said; cp "$2" "$4"', "compiler"]  # "compiles" -c SOURCE -o OBJECT
        made, text = cuda_build.compile_one(copies, tmp_path / "out", source)
        assert made.read_text() == "one" and text == "said\n"
        stamp = made.stat().st_mtime_ns
        again, kept = cuda_build.compile_one(copies, tmp_path / "out", source)
        assert (again, kept) == (made, text) and again.stat().st_mtime_ns == stamp
        header.write_text("changed")
        other, _ = cuda_build.compile_one(copies, tmp_path / "out", source)
        assert other != made and not made.exists()

    def test_a_failure_names_the_file_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "csrc").mkdir()
        source = tmp_path / "csrc" / "a.cu"
        source.write_text("")
        monkeypatch.setattr(cuda_build, "ROOT", tmp_path)
        with pytest.raises(RuntimeError, match=r"csrc/a.cu does not compile:\nbad line\n"):
            cuda_build.compile_one(["sh", "-c", "echo bad line; exit 1"], tmp_path / "out", source)
        assert not list((tmp_path / "out").glob("*.o"))
