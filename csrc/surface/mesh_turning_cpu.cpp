// The edges of triangles: where a mesh ends, and its faces turned alike.
#include "common/arguments.h"
#include "common/families.h"
#include "surface/mesh_turning.h"

namespace neurfield {

namespace {

const int64_t* faces_of(const TensorView<int64_t, 2>& faces, int64_t vertices) {
    for (int64_t i = 0; i < faces.size(); ++i)
        if (faces[i] < 0 || faces[i] >= vertices) throw py::value_error("neurfield native: 'faces' must be rows of vertices");
    return faces.data();
}

// Fills border [v] with whether a vertex lies on an edge of one face of faces [f, 3].
void border_vertices(const py::object& faces_, const py::object& border_) {
    const auto view = view_of<int64_t>(faces_, "faces", kAny, 3);
    const auto border = view_of<uint8_t>(border_, "border", kAny);
    const int64_t* faces = faces_of(view, border.shape(0));
    py::gil_scoped_release release;
    edges_of(faces, view.shape(0), border.shape(0)).for_each([&](const PairGroups::Entry* from, const PairGroups::Entry* to) {
        if (to - from != 1) return;
        const int64_t side = from->pair;
        border[faces[side]] = border[faces[side % 3 == 2 ? side - 2 : side + 1]] = 1;
    });
}

// Fills over [f] with which of faces [f, 3] of vertices [v, 3] are to be turned over; how many pieces have no two sides.
int64_t turn_faces(const py::object& vertices_, const py::object& faces_, const py::object& over_) {
    const auto vertices = view_of<double>(vertices_, "vertices", kAny, 3);
    const auto view = view_of<int64_t>(faces_, "faces", kAny, 3);
    uint8_t* over = tensor_of<uint8_t>(over_, "over", view.shape(0));
    const int64_t* faces = faces_of(view, vertices.shape(0));
    py::gil_scoped_release release;
    const MeshPieces pieces = mesh_pieces(faces, view.shape(0), vertices.shape(0));
    const std::vector<double> outward = outwardness(vertices.data(), faces, pieces);
    for (int64_t f = 0; f < view.shape(0); ++f) {
        const int64_t piece = pieces.piece[f];
        over[f] = pieces.over[f] ^ (outward[piece] < 0.0 && !pieces.one_sided[piece]);
    }
    return std::count(pieces.one_sided.begin(), pieces.one_sided.end(), uint8_t{1});
}

}  // namespace

void bind_mesh_turning(py::module_& module) {
    module.def("surface_border_vertices", &border_vertices);
    module.def("surface_turn_faces", &turn_faces);
}

}  // namespace neurfield
