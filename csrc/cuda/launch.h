// How kernels are started: on torch's current stream of the tensors' device, without waiting for them.
//
// Sources are CUDA C++ without <<<>>>, so that a host compiler can compile them too (NEURFIELD_EMULATED, see emulation.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#if defined(NEURFIELD_EMULATED)
#include "cuda/emulation.h"
#else
#include <cuda_runtime.h>
#endif

namespace neurfield::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int64_t kMostBlocks = 0x7fffffff;  // along x

template <class Int>
constexpr Int blocks_for(Int count, Int block) {
    return (count + block - 1) / block;
}

struct Shape {
    dim3 blocks, threads;
    size_t shared = 0;  // bytes of dynamic shared memory
};

// One thread for each of `count`: enough blocks that every thread has at most one.
inline Shape one_each(int64_t count, unsigned threads = 256) {
    const int64_t blocks = blocks_for<int64_t>(count, threads);
    if (blocks > kMostBlocks) throw std::length_error("neurfield native: too many elements for one launch");
    return {dim3(static_cast<unsigned>(blocks)), dim3(threads)};
}

// The number of the calling thread among those of its launch, for one_each.
__device__ inline int64_t global_index() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

#if defined(NEURFIELD_EMULATED)

inline void use(int, uint64_t) {}
inline int multiprocessors() { return 2; }
inline size_t most_shared() { return emulation::kMostShared; }
inline bool has_bfloat16() { return true; }

template <class... Parameters>
void launch(void (*kernel)(Parameters...), const Shape& shape, std::type_identity_t<Parameters>... arguments) {
    if (shape.blocks.x == 0 || shape.blocks.y == 0 || shape.blocks.z == 0) return;
    if (shape.shared > emulation::kMostShared) throw std::length_error("neurfield native: too much shared memory");
    emulation::run_grid(shape.blocks, shape.threads, [&] { kernel(arguments...); });
}

template <class T>
T* dynamic_shared() {
    return reinterpret_cast<T*>(emulation::block().shared);
}

#else

// Where the calling thread's launches go; Python says so before each call.
struct Target {
    int device = 0;
    cudaStream_t stream = nullptr;
};
inline Target& target() {
    static thread_local Target one;
    return one;
}
inline void use(int device, uint64_t stream) { target() = {device, reinterpret_cast<cudaStream_t>(stream)}; }

inline void check(cudaError_t error, const char* what) {
    if (error != cudaSuccess) throw std::runtime_error(std::string("neurfield native: ") + what + ": " + cudaGetErrorString(error));
}

// Makes the tensors' device current while it lives.
class OnDevice {
public:
    OnDevice() {
        check(cudaGetDevice(&before_), "asking for the device");
        if (before_ != target().device) check(cudaSetDevice(target().device), "choosing the device");
    }
    ~OnDevice() {
        if (before_ != target().device) cudaSetDevice(before_);
    }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

private:
    int before_ = 0;
};

inline int attribute(cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, target().device), "asking about the device");
    return value;
}
inline int multiprocessors() { return attribute(cudaDevAttrMultiProcessorCount); }
inline size_t most_shared() { return static_cast<size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)); }  // of a block, in bytes
inline bool has_bfloat16() { return attribute(cudaDevAttrComputeCapabilityMajor) >= 8; }  // tensor cores that take it

template <class... Parameters>
void launch(void (*kernel)(Parameters...), const Shape& shape, std::type_identity_t<Parameters>... arguments) {
    if (shape.blocks.x == 0 || shape.blocks.y == 0 || shape.blocks.z == 0) return;
    const OnDevice current;
    if (shape.shared > 48 * 1024)
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared)),
              "asking for shared memory");
    void* pointers[] = {&arguments..., nullptr};
    check(cudaLaunchKernel(kernel, shape.blocks, shape.threads, pointers, shape.shared, target().stream), "starting a kernel");
}

template <class T>
__device__ inline T* dynamic_shared() {
    extern __shared__ __align__(128) unsigned char neurfield_dynamic_shared[];
    return reinterpret_cast<T*>(neurfield_dynamic_shared);
}

#endif

// Sets `count` floats to zero, in the order of the stream.
inline void clear(float* to, int64_t count) {
    if (count == 0) return;
#if defined(NEURFIELD_EMULATED)
    std::memset(to, 0, static_cast<size_t>(count) * sizeof(float));
#else
    const OnDevice current;
    check(cudaMemsetAsync(to, 0, static_cast<size_t>(count) * sizeof(float), target().stream), "clearing memory");
#endif
}

}  // namespace neurfield::cuda
