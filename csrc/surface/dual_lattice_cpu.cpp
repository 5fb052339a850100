// Cells near a surface, halved from coarse to fine; the points and the edges that the finest share.
#include <optional>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "surface/lattice_edges.h"
#include "surface/shared_points.h"

namespace neurfield {

namespace {

// Fills children [8 c, 3] of rising cells [c, 3], rising, those with coordinates below `counts` [3]; how many.
int64_t halve_cells(const py::object& cells_, const py::object& counts_, const py::object& children_) {
    const auto cells = view_of<int64_t>(cells_, "cells", kAny, 3);
    const int64_t* counts = tensor_of<int64_t>(counts_, "counts", 3);
    int64_t* const children = tensor_of<int64_t>(children_, "children", 8 * cells.shape(0), 3);
    py::gil_scoped_release release;
    const CellRows rows(cells.data(), cells.shape(0));
    int64_t* out = children;
    for (const CellSlab& slab : rows.slabs())
        for (int64_t x = 2 * slab.x; x < std::min(2 * slab.x + 2, counts[0]); ++x)
            for (int64_t r = slab.begin; r < slab.end; ++r) {
                const CellRow& row = rows.row(r);
                for (int64_t y = 2 * row.y; y < std::min(2 * row.y + 2, counts[1]); ++y)
                    for (int64_t cell = row.begin; cell < row.end; ++cell)
                        for (int64_t z = 2 * rows.z(cell); z < std::min(2 * rows.z(cell) + 2, counts[2]); ++z, out += 3)
                            out[0] = x, out[1] = y, out[2] = z;
            }
    return (out - children) / 3;
}

// What a lattice's cells share: first how many, then, once Python has the memory, what.
class DualLattice {
public:
    explicit DualLattice(const py::object& cells_) : DualLattice(view_of<int64_t>(cells_, "cells", kAny, 3)) {}

    int64_t count_points(int64_t stride) {
        if (stride < 1 || stride > 16) throw py::value_error("neurfield native: 'stride' must be 1 to 16");
        py::gil_scoped_release release;
        stride_ = stride;
        points_.emplace(cells_, stride);
        for_each(points_->planes(), [&](int64_t plane) { points_->count(plane); });
        return total_points_ = points_->total();
    }

    void write_points(const py::object& points_out, const py::object& index_out) const {
        const int64_t side = stride_ + 1;
        int64_t* points = tensor_of<int64_t>(points_out, "points", total_points_, 3);
        int64_t* index = tensor_of<int64_t>(index_out, "index", cells_.count(), side * side * side);
        py::gil_scoped_release release;
        for_each(points_->planes(), [&](int64_t plane) { points_->write(plane, points, index); });
    }

    int64_t count_edges() {
        py::gil_scoped_release release;
        edges_.emplace(cells_);
        for_each(edges_->slabs(), [&](int64_t slab) { edges_->count(slab); });
        return total_edges_ = edges_->total();
    }

    void write_edges(const py::object& quads_out, const py::object& axes_out) const {
        int64_t* quads = tensor_of<int64_t>(quads_out, "quads", total_edges_, 4);
        int64_t* axes = tensor_of<int64_t>(axes_out, "axes", total_edges_);
        py::gil_scoped_release release;
        for_each(edges_->slabs(), [&](int64_t slab) { edges_->write(slab, quads, axes); });
    }

private:
    explicit DualLattice(const TensorView<int64_t, 2>& cells) : cells_(cells.data(), cells.shape(0)) {}

    template <class Body>
    static void for_each(int64_t count, Body&& body) {
        parallel_chunks(count, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) body(i);
        });
    }

    CellRows cells_;
    std::optional<SharedPoints> points_;
    std::optional<LatticeEdges> edges_;
    int64_t stride_ = 1, total_points_ = 0, total_edges_ = 0;
};

}  // namespace

void bind_dual_lattice(py::module_& module) {
    module.def("surface_halve_cells", &halve_cells);
    py::class_<DualLattice>(module, "DualLattice", py::module_local())
        .def(py::init<const py::object&>())
        .def("count_points", &DualLattice::count_points)
        .def("write_points", &DualLattice::write_points)
        .def("count_edges", &DualLattice::count_edges)
        .def("write_edges", &DualLattice::write_edges);
}

}  // namespace neurfield
