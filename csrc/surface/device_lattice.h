// The block lattice of block_lattice.h as kernels see it: places of blocks in a dense directory, everything else by a block's slot, its
// number in the order in which blocks came.
//
// Python has the memory (neurfield/ops/level_set_cuda.py) and makes the blocks; kernels fill in bits and values.
#pragma once

#include <pybind11/stl.h>

#include <array>
#include <cstdint>

#include "common/tensor_view.h"
#include "cuda/launch.h"

namespace neurfield::device_lattice {

using Word = unsigned long long;  // the type atomics take

// What is told of each point by a bit: bit y * 8 + z of word x. `kPositive` counts for known points only.
enum Kind { kKnown, kWanted, kAbove, kBelow, kPositive, kKinds };

struct Lattice {
    int3 cubes;                // in the lattice, along each axis
    int3 blocks;               // that it can have
    const int32_t* directory;  // [blocks.x, blocks.y, blocks.z] their slots, -1 where there is none
    const int32_t* places;     // where in the directory each is
    float* values;             // [., 512]
    Word* bits;                // [., kKinds, 8]
    uint8_t* dirty;            // got values since the surface's edge was last looked for

    __device__ int32_t slot(int x, int y, int z) const {
        if (x >= blocks.x || y >= blocks.y || z >= blocks.z) return -1;
        return __ldg(directory + (static_cast<int64_t>(x) * blocks.y + y) * blocks.z + z);
    }
    __device__ int3 at(int32_t place) const {
        const int row = place / blocks.z;
        return int3{row / blocks.y, row % blocks.y, place - row * blocks.z};
    }
    __device__ int3 block(int32_t slot) const { return at(__ldg(places + slot)); }

    __device__ Word* word(int64_t slot, int kind, int x) const { return bits + (slot * kKinds + kind) * 8 + x; }
    // The eight points of a row: what is at y of word x.
    __device__ unsigned row(int64_t slot, int kind, int x, int y) const {
        return reinterpret_cast<const uint8_t*>(bits)[(slot * kKinds + kind) * 64 + x * 8 + y];
    }
};

// The lattice that Python hands over: (directory, places, values, bits, dirty, (nx, ny, nz)).
inline Lattice lattice_of(const py::tuple& state) {
    if (state.size() != 6) throw py::value_error("lattice: needs directory, places, values, bits, dirty, cubes");
    const TensorView<int32_t, 3> directory(state[0], "directory");
    const TensorView<int32_t, 1> places(state[1], "places");
    const TensorView<float, 2> values(state[2], "values");
    const TensorView<int64_t, 3> bits(state[3], "bits");
    const TensorView<uint8_t, 1> dirty(state[4], "dirty");
    const auto cubes = py::cast<std::array<int32_t, 3>>(state[5]);
    for (int axis = 0; axis < 3; ++axis) directory.expect(axis, cubes[axis] / 8 + 1, "directory");
    values.expect(0, places.shape(0), "values"), values.expect(1, 512, "values");
    bits.expect(0, places.shape(0), "bits"), bits.expect(1, kKinds, "bits"), bits.expect(2, 8, "bits");
    dirty.expect(0, places.shape(0), "dirty");
    const int3 blocks{cubes[0] / 8 + 1, cubes[1] / 8 + 1, cubes[2] / 8 + 1};
    return {{cubes[0], cubes[1], cubes[2]},       blocks,      directory.data(), places.data(), values.data(),
            reinterpret_cast<Word*>(bits.data()), dirty.data()};
}

// The part of the family that is in level_set_surface_cuda.cu.
void bind_surface(py::module_& module);

}  // namespace neurfield::device_lattice
