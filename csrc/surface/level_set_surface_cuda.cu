// The surface in the sparse lattice on a GPU: where it leaves what is known, and marching cubes. Two warps for each block of 8^3 cubes, a
// thread for each row of eight; vertices and faces are numbered as on the CPU.
#include <pybind11/pybind11.h>

#include "surface/device_lattice.h"
#include "surface/triangle_table.h"
#include "surface/window_rows.h"

namespace neurfield::device_lattice {
namespace {

constexpr unsigned kRows = 64;

struct Around {
    int32_t slots[8];  // of the block and those after it, by 4 (x >= 8) + 2 (y >= 8) + (z >= 8); -1 where there is none
    WindowRows rows;
};

// The corners of a block's cubes, for all its threads.
__device__ __forceinline__ void look_around(const Lattice& lattice, const int3& block, Around& around) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < 8) around.slots[thread] = lattice.slot(block.x + (thread >> 2), block.y + (thread >> 1 & 1), block.z + (thread & 1));
    if (thread == 0) {
        around.rows.cubes[0] = min(max(lattice.cubes.x - 8 * block.x, 0), 8);
        around.rows.cubes[1] = min(max(lattice.cubes.y - 8 * block.y, 0), 8);
        around.rows.cubes[2] = min(max(lattice.cubes.z - 8 * block.z, 0), 8);
    }
    __syncthreads();
    for (int row = thread; row < 81; row += kRows) {
        const int x = row / 9, y = row % 9, i = (x >> 3) * 4 + (y >> 3) * 2;
        const int32_t slot = around.slots[i], next = around.slots[i + 1];
        const auto nine = [&](int kind) {
            const unsigned eight = slot < 0 ? 0u : lattice.row(slot, kind, x & 7, y & 7);
            return eight | (next < 0 ? 0u : lattice.row(next, kind, x & 7, y & 7) & 1u) << 8;
        };
        const unsigned known = nine(kKnown), above = nine(kAbove), below = nine(kBelow), positive = nine(kPositive);
        around.rows.known[x][y] = static_cast<uint16_t>(known);
        around.rows.settled[x][y] = static_cast<uint16_t>(known | (above ^ below));
        around.rows.positive[x][y] = static_cast<uint16_t>((positive & known) | (above & ~below & ~known));
    }
    __syncthreads();
}

// Wants the ends of crossed edges that are not known, and says which blocks of cubes the surface reaches where a corner is not settled.
__global__ void __launch_bounds__(kRows) look(const Lattice lattice, const int64_t* __restrict__ places, uint8_t* __restrict__ open) {
    __shared__ Around around;
    look_around(lattice, lattice.at(static_cast<int32_t>(places[blockIdx.x])), around);
    const WindowRows& rows = around.rows;
    const int x = static_cast<int>(threadIdx.x) / 8, y = static_cast<int>(threadIdx.x) % 8;
    if (rows.cube_row(x, y).open != 0) open[blockIdx.x] = 1;
    const unsigned along_x = rows.edges_x(x, y).loose & 0xff, along_y = rows.edges_y(x, y).loose & 0xff;
    const unsigned along_z = rows.edges_z(x, y).loose;
    const auto want = [&](int px, int py, unsigned points) {
        points &= ~static_cast<unsigned>(rows.known[px][py]);
        const int i = (px >> 3) * 4 + (py >> 3) * 2, shift = 8 * (py & 7);
        if ((points & 0xff) != 0) atomicOr(lattice.word(around.slots[i], kWanted, px & 7), Word{points & 0xff} << shift);
        if (points >> 8 != 0) atomicOr(lattice.word(around.slots[i + 1], kWanted, px & 7), Word{1} << shift);
    };
    want(x, y, along_x | along_y | along_z | along_z << 1);
    want(x + 1, y, along_x);
    want(x, y + 1, along_y);
}

// What a surface's blocks have: bits of the crossed edges each owns, by axis * 8 + x, bit y * 8 + z; and how many come before each word.
struct Edges {
    Word* crossed;    // [., 24]
    int32_t* before;  // [., 24]
};

