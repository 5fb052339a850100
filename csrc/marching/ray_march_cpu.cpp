// March many rays: find what each keeps (threads share the rays), then write it out ray after ray.
#include "marching/ray_march.h"

#include "marching/occupancy_grid.h"

#include "common/parallel.h"
#include "common/tensor_view.h"

namespace neurfield {
namespace {

constexpr int64_t kRaysPerChunk = 32;

struct Run {
    int64_t ray, k, count;
};

// What a march found, kept between Python's two calls: how many samples there are, and then the samples themselves.
class RayMarch {
public:
    RayMarch(const py::object& origins_, const py::object& directions_, const py::object& t_min_, const py::object& t_max_,
             const py::object& occupancy_, const py::object& box_, double step, const py::object& jitter_, int64_t max_samples) {
        TensorView<float, 2> origins(origins_, "origins"), directions(directions_, "directions");
        TensorView<float, 1> t_min(t_min_, "t_min"), t_max(t_max_, "t_max"), jitter(jitter_, "jitter"), box(box_, "box");
        TensorView<uint8_t, 3> occupancy(occupancy_, "occupancy");
        const int64_t n_rays = origins.shape(0);
        origins.expect(1, 3, "origins"), directions.expect(0, n_rays, "directions"), directions.expect(1, 3, "directions");
        t_min.expect(0, n_rays, "t_min"), t_max.expect(0, n_rays, "t_max"), jitter.expect(0, n_rays, "jitter");
        box.expect(0, 6, "box");

        OccupancyBits grid({occupancy.shape(0), occupancy.shape(1), occupancy.shape(2)}, box.data());
        lattices_.resize(n_rays), starts_.assign(n_rays + 1, 0);
        runs_.resize((n_rays + kRaysPerChunk - 1) / kRaysPerChunk);
        py::gil_scoped_release release;
        parallel_chunks(grid.slabs(), 1, [&](int64_t begin, int64_t end) {
            for (int64_t slab = begin; slab < end; ++slab) grid.pack(slab, occupancy.data());
        });
        parallel_chunks(n_rays, kRaysPerChunk, [&](int64_t begin, int64_t end) {
            std::vector<Run>& runs = runs_[begin / kRaysPerChunk];
            for (int64_t ray = begin; ray < end; ++ray) {
                lattices_[ray] = {t_min[ray], jitter[ray], step};
                march_ray(grid, RayInCells<OccupancyBits>(grid, origins.row(ray), directions.row(ray)), lattices_[ray], t_max[ray],
                          max_samples, [&](int64_t k, int64_t count) {
                              runs.push_back({ray, k, count});
                              starts_[ray + 1] += count;
                          });
            }
        });
        for (int64_t ray = 0; ray < n_rays; ++ray) starts_[ray + 1] += starts_[ray];
    }

    int64_t n_samples() const { return starts_.back(); }

    void fill(const py::object& ray_indices_, const py::object& t_starts_, const py::object& t_ends_,
              const py::object& packed_info_) const {
        TensorView<int64_t, 1> ray_indices(ray_indices_, "ray_indices");
        TensorView<float, 1> t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends");
        TensorView<int64_t, 2> packed_info(packed_info_, "packed_info");
        const int64_t n_rays = static_cast<int64_t>(lattices_.size());
        ray_indices.expect(0, n_samples(), "ray_indices"), t_starts.expect(0, n_samples(), "t_starts");
        t_ends.expect(0, n_samples(), "t_ends");
        packed_info.expect(0, n_rays, "packed_info"), packed_info.expect(1, 2, "packed_info");
        py::gil_scoped_release release;
        for (int64_t ray = 0; ray < n_rays; ++ray) {
            packed_info[2 * ray] = starts_[ray];
            packed_info[2 * ray + 1] = starts_[ray + 1] - starts_[ray];
        }
        parallel_chunks(static_cast<int64_t>(runs_.size()), 1, [&](int64_t begin, int64_t end) {
            for (int64_t chunk = begin; chunk < end; ++chunk) {
                int64_t out = starts_[chunk * kRaysPerChunk];
                for (const Run& run : runs_[chunk])
                    for (int64_t k = run.k; k < run.k + run.count; ++k, ++out) {
                        ray_indices[out] = run.ray;
                        t_starts[out] = static_cast<float>(lattices_[run.ray].start(k));
                        t_ends[out] = static_cast<float>(lattices_[run.ray].start(k + 1));
                    }
            }
        });
    }

private:
    std::vector<SampleLattice> lattices_;
    std::vector<int64_t> starts_;  // of each ray's samples, and their total
    std::vector<std::vector<Run>> runs_;  // by chunk of rays
};

}  // namespace

void bind_ray_march(pybind11::module_& module) {
    py::class_<RayMarch>(module, "RayMarch")
        .def(py::init<const py::object&, const py::object&, const py::object&, const py::object&, const py::object&, const py::object&,
                      double, const py::object&, int64_t>())
        .def_property_readonly("n_samples", &RayMarch::n_samples)
        .def("fill", &RayMarch::fill);
}

}  // namespace neurfield
