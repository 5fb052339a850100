#include <cmath>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"

namespace neurfield {

void bind_ray_march(pybind11::module_& module);

namespace {

// occupied = not (|sdf| > limit), so that a value that is no number counts as occupied.
void conservative_occupancy(const py::object& sdf_, float limit, const py::object& occupied_) {
    TensorView<float, 3> sdf(sdf_, "sdf");
    TensorView<uint8_t, 3> occupied(occupied_, "occupied");
    for (int axis = 0; axis < 3; ++axis) occupied.expect(axis, sdf.shape(axis), "occupied");
    py::gil_scoped_release release;
    parallel_chunks(sdf.size(), 1 << 17, [&](int64_t begin, int64_t end) {
        const float* value = sdf.data();
        uint8_t* out = occupied.data();
        for (int64_t i = begin; i < end; ++i) out[i] = !(std::fabs(value[i]) > limit);
    });
}

}  // namespace

void bind_occupancy_grid(pybind11::module_& module) {
    module.def("conservative_occupancy", &conservative_occupancy);
    bind_ray_march(module);
}

}  // namespace neurfield