__global__ void __launch_bounds__(kRows)
    count(const Lattice lattice, int64_t blocks, const uint8_t* __restrict__ triangles, const Edges edges, int64_t* __restrict__ totals) {
    __shared__ Around around;
    __shared__ Word crossed[24];
    __shared__ int faces;
    const int64_t slot = blockIdx.x;
    const int thread = static_cast<int>(threadIdx.x), x = thread / 8, y = thread % 8;
    if (thread == 0) faces = 0;
    look_around(lattice, lattice.block(static_cast<int32_t>(slot)), around);
    const WindowRows& rows = around.rows;
    uint8_t* bytes = reinterpret_cast<uint8_t*>(crossed);
    bytes[thread] = static_cast<uint8_t>(rows.edges_x(x, y).crossed);
    bytes[64 + thread] = static_cast<uint8_t>(rows.edges_y(x, y).crossed);
    bytes[128 + thread] = static_cast<uint8_t>(rows.edges_z(x, y).crossed);
    int mine = 0;
    for (unsigned cubes = rows.cube_row(x, y).complete; cubes != 0; cubes &= cubes - 1)
        mine += __ldg(triangles + rows.pattern(x, y, __ffs(static_cast<int>(cubes)) - 1));
    if (mine != 0) atomicAdd(&faces, mine);
    __syncthreads();
    if (thread >= 24) return;
    int n = 0;
    for (int word = 0; word < thread; ++word) n += __popcll(crossed[word]);
    edges.crossed[slot * 24 + thread] = crossed[thread];
    edges.before[slot * 24 + thread] = n;
    if (thread < 23) return;
    totals[slot] = n + __popcll(crossed[23]);
    totals[blocks + slot] = faces;
}

// A thread's edges with a vertex, row by row; the values at both ends are known.
__global__ void __launch_bounds__(kRows) write_vertices(const Lattice lattice, const int64_t* __restrict__ slots, const Edges edges,
                                                        const int64_t* __restrict__ first, double level, double* __restrict__ vertices) {
    const int64_t slot = slots[blockIdx.x];
    const int thread = static_cast<int>(threadIdx.x), x = thread / 8, y = thread % 8;
    const int3 block = lattice.block(static_cast<int32_t>(slot));
    const float* values = lattice.values + slot * 512 + thread * 8;
    for (int axis = 0; axis < 3; ++axis) {
        const int64_t at = slot * 24 + axis * 8 + x;
        const Word word = edges.crossed[at];
        unsigned row = static_cast<unsigned>(word >> (8 * y) & 0xff);
        if (row == 0) continue;
        // The block of the high ends, but for those along z of the row's last point.
        const bool over = (axis == 0 && x == 7) || (axis == 1 && y == 7);
        const int64_t beside = over ? lattice.slot(block.x + (axis == 0), block.y + (axis == 1), block.z) : slot;
        const float* highs = lattice.values + beside * 512 + (x + (axis == 0)) % 8 * 64 + (y + (axis == 1)) % 8 * 8;
        double* out = vertices + 3 * (first[slot] + edges.before[at] + __popcll(word & ((Word{1} << (8 * y)) - 1)));
        for (; row != 0; row &= row - 1, out += 3) {
            const int z = __ffs(static_cast<int>(row)) - 1;
            const float low = values[z];
            float high;
            if (axis < 2)
                high = highs[z];
            else if (z < 7)
                high = values[z + 1];
            else
                high = lattice.values[static_cast<int64_t>(lattice.slot(block.x, block.y, block.z + 1)) * 512 + thread * 8];
            const double share = crossing(level, low, high);
            out[0] = 8 * block.x + x + (axis == 0 ? share : 0.0);
            out[1] = 8 * block.y + y + (axis == 1 ? share : 0.0);
            out[2] = 8 * block.z + z + (axis == 2 ? share : 0.0);
        }
    }
}

struct Starts {
    const int64_t *vertex, *face;  // the first of each block
};

__global__ void __launch_bounds__(kRows)
    write_faces(const Lattice lattice, const int64_t* __restrict__ slots, const TriangleTable table, const uint8_t* __restrict__ triangles,
                const Edges edges, const Starts starts, int64_t* __restrict__ faces) {
    __shared__ Around around;
    __shared__ int in_first_warp;
    const int64_t slot = slots[blockIdx.x];
    look_around(lattice, lattice.block(static_cast<int32_t>(slot)), around);
    const WindowRows& rows = around.rows;
    const int thread = static_cast<int>(threadIdx.x), x = thread / 8, y = thread % 8, lane = thread % cuda::kWarp;
    const unsigned complete = rows.cube_row(x, y).complete;
    int mine = 0;
    for (unsigned cubes = complete; cubes != 0; cubes &= cubes - 1)
        mine += __ldg(triangles + rows.pattern(x, y, __ffs(static_cast<int>(cubes)) - 1));
    int up_to = mine;  // of the rows before in the warp, and of this one
    for (int distance = 1; distance < cuda::kWarp; distance *= 2) {
        const int other = __shfl_up_sync(cuda::kAllLanes, up_to, distance);
        if (lane >= distance) up_to += other;
    }
    if (thread == cuda::kWarp - 1) in_first_warp = up_to;
    __syncthreads();
    int64_t* out = faces + 3 * (starts.face[slot] + (thread < cuda::kWarp ? 0 : in_first_warp) + up_to - mine);
    for (unsigned cubes = complete; cubes != 0; cubes &= cubes - 1) {
        const int z = __ffs(static_cast<int>(cubes)) - 1, pattern = rows.pattern(x, y, z);
        const uint8_t* crossed = table.edges + pattern * table.width;
        const int corners = 3 * __ldg(triangles + pattern);
        for (int i = 0; i < corners; ++i) {
            const CubeEdge edge(__ldg(crossed + i), x, y, z);
            const int64_t owner = around.slots[(edge.x >> 3) * 4 + (edge.y >> 3) * 2 + (edge.z >> 3)];
            const int64_t at = owner * 24 + edge.axis * 8 + (edge.x & 7);
            const Word below = (Word{1} << ((edge.y & 7) * 8 + (edge.z & 7))) - 1;
            *out++ = __ldg(starts.vertex + owner) + __ldg(edges.before + at) + __popcll(__ldg(edges.crossed + at) & below);
        }
    }
}

