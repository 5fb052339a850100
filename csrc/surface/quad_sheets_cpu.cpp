// Quads around crossed edges of a lattice: the faces they pass through, answers that contradict each other, a vertex for each sheet.
#include <utility>

#include "common/arguments.h"
#include "common/families.h"
#include "surface/pair_groups.h"
#include "surface/quad_sheets.h"

namespace neurfield {

namespace {

// Fills face [e, 4] for the sides of quads [e, 4] of cells, and for each face, of `uses` and `first` [4 e], how many sides it has and the
// last of them; how many faces there are.
int64_t quad_sides(const py::object& quads_, int64_t cells, const py::object& face_, const py::object& uses_, const py::object& first_) {
    const auto quads = view_of<int64_t>(quads_, "quads", kAny, 4);
    const int64_t sides = quads.size();
    int64_t* face = tensor_of<int64_t>(face_, "face", quads.shape(0), 4);
    int64_t *uses = tensor_of<int64_t>(uses_, "uses", sides), *first = tensor_of<int64_t>(first_, "first", sides);
    const int64_t* cell = quads.data();
    for (int64_t i = 0; i < sides; ++i)
        if (cell[i] < 0 || cell[i] >= cells)
            throw py::value_error("neurfield native: 'quads' must be of cells below " + std::to_string(cells));
    py::gil_scoped_release release;
    const PairGroups groups(sides, cells, [&](int64_t i) { return std::pair(cell[i], cell[QuadSides::after(i)]); });
    int64_t faces = 0;
    groups.for_each([&](const PairGroups::Entry* from, const PairGroups::Entry* to) {
        uses[faces] = to - from, first[faces] = to[-1].pair;
        for (; from < to; ++from) face[from->pair] = faces;
        ++faces;
    });
    return faces;
}

// Fills crossed [e], of how often edges are crossed [e], their faces [e, 4] and reach [e], in `rounds` at most.
void repair_crossings(const py::object& crossings_, const py::object& face_, int64_t faces, const py::object& reach_, double most,
                      int rounds, const py::object& crossed_) {
    const auto crossings = view_of<int64_t>(crossings_, "crossings", kAny);
    const int64_t count = crossings.shape(0);
    const int64_t* face = tensor_of<int64_t>(face_, "face", count, 4);
    const double* reach = tensor_of<double>(reach_, "reach", count);
    uint8_t* crossed = tensor_of<uint8_t>(crossed_, "crossed", count);
    py::gil_scoped_release release;
    Contradictions contradictions(crossings.data(), face, reach, most, count, faces, crossed);
    for (int i = 0; i < rounds && contradictions.round(); ++i) {
    }
}

// Fills vertex [e, 4] of quads [e, 4], and the cell of each vertex in `cell` [4 e]; how many vertices there are.
int64_t split_sheets(const py::object& quads_, int64_t cells, const py::object& face_, const py::object& uses_, const py::object& group_,
                     const py::object& vertex_, const py::object& cell_) {
    const auto quads = view_of<int64_t>(quads_, "quads", kAny, 4);
    const auto uses = view_of<int64_t>(uses_, "uses", kAny);
    const int64_t count = quads.shape(0), corners = quads.size();
    const QuadSides sides{quads.data(), tensor_of<int64_t>(face_, "face", count, 4), uses.data(), count};
    const int64_t* group = tensor_of<int64_t>(group_, "group", count, 4);
    int64_t* vertex = tensor_of<int64_t>(vertex_, "vertex", count, 4);
    int64_t* cell = tensor_of<int64_t>(cell_, "cell", corners);
    for (int64_t i = 0; i < corners; ++i)
        if (group[i] < 0 || group[i] > 3) throw py::value_error("neurfield native: 'group' must be 0 to 3");
    py::gil_scoped_release release;
    JoinedSets joined = joined_corners(sides, group, cells, uses.shape(0));
    int64_t vertices = 0;
    for (int64_t i = 0; i < corners; ++i) {
        const int64_t root = joined.root(i);  // the least: it has its number already
        if (root == i) cell[vertices] = quads[i];
        vertex[i] = root == i ? vertices++ : vertex[root];
    }
    return vertices;
}

}  // namespace

void bind_quad_sheets(py::module_& module) {
    module.def("surface_quad_sides", &quad_sides);
    module.def("surface_repair_crossings", &repair_crossings);
    module.def("surface_split_sheets", &split_sheets);
}

}  // namespace neurfield
