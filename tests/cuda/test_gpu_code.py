"""What is read from the assembler and from instructions, and that expectations can fail."""

from __future__ import annotations

import pytest

import cuda_build
from benchmarks import gpu_assembler, gpu_code
from benchmarks.gpu_assembler import Code, Resources

SAID = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z5cleanv' for 'sm_90'
ptxas info    : Function properties for _Z5cleanv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 38 registers, used 1 barriers, 2048 bytes smem
ptxas info    : Compile time = 16.471 ms
ptxas info    : Compiling entry function '_Z5dirtyv' for 'sm_90'
ptxas info    : Function properties for _Z5dirtyv
    64 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 64 bytes cumulative stack size
ptxas info    : Function properties for _Z6calledv
    8 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
"""
SASS = """\
		Function : _Z5cleanv
	.headerflags	@"EF_CUDA_SM90"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                     /* 0x00000a00ff017b82 */
                                                                              /* 0x000fe20000000800 */
        /*0010*/                   LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;  /* 0x0000000402047981 */
        /*0020*/              @!P0 LDG.E.64 R8, desc[UR4][R2.64] ;            /* 0x0000000402047981 */
        /*0030*/                   LDG.E.U8 R8, desc[UR4][R2.64] ;            /* 0x0000000402047981 */
        /*0040*/                   HMMA.16816.F32.BF16 R4, R4, R6, R8 ;       /* 0x0000000402047981 */
        /*0050*/              @UP0 STG.E desc[UR4][R2.64], R0 ;               /* 0x0000000402047981 */
        /*0060*/                   REDG.E.ADD.F32.FTZ.RN.STRONG.GPU desc[UR4][R2.64], R5 ; /* 0x00 */
        /*0068*/                   REDG.E.ADD.F32x2.FTZ.RN.STRONG.GPU desc[UR4][R2.64], R5 ; /* 0x00 */
        /*0070*/                   EXIT ;                                     /* 0x000000000000794d */
		Function : _Z5dirtyv
        /*0000*/                   STL.64 [R1], R2 ;                          /* 0x000000000000794d */
        /*0010*/                   LDL R2, [R1] ;                             /* 0x000000000000794d */
        /*0020*/                   DFMA R2, R4, R6, R8 ;                      /* 0x000000000000794d */
