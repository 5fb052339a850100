// One vertex a cell, for all cells of a lattice: the loop, and its binding.
#include <vector>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "surface/cell_vertex.h"

namespace neurfield {

namespace {

constexpr int64_t kCellsPerChunk = 1024;

void cell_vertices(const py::object& cells_, const py::object& samples_, const py::object& feet_, const py::object& normals_, double ratio,
                   bool clamped, double corner, double edge, double plane, const py::object& vertices_, const py::object& ranks_,
                   const py::object& directions_) {
    const auto samples = view_of<int64_t>(samples_, "samples", kAny, kAny);
    const int64_t count = samples.shape(0), width = samples.shape(1);
    const auto feet_view = view_of<double>(feet_, "feet", kAny, 3);
    const int64_t* cells = tensor_of<int64_t>(cells_, "cells", count, 3);
    const double* feet = feet_view.data();
    const double* normals = tensor_of<double>(normals_, "normals", feet_view.shape(0), 3);
    double* vertices = tensor_of<double>(vertices_, "vertices", count, 3);
    uint8_t* ranks = tensor_of<uint8_t>(ranks_, "ranks", count);
    double* directions = tensor_of<double>(directions_, "directions", count, 3);
    const VertexRules rules{ratio, corner, edge, plane};
    py::gil_scoped_release release;
    parallel_chunks(count, kCellsPerChunk, [&](int64_t begin, int64_t end) {
        std::vector<TangentPlane> planes(width);
        for (int64_t i = begin; i < end; ++i) {
            int used = 0;
            for (int64_t j = 0; j < width; ++j) {
                const int64_t row = samples[i * width + j];
                if (row < 0) continue;
                TangentPlane& to = planes[used++];
                for (int k = 0; k < 3; ++k) to.foot[k] = feet[3 * row + k] - cells[3 * i + k], to.normal[k] = normals[3 * row + k];
            }
            const CellPlanes of_cell(planes.data(), used, rules);
            const CellVertex vertex = clamped ? of_cell.clamped() : of_cell.placed();
            ranks[i] = static_cast<uint8_t>(vertex.rank);
            for (int k = 0; k < 3; ++k) {
                vertices[3 * i + k] = vertex.rank > 0 ? vertex.place[k] + cells[3 * i + k] : 0.0;
                directions[3 * i + k] = vertex.direction[k];
            }
        }
    });
}

}  // namespace

void bind_cell_vertices(py::module_& module) { module.def("surface_cell_vertices", &cell_vertices); }

}  // namespace neurfield
