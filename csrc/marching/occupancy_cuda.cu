// Occupancy grids and rays through them on the GPU. A march counts each ray's samples, Python adds the counts up and allocates, and a second
// march writes them: both walk the same lattice with the same arithmetic as the CPU (ray_march.h).
#include <pybind11/stl.h>

#include <array>

#include "common/families.h"
#include "common/tensor_view.h"
#include "cuda/launch.h"
#include "marching/ray_march.h"

namespace neurfield {
namespace {

constexpr int kBrick = 8;  // cells along an edge

// A grid of bytes, and which of its bricks have any cell: rays leap over the others.
struct OccupancyBytes {
    const uint8_t *cells, *any;
    int cells_along[3], bricks_along[3];
    float low[3], per_length[3];

    OccupancyBytes(const TensorView<uint8_t, 3>& cells_, const TensorView<uint8_t, 3>& any_, const std::array<float, 6>& box)
        : cells(cells_.data()), any(any_.data()) {
        for (int a = 0; a < 3; ++a) {
            cells_along[a] = static_cast<int>(cells_.shape(a));
            bricks_along[a] = (cells_along[a] + kBrick - 1) / kBrick;
            any_.expect(a, bricks_along[a], "bricks");
            low[a] = box[a];
            per_length[a] = static_cast<float>(cells_along[a]) / (box[3 + a] - box[a]);
        }
    }

    __device__ float cells_from(int axis, float coordinate) const { return (coordinate - low[axis]) * per_length[axis]; }
    __device__ float cells_per_length(int axis) const { return per_length[axis]; }
    __device__ int size(int axis) const { return cells_along[axis]; }

    // Whether the cell is occupied; `edge` becomes that of the aligned cube around it for which the answer holds.
    __device__ bool occupied(const std::array<int32_t, 3>& cell, int& edge) const {
        const int64_t brick =
            (static_cast<int64_t>(cell[0] / kBrick) * bricks_along[1] + cell[1] / kBrick) * bricks_along[2] + cell[2] / kBrick;
        edge = kBrick;
        if (__ldg(any + brick) == 0) return false;
        edge = 1;
        return __ldg(cells + (static_cast<int64_t>(cell[0]) * cells_along[1] + cell[1]) * cells_along[2] + cell[2]) != 0;
    }
};

// A warp looks through a brick: lanes have rows of 8 cells.
__global__ void __launch_bounds__(128)
    find_bricks(const uint8_t* __restrict__ cells, int nx, int ny, int nz, int64_t bricks, uint8_t* __restrict__ any) {
    const int64_t brick = cuda::global_index() / cuda::kWarp;
    const int lane = static_cast<int>(cuda::global_index() % cuda::kWarp), along_y = (ny + kBrick - 1) / kBrick,
              along_z = (nz + kBrick - 1) / kBrick;
    const int bz = static_cast<int>(brick % along_z), by = static_cast<int>(brick / along_z % along_y),
              bx = static_cast<int>(brick / along_z / along_y);
    bool found = false;
    for (int row = lane; brick < bricks && row < kBrick * kBrick; row += cuda::kWarp) {
        const int x = bx * kBrick + row / kBrick, y = by * kBrick + row % kBrick;
        if (x >= nx || y >= ny) continue;
        const uint8_t* from = cells + (static_cast<int64_t>(x) * ny + y) * nz;
        for (int z = bz * kBrick; z < min((bz + 1) * kBrick, nz); ++z) found |= from[z] != 0;
    }
    found = __any_sync(cuda::kAllLanes, found) != 0;
    if (lane == 0 && brick < bricks) any[brick] = found;
}

struct Rays {
    int64_t count;
    const float *origins, *directions, *t_min, *t_max, *jitter;
    double step;
    int64_t most;  // samples of a ray

