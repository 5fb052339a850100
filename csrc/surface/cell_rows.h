// Cells of a lattice that rise by x, then y, then z, as rows along z. Rows tell where neighbours are without hashing, at any number of
// cells along an axis. The specification of what is made of them is ops/reference/dual_lattice.py.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace neurfield {

struct CellRow {
    int64_t y, begin, end;  // cells
};

struct CellSlab {
    int64_t x, begin, end;  // rows
};

class CellRows {
public:
    // Throws std::invalid_argument unless the cells [count, 3] rise and are not negative.
    CellRows(const int64_t* cells, int64_t count) : z_(count) {
        std::array<int64_t, 3> before = {-1, -1, -1};
        for (int64_t i = 0; i < count; ++i) {
            const std::array<int64_t, 3> cell = {cells[3 * i], cells[3 * i + 1], cells[3 * i + 2]};
            if (!(before < cell) || std::min(cell[1], cell[2]) < 0) throw std::invalid_argument("neurfield native: cells must rise from 0");
            z_[i] = cell[2];
            const bool next_slab = slabs_.empty() || cell[0] != before[0];
            if (next_slab || cell[1] != before[1]) rows_.push_back({cell[1], i, i});
            if (next_slab) slabs_.push_back({cell[0], static_cast<int64_t>(rows_.size()) - 1, 0});
            rows_.back().end = i + 1;
            slabs_.back().end = static_cast<int64_t>(rows_.size());
            before = cell;
        }
    }

    int64_t count() const { return static_cast<int64_t>(z_.size()); }
    int64_t z(int64_t cell) const { return z_[cell]; }
    const std::vector<CellSlab>& slabs() const { return slabs_; }
    const CellRow& row(int64_t i) const { return rows_[i]; }

    // The row of a slab at y; an empty one where there is none.
    CellRow at(const CellSlab& slab, int64_t y) const {
        const auto end = rows_.begin() + slab.end;
        const auto found = std::lower_bound(rows_.begin() + slab.begin, end, y, [](const CellRow& row, int64_t y) { return row.y < y; });
        return found != end && found->y == y ? *found : CellRow{y, 0, 0};
    }

private:
    std::vector<int64_t> z_;
    std::vector<CellRow> rows_;
    std::vector<CellSlab> slabs_;
};

}  // namespace neurfield
