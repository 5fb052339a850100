// The sparse lattice on a GPU: values and what they settle, which points are wanted, and handing them out. The surface is in
// level_set_surface_cuda.cu. Bits are set by several threads at once; no result depends on their order.
#include <pybind11/pybind11.h>

#include <cmath>

#include "common/families.h"
#include "surface/device_lattice.h"
#include "surface/settling.h"

namespace neurfield {
namespace {

using namespace device_lattice;

// An entry is slot * 512 + place; a point that comes twice keeps one of its values.
__global__ void __launch_bounds__(256)
    set_values(const Lattice lattice, int64_t count, const int64_t* __restrict__ entries, const float* __restrict__ values, float level) {
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    const int64_t entry = entries[i], slot = entry >> 9;
    const int x = static_cast<int>(entry >> 6 & 7);
    const Word bit = Word{1} << (entry & 63);
    const float value = values[i];
    lattice.values[entry] = value;
    lattice.dirty[slot] = 1;
    atomicOr(lattice.word(slot, kKnown, x), bit);
    Word* positive = lattice.word(slot, kPositive, x);
    if (value >= level)
        atomicOr(positive, bit);
    else if ((*positive & bit) != 0)  // of the value before
        atomicAnd(positive, ~bit);
}

// A warp for each value: its lanes take the words of the ball of points on the same side.
__global__ void __launch_bounds__(256) settle(const Lattice lattice, int64_t count, const int64_t* __restrict__ entries,
                                              const float* __restrict__ values, float level, float slope, int reach) {
    const int64_t i = cuda::global_index() / cuda::kWarp;
    if (i >= count) return;
    const float value = values[i];
    const float radius = settled_radius(value, level, slope, reach);
    if (!(radius > 1.0f)) return;
    const int64_t entry = entries[i];
    const int3 block = lattice.block(static_cast<int32_t>(entry >> 9));
    const int px = 8 * block.x + static_cast<int>(entry >> 6 & 7), py = 8 * block.y + static_cast<int>(entry >> 3 & 7);
    const int pz = 8 * block.z + static_cast<int>(entry & 7);
    const int r = static_cast<int>(ceilf(radius)) - 1;
    const float square = radius * radius;
    const int x0 = max(0, px - r), nx = min(lattice.cubes.x, px + r) - x0 + 1;  // planes
    const int y0 = max(0, py - r) >> 3, ny = (min(lattice.cubes.y, py + r) >> 3) - y0 + 1;  // blocks
    const int z0 = max(0, pz - r) >> 3, nz = (min(lattice.cubes.z, pz + r) >> 3) - z0 + 1;
    const int kind = value >= level ? kAbove : kBelow;
    for (int task = static_cast<int>(threadIdx.x % cuda::kWarp); task < nx * ny * nz; task += cuda::kWarp) {
        const int line = task / nz, by = y0 + line % ny, bz = z0 + task % nz, x = x0 + line / ny;
        const int y_end = min(8 * by + 7, min(lattice.cubes.y, py + r)), z_end = min(7, min(lattice.cubes.z, pz + r) - 8 * bz);
        Word near = 0;
        for (int y = max(8 * by, py - r); y <= y_end; ++y) {
            const int half = half_chord(square, x - px, y - py);
            if (half < 0) continue;
            const int from = max(0, pz - half - 8 * bz), to = min(z_end, pz + half - 8 * bz);
            if (from <= to) near |= static_cast<Word>(bits_between(from, to)) << (8 * (y & 7));
        }
        if (near == 0) continue;
        const int32_t slot = lattice.slot(x >> 3, by, bz);
        if (slot < 0) continue;
        Word* side = lattice.word(slot, kind, x & 7);
        if ((near & ~*side) != 0) atomicOr(side, near);  // most of it is told by neighbours too
    }
}

// The points of rows 0..`last_y`, each up to `last_z`.
__device__ Word plane_up_to(int last_y, int last_z) {
    if (last_y < 0 || last_z < 0) return 0;
    const Word rows = last_y >= 7 ? ~Word{0} : (Word{1} << (8 * (last_y + 1))) - 1;
    return rows & static_cast<Word>(bits_between(0, last_z)) * 0x0101010101010101u;
}

// The points of plane x of a block that are in the lattice.
__device__ Word inside(const Lattice& lattice, const int3& block, int x) {
    if (8 * block.x + x > lattice.cubes.x) return 0;
    return plane_up_to(lattice.cubes.y - 8 * block.y, lattice.cubes.z - 8 * block.z);
}

// A thread for each word. `planes`: the points to want of words that are an even number of steps along x, and of odd ones.
__global__ void __launch_bounds__(256) want_unsettled(const Lattice lattice, int64_t count, int step, ulonglong2 planes) {
    const int64_t i = cuda::global_index(), slot = i / 8;
    const int x = static_cast<int>(i % 8);
    if (slot >= count || x % step != 0) return;
    const Word settled = *lattice.word(slot, kKnown, x) | (*lattice.word(slot, kAbove, x) ^ *lattice.word(slot, kBelow, x));
    const Word points = (x / step % 2 == 0 ? planes.x : planes.y) & inside(lattice, lattice.block(static_cast<int32_t>(slot)), x);
    *lattice.word(slot, kWanted, x) |= points & ~settled;
}

// Wants all corners of the cubes of blocks. A thread for each word of the block and the seven after it.
__global__ void __launch_bounds__(256) want_corners(const Lattice lattice, int64_t count, const int64_t* __restrict__ places) {
    const int64_t i = cuda::global_index();
    if (i >= count * 64) return;
    const int word = static_cast<int>(i % 64), x = word % 8, dx = word >> 5, dy = word >> 4 & 1, dz = word >> 3 & 1;
    if (dx == 1 && x > 0) return;
    const int3 low = lattice.at(static_cast<int32_t>(places[i / 64])), block{low.x + dx, low.y + dy, low.z + dz};
    const int32_t slot = lattice.slot(block.x, block.y, block.z);
    if (slot < 0) return;  // outside
    const Word points = inside(lattice, block, x) & plane_up_to(dy == 0 ? 7 : 0, dz == 0 ? 7 : 0);
    const Word fresh = points & ~*lattice.word(slot, kKnown, x);
    if (fresh != 0) atomicOr(lattice.word(slot, kWanted, x), fresh);
}

// Forgets wishes that have come true, and counts those left in each block.
__global__ void __launch_bounds__(256) count_wanted(const Lattice lattice, int64_t count, int64_t* __restrict__ wanted) {
    const int64_t slot = cuda::global_index();
    if (slot >= count) return;
    int n = 0;
    for (int x = 0; x < 8; ++x) {
        Word* word = lattice.word(slot, kWanted, x);
        const Word left = *word & ~*lattice.word(slot, kKnown, x);
        *word = left;
        n += __popcll(left);
    }
    wanted[slot] = n;
}

// Of all wanted points those with numbers from `begin` on, as entries and as points. `before`: how many are wanted before each block.
// A thread for each word.
__global__ void __launch_bounds__(256) take(const Lattice lattice, int64_t count, const int64_t* __restrict__ before, int64_t begin,
                                            int64_t limit, int64_t* __restrict__ entries, int32_t* __restrict__ points) {
    const int64_t i = cuda::global_index(), slot = i / 8;
    const int x = static_cast<int>(i % 8);
    if (slot >= count) return;
    int64_t rank = before[slot] - begin;
    if (rank >= limit || rank <= -512) return;
    for (int k = 0; k < x; ++k) rank += __popcll(*lattice.word(slot, kWanted, k));
    const int3 block = lattice.block(static_cast<int32_t>(slot));
    for (Word left = *lattice.word(slot, kWanted, x); left != 0 && rank < limit; left &= left - 1, ++rank) {
        if (rank < 0) continue;
        const int bit = __ffsll(static_cast<long long>(left)) - 1;
        entries[rank] = slot * 512 + x * 64 + bit;
        points[3 * rank] = 8 * block.x + x;
        points[3 * rank + 1] = 8 * block.y + bit / 8;
        points[3 * rank + 2] = 8 * block.z + bit % 8;
    }
}

// Makes points known; each settles points around it up to `reach`, in blocks that exist.
void level_set_set(const py::tuple& state, const py::object& entries_, const py::object& values_, float level, float slope, int reach) {
    const Lattice lattice = lattice_of(state);
    const TensorView<int64_t, 1> entries(entries_, "entries");
    const TensorView<float, 1> values(values_, "values");
    const int64_t count = entries.shape(0);
    values.expect(0, count, "values");
    cuda::launch(set_values, cuda::one_each(count), lattice, count, entries.data(), values.data(), level);
    if (reach <= 0 || std::isinf(slope)) return;
    cuda::launch(settle, cuda::one_each(count * cuda::kWarp), lattice, count, entries.data(), values.data(), level, slope, reach);
}

void level_set_want_unsettled(const py::tuple& state, int64_t count, int step, bool every_other) {
    if (step != 1 && step != 2 && step != 4) throw py::value_error("step: must be 1, 2 or 4");
    ulonglong2 planes{0, 0};
    for (int y = 0; y < 8; y += step)
        for (int z = 0; z < 8; z += step) {
            const bool even = (y + z) / step % 2 == 0;
            if (!every_other || even) planes.x |= Word{1} << (8 * y + z);
            if (!every_other || !even) planes.y |= Word{1} << (8 * y + z);
        }
    cuda::launch(want_unsettled, cuda::one_each(8 * count), lattice_of(state), count, step, planes);
}

void level_set_want_corners(const py::tuple& state, const py::object& places_) {
    const TensorView<int64_t, 1> places(places_, "places");
    cuda::launch(want_corners, cuda::one_each(64 * places.size()), lattice_of(state), places.size(), places.data());
}

void level_set_count_wanted(const py::tuple& state, const py::object& wanted_) {
    const TensorView<int64_t, 1> wanted(wanted_, "wanted");
    cuda::launch(count_wanted, cuda::one_each(wanted.size()), lattice_of(state), wanted.size(), wanted.data());
}

void level_set_take(const py::tuple& state, const py::object& before_, int64_t begin, const py::object& entries_,
                    const py::object& points_) {
    const TensorView<int64_t, 1> before(before_, "before"), entries(entries_, "entries");
    const TensorView<int32_t, 2> points(points_, "points");
    points.expect(0, entries.size(), "points"), points.expect(1, 3, "points");
    cuda::launch(take, cuda::one_each(8 * before.size()), lattice_of(state), before.size(), before.data(), begin, entries.size(),
                 entries.data(), points.data());
}

}  // namespace

void bind_level_set(py::module_& module) {
    module.def("level_set_set", &level_set_set);
    module.def("level_set_want_unsettled", &level_set_want_unsettled);
    module.def("level_set_want_corners", &level_set_want_corners);
    module.def("level_set_count_wanted", &level_set_count_wanted);
    module.def("level_set_take", &level_set_take);
    device_lattice::bind_surface(module);
}

}  // namespace neurfield
