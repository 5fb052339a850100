// Distances and winding numbers of batches of points to a mesh.
#include <memory>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "shape/triangle_query.h"

namespace neurfield {
namespace shape {
namespace {

constexpr int64_t kChunk = 512;  // points of a task

std::unique_ptr<TriangleTree> make_tree(const py::object& corners_) {
    const auto corners = view_of(corners_, "corners", kAny, 3, 3);
    if (corners.shape(0) < 1 || corners.shape(0) > INT32_MAX / 2) throw py::value_error("triangle tree: needs 1 to 2^30 triangles");
    py::gil_scoped_release release;
    return std::make_unique<TriangleTree>(corners.data(), corners.shape(0));
}

// Fills distance [N], place [N, 3] and face [N] of points [N, 3]; NaN and 0 where a point is not finite.
void find_nearest(const TriangleTree& tree, const py::object& points_, const py::object& distance_, const py::object& place_,
                  const py::object& face_) {
    const auto points = view_of(points_, "points", kAny, 3);
    const int64_t count = points.shape(0);
    float *distance = tensor_of(distance_, "distance", count), *place = tensor_of(place_, "place", count, 3);
    int64_t* face = tensor_of<int64_t>(face_, "face", count);
    py::gil_scoped_release release;
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float* p = points.row(i);
            const NearestPoint found = nearest(tree, {p[0], p[1], p[2]});
            const bool finite = std::isfinite(found.squared);
            const float none = std::numeric_limits<float>::quiet_NaN();
            distance[i] = finite ? static_cast<float>(std::sqrt(found.squared)) : none;
            for (int k = 0; k < 3; ++k) place[3 * i + k] = finite ? static_cast<float>(found.place[k]) : none;
            face[i] = found.face;
        }
    });
}

// Fills winding [N] of points [N, 3].
void find_winding(const TriangleTree& tree, const py::object& points_, double beta, const py::object& winding_) {
    const auto points = view_of(points_, "points", kAny, 3);
    float* winding = tensor_of(winding_, "winding", points.shape(0));
    py::gil_scoped_release release;
    parallel_chunks(points.shape(0), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float* p = points.row(i);
            winding[i] = static_cast<float>(winding_number(tree, {p[0], p[1], p[2]}, beta));
        }
    });
}

}  // namespace
}  // namespace shape

void bind_triangle_tree(py::module_& module) {
    py::class_<shape::TriangleTree>(module, "TriangleTree", py::module_local())
        .def(py::init(&shape::make_tree))
        .def("nearest", &shape::find_nearest)
        .def("winding", &shape::find_winding);
}

}  // namespace neurfield
