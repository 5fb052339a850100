// The edges of a lattice that have a cell on all four sides: cells counter-clockwise as seen from the edge's upper end, the edge being the
// lowest of the third. Of each axis in turn, in the order of the third cells.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "surface/cell_rows.h"

namespace neurfield {

class LatticeEdges {
public:
    explicit LatticeEdges(const CellRows& cells) : cells_(cells), first_(3 * cells.slabs().size() + 1, 0) {}

    void count(int64_t slab) {
        std::array<int64_t, 3> edges{};
        for_each_edge(slab, [&](int axis, const std::array<int64_t, 4>&) { ++edges[axis]; });
        for (int axis = 0; axis < 3; ++axis) first_[axis * slabs() + slab + 1] = edges[axis];
    }

    int64_t total() {
        for (size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
        return first_.back();
    }

    // Fills quads [total, 4] and axes [total] where they are of a slab's cells.
    void write(int64_t slab, int64_t* quads, int64_t* axes) const {
        std::array<int64_t, 3> next{};
        for (int axis = 0; axis < 3; ++axis) next[axis] = first_[axis * slabs() + slab];
        for_each_edge(slab, [&](int axis, const std::array<int64_t, 4>& around) {
            const int64_t edge = next[axis]++;
            std::copy(around.begin(), around.end(), quads + 4 * edge);
            axes[edge] = axis;
        });
    }

    int64_t slabs() const { return static_cast<int64_t>(cells_.slabs().size()); }

private:
    // What a row beside has at z - 1 and at z; asked for rising z.
    struct Beside {
        const CellRows& cells;
        int64_t at, end;
        int64_t below = -1, level = -1;
        Beside(const CellRows& cells, const CellRow& row) : cells(cells), at(row.begin), end(row.end) {}
        void go_to(int64_t z) {
            while (at < end && cells.z(at) < z - 1) ++at;
            const bool has_below = at < end && cells.z(at) == z - 1;
            const int64_t next = at + has_below;
            below = has_below ? at : -1;
            level = next < end && cells.z(next) == z ? next : -1;
        }
    };

    template <class Body>
    void for_each_edge(int64_t slab, Body&& body) const {
        const CellSlab& own = cells_.slabs()[slab];
        const CellSlab none{};
        const bool follows = slab > 0 && cells_.slabs()[slab - 1].x + 1 == own.x;
        const CellSlab& before = follows ? cells_.slabs()[slab - 1] : none;
        for (int64_t r = own.begin; r < own.end; ++r) {
            const CellRow row = cells_.row(r);
            const bool beside = r > own.begin && cells_.row(r - 1).y + 1 == row.y;
            Beside y(cells_, beside ? cells_.row(r - 1) : CellRow{}), x(cells_, cells_.at(before, row.y)),
                xy(cells_, cells_.at(before, row.y - 1));
            for (int64_t cell = row.begin; cell < row.end; ++cell) {
                const int64_t z = cells_.z(cell), below = cell > row.begin && cells_.z(cell - 1) + 1 == z ? cell - 1 : -1;
                y.go_to(z), x.go_to(z), xy.go_to(z);
                if (below >= 0 && y.below >= 0 && y.level >= 0) body(0, {y.below, below, cell, y.level});
                if (below >= 0 && x.below >= 0 && x.level >= 0) body(1, {x.below, x.level, cell, below});
                if (xy.level >= 0 && y.level >= 0 && x.level >= 0) body(2, {xy.level, y.level, cell, x.level});
            }
        }
    }

    const CellRows& cells_;
    std::vector<int64_t> first_;  // edge of each axis and slab
};

}  // namespace neurfield
