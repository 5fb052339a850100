// The one place where Python sees the CUDA kernels. Functions have the names and arguments of their CPU twins; a family without a
// twin is simply not there, and the torch reference serves it.
#include "common/families.h"
#include "cuda/launch.h"

#ifndef NEURFIELD_MODULE
#define NEURFIELD_MODULE _native_cuda
#endif

namespace {

#if defined(NEURFIELD_EMULATED)
std::string why_not() { return ""; }
#else
// Why the kernels cannot run on this machine, or nothing.
std::string why_not() {
    int driver = 0, runtime = 0, devices = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return "no NVIDIA driver was found";
    const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
    if (driver / 1000 < runtime / 1000)
        return "the NVIDIA driver knows CUDA " + version(driver) + ", the kernels were built with " + version(runtime);
    if (const cudaError_t error = cudaGetDeviceCount(&devices); error != cudaSuccess) return cudaGetErrorString(error);
    return devices == 0 ? "there is no NVIDIA GPU" : "";
}
#endif

}  // namespace

PYBIND11_MODULE(NEURFIELD_MODULE, module) {
    module.doc() = "neurfield's CUDA kernels";
    module.attr("isa") = NEURFIELD_ISA;
    module.attr("archs") = NEURFIELD_ARCHS;
    module.def("why_not", &why_not);
    module.def("use", &neurfield::cuda::use);
    neurfield::bind_adam(module);
    neurfield::bind_closed_forms(module);
    neurfield::bind_compositing(module);
    neurfield::bind_field(module);
    neurfield::bind_fused_mlp(module);
    neurfield::bind_grid(module);
    neurfield::bind_level_set(module);
    neurfield::bind_occupancy_grid(module);
    neurfield::bind_radial_basis(module);
    neurfield::bind_sections(module);
    neurfield::bind_triplane(module);
}