    __device__ SampleLattice lattice(int64_t ray) const { return {t_min[ray], jitter[ray], step}; }
    template <class Emit>
    __device__ void march(const OccupancyBytes& grid, int64_t ray, int64_t samples, Emit&& emit) const {
        const RayInCells<OccupancyBytes> in_cells(grid, origins + 3 * ray, directions + 3 * ray);
        march_ray(grid, in_cells, lattice(ray), t_max[ray], samples, emit);
    }
};

__global__ void __launch_bounds__(128) count_samples(const OccupancyBytes grid, const Rays rays, int64_t* __restrict__ counts) {
    const int64_t ray = cuda::global_index();
    if (ray >= rays.count) return;
    int64_t total = 0;
    rays.march(grid, ray, rays.most, [&](int64_t, int64_t count) { total += count; });
    counts[ray] = total;
}

__global__ void __launch_bounds__(128)
    write_samples(const OccupancyBytes grid, const Rays rays, const int64_t* __restrict__ packed_info, int64_t* __restrict__ ray_indices,
                  float* __restrict__ t_starts, float* __restrict__ t_ends) {
    const int64_t ray = cuda::global_index();
    if (ray >= rays.count) return;
    const SampleLattice lattice = rays.lattice(ray);
    int64_t out = packed_info[2 * ray];
    // Up to the ray's own count: so nothing behind its last sample is walked, and no ray can write into the next one's run.
    rays.march(grid, ray, packed_info[2 * ray + 1], [&](int64_t first, int64_t count) {
        for (int64_t k = first; k < first + count; ++k, ++out) {
            ray_indices[out] = ray;
            t_starts[out] = static_cast<float>(lattice.start(k));
            t_ends[out] = static_cast<float>(lattice.start(k + 1));
        }
    });
}

// occupied = not (|sdf| > limit), so that a value that is no number counts as occupied.
__global__ void __launch_bounds__(256) compare(int64_t count, const float* __restrict__ sdf, float limit, uint8_t* __restrict__ occupied) {
    const int64_t i = cuda::global_index();
    if (i < count) occupied[i] = !(fabsf(sdf[i]) > limit);
}

void conservative_occupancy(const py::object& sdf_, float limit, const py::object& occupied_) {
    const TensorView<float, 3> sdf(sdf_, "sdf");
    const TensorView<uint8_t, 3> occupied(occupied_, "occupied");
    for (int axis = 0; axis < 3; ++axis) occupied.expect(axis, sdf.shape(axis), "occupied");
    cuda::launch(compare, cuda::one_each(sdf.size()), sdf.size(), sdf.data(), limit, occupied.data());
}

void march_bricks(const py::object& occupancy_, const py::object& any_) {
    const TensorView<uint8_t, 3> occupancy(occupancy_, "occupancy"), any(any_, "bricks");
    int size[3];
    for (int a = 0; a < 3; ++a) {
        size[a] = static_cast<int>(occupancy.shape(a));
        any.expect(a, (size[a] + kBrick - 1) / kBrick, "bricks");
    }
    cuda::launch(find_bricks, cuda::one_each(any.size() * cuda::kWarp, 128), occupancy.data(), size[0], size[1], size[2], any.size(),
                 any.data());
}

Rays rays_of(const py::object& origins_, const py::object& directions_, const py::object& t_min_, const py::object& t_max_, double step,
             const py::object& jitter_, int64_t most) {
    const TensorView<float, 2> origins(origins_, "origins"), directions(directions_, "directions");
    const TensorView<float, 1> t_min(t_min_, "t_min"), t_max(t_max_, "t_max"), jitter(jitter_, "jitter");
    const int64_t count = origins.shape(0);
    origins.expect(1, 3, "origins"), directions.expect(0, count, "directions"), directions.expect(1, 3, "directions");
    t_min.expect(0, count, "t_min"), t_max.expect(0, count, "t_max"), jitter.expect(0, count, "jitter");
    return {count, origins.data(), directions.data(), t_min.data(), t_max.data(), jitter.data(), step, most};
}

OccupancyBytes grid_of(const py::object& occupancy, const py::object& any, const std::array<float, 6>& box) {
    return {TensorView<uint8_t, 3>(occupancy, "occupancy"), TensorView<uint8_t, 3>(any, "bricks"), box};
}

void march_count(const py::object& origins, const py::object& directions, const py::object& t_min, const py::object& t_max,
                 const py::object& occupancy, const py::object& any, const std::array<float, 6>& box, double step, const py::object& jitter,
                 int64_t most, const py::object& counts_) {
    const Rays rays = rays_of(origins, directions, t_min, t_max, step, jitter, most);
    const TensorView<int64_t, 1> counts(counts_, "counts");
    counts.expect(0, rays.count, "counts");
    cuda::launch(count_samples, cuda::one_each(rays.count, 128), grid_of(occupancy, any, box), rays, counts.data());
}

void march_fill(const py::object& origins, const py::object& directions, const py::object& t_min, const py::object& t_max,
                const py::object& occupancy, const py::object& any, const std::array<float, 6>& box, double step, const py::object& jitter,
                int64_t most, const py::object& packed_info_, const py::object& ray_indices_, const py::object& t_starts_,
                const py::object& t_ends_) {
    const Rays rays = rays_of(origins, directions, t_min, t_max, step, jitter, most);
    const TensorView<int64_t, 2> packed_info(packed_info_, "packed_info");
    const TensorView<int64_t, 1> ray_indices(ray_indices_, "ray_indices");
    const TensorView<float, 1> t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends");
    packed_info.expect(0, rays.count, "packed_info"), packed_info.expect(1, 2, "packed_info");
    t_starts.expect(0, ray_indices.size(), "t_starts"), t_ends.expect(0, ray_indices.size(), "t_ends");
    cuda::launch(write_samples, cuda::one_each(rays.count, 128), grid_of(occupancy, any, box), rays, packed_info.data(), ray_indices.data(),
                 t_starts.data(), t_ends.data());
}

}  // namespace

void bind_occupancy_grid(py::module_& module) {
    module.def("conservative_occupancy", &conservative_occupancy);
    module.def("march_bricks", &march_bricks);
    module.def("march_count", &march_count);
    module.def("march_fill", &march_fill);
}

}  // namespace neurfield
