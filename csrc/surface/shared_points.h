// The lattice points that cells share, `stride` to a cell's edge, numbered as they rise by x, y, z: plane by plane, row by row, each row
// merged from the rows of cells, at most four, that it belongs to.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "surface/cell_rows.h"

namespace neurfield {

class SharedPoints {
public:
    SharedPoints(const CellRows& cells, int64_t stride) : cells_(cells), stride_(stride) {
        const auto& slabs = cells.slabs();
        for (size_t k = 0; k < slabs.size(); ++k) {
            const bool follows = k > 0 && slabs[k - 1].x + 1 == slabs[k].x,
                       followed = k + 1 < slabs.size() && slabs[k].x + 1 == slabs[k + 1].x;
            for (int64_t i = follows ? 1 : 0; i <= stride; ++i) {
                Plane plane{stride * slabs[k].x + i, 1, {Part{&slabs[k], i}, Part{}}};
                if (i == stride && followed) plane.part[plane.parts++] = {&slabs[k + 1], 0};
                planes_.push_back(plane);
            }
        }
        first_.assign(planes_.size() + 1, 0);
    }

    int64_t planes() const { return static_cast<int64_t>(planes_.size()); }

    // How many points a plane has, kept for `total`.
    void count(int64_t plane) {
        int64_t points = 0;
        for_each_row(planes_[plane], [&](int64_t, const Rows& rows) {
            int64_t before = -2;
            for_each_cell(rows, [&](int64_t z, const std::array<bool, 4>&, const std::array<int64_t, 4>&) {
                points += stride_ + (z == before + 1 ? 0 : 1);
                before = z;
            });
        });
        first_[plane + 1] = points;
    }

    // How many points there are, once each plane is counted.
    int64_t total() {
        for (size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
        return first_.back();
    }

    // Fills points [total, 3], and index [cells, (stride + 1)^3] where the plane has a part of it.
    void write(int64_t plane, int64_t* points, int64_t* index) const {
        const int64_t side = stride_ + 1;
        int64_t next = first_[plane];
        for_each_row(planes_[plane], [&](int64_t y, const Rows& rows) {
            int64_t before = -2;
            for_each_cell(rows, [&](int64_t z, const std::array<bool, 4>& here, const std::array<int64_t, 4>& cell) {
                const int64_t shared = z == before + 1 ? 1 : 0, base = next - shared;
                for (int64_t k = shared; k <= stride_; ++k) {
                    int64_t* point = points + 3 * (base + k);
                    point[0] = planes_[plane].x, point[1] = y, point[2] = stride_ * z + k;
                }
                for (int r = 0; r < rows.count; ++r) {
                    if (!here[r]) continue;
                    int64_t* own = index + ((cell[r] * side + rows.row[r].i) * side + rows.row[r].j) * side;
                    for (int64_t k = 0; k <= stride_; ++k) own[k] = base + k;
                }
                next = base + side;
                before = z;
            });
        });
    }

private:
    struct Part {
        const CellSlab* slab = nullptr;
        int64_t i = 0;  // of the plane within the slab's cells
    };
    struct Plane {
        int64_t x;
        int parts;
        std::array<Part, 2> part;
    };
    struct Rows {
        struct Row {
            int64_t begin, end, i, j;
        };
        int count = 0;
        std::array<Row, 4> row;
        void add(const CellRow& cells, int64_t i, int64_t j) { row[count++] = {cells.begin, cells.end, i, j}; }
    };

    // body(y, rows) for the rows of points in a plane, rising.
    template <class Body>
    void for_each_row(const Plane& plane, Body&& body) const {
        std::array<int64_t, 2> at{};
        for (int p = 0; p < plane.parts; ++p) at[p] = plane.part[p].slab->begin;
        const auto lowest = [&] {
            int64_t y = INT64_MAX;
            for (int p = 0; p < plane.parts; ++p)
                if (at[p] < plane.part[p].slab->end) y = std::min(y, cells_.row(at[p]).y);
            return y;
        };
        const auto add = [&](Rows& rows, int64_t y, int64_t j) {
            for (int p = 0; p < plane.parts; ++p)
                if (at[p] < plane.part[p].slab->end && cells_.row(at[p]).y == y) rows.add(cells_.row(at[p]), plane.part[p].i, j);
        };
        bool shared = false;  // whether the row before this y's first is that
        for (int64_t y = lowest(); y != INT64_MAX;) {
            Rows last;
            for (int64_t j = shared ? 1 : 0; j <= stride_; ++j) {
                Rows rows;
                add(rows, y, j);
                if (j == stride_) {
                    last = rows;
                } else {
                    body(stride_ * y + j, rows);
                }
            }
            for (int p = 0; p < plane.parts; ++p)
                if (at[p] < plane.part[p].slab->end && cells_.row(at[p]).y == y) ++at[p];
            const int64_t after = lowest();
            shared = after == y + 1;
            if (shared) add(last, after, 0);
            body(stride_ * (y + 1), last);
            y = after;
        }
    }

    // body(z, which rows have a cell there, which cell) for each z of some rows, rising.
    template <class Body>
    void for_each_cell(const Rows& rows, Body&& body) const {
        std::array<int64_t, 4> at{};
        for (int r = 0; r < rows.count; ++r) at[r] = rows.row[r].begin;
        while (true) {
            int64_t z = INT64_MAX;
            for (int r = 0; r < rows.count; ++r)
                if (at[r] < rows.row[r].end) z = std::min(z, cells_.z(at[r]));
            if (z == INT64_MAX) return;
            std::array<bool, 4> here{};
            for (int r = 0; r < rows.count; ++r) here[r] = at[r] < rows.row[r].end && cells_.z(at[r]) == z;
            body(z, here, at);
            for (int r = 0; r < rows.count; ++r) at[r] += here[r];
        }
    }

    const CellRows& cells_;
    int64_t stride_;
    std::vector<Plane> planes_;
    std::vector<int64_t> first_;  // point of each plane
};

}  // namespace neurfield
