// Fewer triangles for the same surface.
#include "surface/edge_collapse.h"

#include "common/arguments.h"
#include "common/families.h"

namespace neurfield {

namespace {

// Makes faces [f, 3] of vertices [v, 3] fewer in place: how many are left, first, and the highest cost that was paid.
py::tuple collapse_edges(const py::object& vertices_, const py::object& faces_, const py::object& attributes_, const py::object& locked_,
                         int64_t target, double most, double border, double length, double steepest) {
    const auto vertices = view_of<double>(vertices_, "vertices", kAny, 3);
    const auto faces = view_of<int32_t>(faces_, "faces", kAny, 3);
    const auto attributes = view_of<double>(attributes_, "attributes", vertices.shape(0), kAny);
    if (attributes.shape(1) > kMostAttributes) throw py::value_error("neurfield native: 'attributes' must be at most 3 a vertex");
    if (faces.size() > std::numeric_limits<int32_t>::max() || vertices.shape(0) > std::numeric_limits<int32_t>::max() / 3)
        throw py::value_error("neurfield native: too many faces");
    for (int64_t i = 0; i < faces.size(); ++i)
        if (faces[i] < 0 || faces[i] >= vertices.shape(0)) throw py::value_error("neurfield native: 'faces' must be rows of vertices");
    const CollapseInput input{vertices.data(),
                              vertices.shape(0),
                              attributes.data(),
                              static_cast<int>(attributes.shape(1)),
                              tensor_of<uint8_t>(locked_, "locked", vertices.shape(0)),
                              border,
                              length,
                              steepest};
    int64_t left = 0;
    double paid = 0.0;
    {
        py::gil_scoped_release release;
        EdgeCollapse collapse(input, faces.data(), faces.shape(0));
        left = collapse.run(target, most);
        paid = collapse.costliest();
    }
    return py::make_tuple(left, paid);
}

}  // namespace

void bind_edge_collapse(py::module_& module) { module.def("surface_collapse_edges", &collapse_edges); }

}  // namespace neurfield