"""
PTX = """\
.visible .entry _Z5cleanv(
	.param .u64 _Z5cleanv_param_0
)
{
	ld.param.u64 	%rd1, [_Z5cleanv_param_0];
	ld.global.nc.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd1];
	@%p1 ld.global.v2.u32 	{%r1, %r2}, [%rd1];
	ld.global.nc.u8 	%rs1, [%rd1];
	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 	{%f5}, {%r1}, {%r2}, {%f6};
	st.global.f32 	[%rd1], %f1;
	red.global.add.f32 	[%rd1], %f1;
	red.global.add.v2.f32 	[%rd1], {%f1, %f2};
	ret;
}
.entry _Z5dirtyv()
{
	st.local.f64 	[%rd1], %fd1;
	ld.local.f32 	%f1, [%rd1];
	fma.rn.f64 	%fd1, %fd2, %fd3, %fd4;
}
"""


def test_what_the_assembler_says() -> None:
    assert gpu_assembler.resources(SAID) == [
        Resources("_Z5cleanv", 38, 2048, 0, 0),
        Resources("_Z5dirtyv", 255, 0, 64, 32),
        Resources("_Z6calledv", 0, 0, 8, 0),
    ]


def test_warnings_of_all_compilers() -> None:
    lines = [
        "csrc/a.cu(12): warning #177-D: variable was declared but never referenced",
        "ptxas warning : Stack size for entry function cannot be statically determined",
        "csrc/a.h:3:7: warning: unused variable [-Wunused-variable]",
    ]
    assert gpu_assembler.warnings("\n".join([SAID, *lines])) == lines
    assert gpu_assembler.warnings(SAID) == []


@pytest.mark.parametrize(("read", "text", "pair"), [
    (gpu_assembler.sass, SASS, "RED.ADD.F32x2"), (gpu_assembler.ptx, PTX, "RED.ADD.V2.F32"),
])  # fmt: skip
def test_instructions(read, text: str, pair: str) -> None:  # type: ignore[no-untyped-def]
    clean, dirty = read(text).values()
    assert clean.loads == {128: 1, 64: 1, 8: 1} and clean.stores == {32: 1}
    assert clean.atomics == {"RED.ADD.F32": 1, pair: 1} and clean.tensor == 1
    assert clean.local == clean.float64 == 0
    assert dirty.local == 2 and dirty.float64 == 1 and not dirty.loads


def kernel(name: str, code: Code, stack: int = 0) -> gpu_code.Kernel:
    return gpu_code.Kernel("optim/adam_cuda.cu", name, Resources("mangled", 32, 0, stack, 0), code)


def test_expectations_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    good, poor = Code(), Code(local=3)
    good.loads[128] = good.stores[128] = 4
    assert gpu_code.violations(kernel("update<4>", good), 90) == []
    told = gpu_code.violations(kernel("update<4>", poor, stack=16), 90)
    assert len(told) == 4 and all(line.startswith("optim/adam_cuda.cu: update<4>: ") for line in told)
    assert "16 bytes of stack" in told[0] and "local memory" in told[1]
    monkeypatch.setattr(gpu_code, "MAY_SPILL", {"adam_cuda.cu: update": "for the test"})
    assert len(gpu_code.violations(kernel("update<4>", poor, stack=16), 90)) == 3


@pytest.mark.parametrize("pair", ["RED.ADD.F32x2", "RED.ADD.V2.F32"])
def test_grids_load_and_add_whole_entries(pair: str) -> None:
    def lines(name: str, code: Code) -> list[str]:
        return gpu_code.violations(gpu_code.Kernel("encoding/grid_cuda.cu", name, None, code), 90)

    encode, scatter = (
        "grid::encode_kernel<grid::CubeCell<3>, {}, false>",
        "grid::scatter_kernel<grid::CubeCell<3>, 2, true>",
    )
    wide, narrow, adds = Code(), Code(), Code()
    wide.loads[64], narrow.loads[32] = 8, 16
    adds.atomics[pair] = 8
    assert not lines(encode.format(2), wide) and not lines(encode.format(1), narrow)
    assert len(lines(encode.format(2), narrow)) == len(lines(encode.format(4), wide)) == 1
    assert not lines(scatter, adds) and len(lines(scatter, narrow)) == 1


def test_float64_only_where_there_is_a_reason() -> None:
    def lines(source: str) -> list[str]:
        return gpu_code.violations(gpu_code.Kernel(source, "count_samples", None, Code(float64=3)), 90)

    assert not lines("marching/occupancy_cuda.cu") and len(lines("marching/sections_cuda.cu")) == 1


def test_expectations_of_newer_gpus_only() -> None:
    plain = gpu_code.Kernel("network/mlp_cuda.cu", "mlp_forward_kernel<Float16, 4>", None, Code())
    assert gpu_code.violations(plain, 90) and not gpu_code.violations(plain, 75)


def test_every_kernel_has_a_row() -> None:
    code = Code()
    code.atomics["RED.ADD.F32"] = 2
    row = kernel("update<1>", code).row()
    assert len(row) == len(gpu_code.COLUMNS) and "2 RED.ADD.F32" in row


def test_names_are_short() -> None:
    mangled = "_ZN9neurfield12_GLOBAL__N_16updateILi4EEEvPf"
    (name,) = gpu_assembler.demangle([mangled]).values()
    assert name in ("update<4>", mangled)  # the latter without c++filt


@pytest.mark.slow
@pytest.mark.skipif(cuda_build.nvcc() is None, reason="no nvcc: nothing is compiled for a GPU here")
def test_adam_as_compiled() -> None:
    found = gpu_code.kernels_of(cuda_build.ROOT / "csrc" / "optim" / "adam_cuda.cu", "90")
    assert {kernel.name for kernel in found} == {"update<1>", "update<4>"}
    assert not [line for kernel in found for line in gpu_code.violations(kernel, 90)]
    assert all(kernel.resources is not None and kernel.resources.registers > 0 for kernel in found)