unsigned one_block_each(int64_t count) {
    if (count > cuda::kMostBlocks) throw std::length_error("neurfield native: too many blocks for one launch");
    return static_cast<unsigned>(count);
}

void level_set_look(const py::tuple& state, const py::object& places_, const py::object& open_) {
    const TensorView<int64_t, 1> places(places_, "places");
    const TensorView<uint8_t, 1> open(open_, "open");
    open.expect(0, places.size(), "open");
    cuda::launch(look, {one_block_each(places.size()), kRows}, lattice_of(state), places.data(), open.data());
}

Edges edges_of(const TensorView<int64_t, 2>& crossed, const TensorView<int32_t, 2>& before) {
    crossed.expect(1, 24, "crossed"), before.expect(0, crossed.shape(0), "before"), before.expect(1, 24, "before");
    return {reinterpret_cast<Word*>(crossed.data()), before.data()};
}

// How many vertices and faces each block has, as rows of `totals`.
void level_set_count(const py::tuple& state, const py::object& triangles_, const py::object& crossed_, const py::object& before_,
                     const py::object& totals_) {
    const TensorView<uint8_t, 1> triangles(triangles_, "triangles");
    const TensorView<int64_t, 2> crossed(crossed_, "crossed"), totals(totals_, "totals");
    const TensorView<int32_t, 2> before(before_, "before");
    triangles.expect(0, 256, "triangles");
    totals.expect(0, 2, "totals"), totals.expect(1, crossed.shape(0), "totals");
    cuda::launch(count, {one_block_each(crossed.shape(0)), kRows}, lattice_of(state), crossed.shape(0), triangles.data(),
                 edges_of(crossed, before), totals.data());
}

// `slots`: the blocks that have any; `first`: the number of each block's first vertex, and of its first face.
void level_set_write(const py::tuple& state, const py::object& slots_, const py::object& table_, const py::object& triangles_,
                     const py::object& crossed_, const py::object& before_, const py::object& first_, float level,
                     const py::object& vertices_, const py::object& faces_) {
    const Lattice lattice = lattice_of(state);
    const TensorView<int64_t, 1> slots(slots_, "slots");
    const TensorView<uint8_t, 2> table(table_, "table");
    const TensorView<uint8_t, 1> triangles(triangles_, "triangles");
    const TensorView<int64_t, 2> crossed(crossed_, "crossed"), first(first_, "first"), faces(faces_, "faces");
    const TensorView<int32_t, 2> before(before_, "before");
    const TensorView<double, 2> vertices(vertices_, "vertices");
    table.expect(0, 256, "table"), triangles.expect(0, 256, "triangles");
    first.expect(0, 2, "first"), first.expect(1, crossed.shape(0), "first");
    vertices.expect(1, 3, "vertices"), faces.expect(1, 3, "faces");
    const Edges edges = edges_of(crossed, before);
    const cuda::Shape shape{one_block_each(slots.size()), kRows};
    const TriangleTable edges_of_pattern{table.data(), table.shape(1)};
    const Starts starts{first.row(0), first.row(1)};
    cuda::launch(write_vertices, shape, lattice, slots.data(), edges, starts.vertex, level, vertices.data());
    cuda::launch(write_faces, shape, lattice, slots.data(), edges_of_pattern, triangles.data(), edges, starts, faces.data());
}

}  // namespace

void bind_surface(py::module_& module) {
    module.def("level_set_look", &level_set_look);
    module.def("level_set_count", &level_set_count);
    module.def("level_set_write", &level_set_write);
}

}  // namespace neurfield::device_lattice
