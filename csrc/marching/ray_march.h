// Samples of equal length along one ray, kept where the grid is occupied at their midpoint.
//
// Sample k covers [t(k), t(k + 1)] with t(k) = t_min + (jitter + k) step. Empty cells are left by one division instead of step by
// step, and always onto the same lattice: what is kept does not depend on what was skipped.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "common/point_maths.h"

namespace neurfield {

// In double: the lattice must go on where a float no longer tells k from k + 1.
struct SampleLattice {
    double t_min, jitter, step;

    NEURFIELD_POINT_MATHS double start(int64_t k) const { return t_min + (jitter + static_cast<double>(k)) * step; }
    NEURFIELD_POINT_MATHS double midpoint(int64_t k) const { return t_min + (jitter + static_cast<double>(k) + 0.5) * step; }

    // The first k >= 0 whose midpoint is not before t, if there are so many; 0 where that is no number.
    NEURFIELD_POINT_MATHS int64_t first_not_before(double t) const {
        constexpr double most = 4611686018427387904.0;  // 2^62
        const double k = ceil((t - t_min) / step - jitter - 0.5);
        return k > 0.0 ? static_cast<int64_t>(k < most ? k : most) : 0;
    }
};

// A ray in the cells of a grid, which has `size`, `cells_from`, `cells_per_length` and `occupied` as OccupancyBits has.
template <class Grid>
struct RayInCells {
    float origin[3], direction[3], inverse[3];

    NEURFIELD_POINT_MATHS RayInCells(const Grid& grid, const float* origin_, const float* direction_) {
        for (int a = 0; a < 3; ++a) {
            origin[a] = grid.cells_from(a, origin_[a]);
            direction[a] = direction_[a] * grid.cells_per_length(a);
            inverse[a] = direction[a] == 0.0f ? 0.0f : 1.0f / direction[a];
        }
    }

    // Whether it is somewhere and goes somewhere: nothing is to be found along a ray of NaN or infinities.
    NEURFIELD_POINT_MATHS bool is_finite() const {
        bool finite = true;
        for (int a = 0; a < 3; ++a) finite = finite && std::isfinite(origin[a]) && std::isfinite(direction[a]);
        return finite;
    }

    // Narrows [near, far] to the grid; an axis that the ray runs along decides only whether there is anything left.
    NEURFIELD_POINT_MATHS void clip(const Grid& grid, float& near, float& far) const {
        for (int a = 0; a < 3; ++a) {
            const float size = static_cast<float>(grid.size(a));
            if (direction[a] == 0.0f) {
                if (!(origin[a] >= 0.0f && origin[a] <= size)) far = -std::numeric_limits<float>::infinity();
                continue;
            }
            const float at_low = -origin[a] * inverse[a], at_high = (size - origin[a]) * inverse[a];
            near = std::max(near, std::min(at_low, at_high));
            far = std::min(far, std::max(at_low, at_high));
        }
    }

    NEURFIELD_POINT_MATHS std::array<int32_t, 3> cell_at(const Grid& grid, float t) const {
        std::array<int32_t, 3> cell;
        for (int a = 0; a < 3; ++a) {
            const int32_t last = static_cast<int32_t>(grid.size(a)) - 1;
            const float at = origin[a] + direction[a] * t;
            cell[a] = at > 0.0f ? (at < static_cast<float>(last) ? static_cast<int32_t>(at) : last) : 0;
        }
        return cell;
    }

    // Where the ray leaves the aligned cube of `edge` cells around `cell`.
    NEURFIELD_POINT_MATHS float exit(const std::array<int32_t, 3>& cell, int edge) const {
        float t = std::numeric_limits<float>::infinity();
        for (int a = 0; a < 3; ++a) {
            if (direction[a] == 0.0f) continue;
            const int32_t low = cell[a] & -edge;  // edge is a power of two
            const float wall = static_cast<float>(direction[a] > 0.0f ? low + edge : low);
            t = std::min(t, (wall - origin[a]) * inverse[a]);
        }
        return t;
    }
};

// Calls emit(first k, count) for each run of kept samples, in order; at most `max_samples` of them in all.
template <class Grid, class Emit>
NEURFIELD_POINT_MATHS void march_ray(const Grid& grid, const RayInCells<Grid>& ray, const SampleLattice& lattice, float t_max,
                                     int64_t max_samples, Emit&& emit) {
    float near = static_cast<float>(lattice.t_min), far = t_max;
    ray.clip(grid, near, far);
    if (!(near < far) || !std::isfinite(near) || !std::isfinite(far) || !ray.is_finite()) return;
    const int64_t end = lattice.first_not_before(far);
    const double per_step = 1.0 / lattice.step;
    int64_t k = lattice.first_not_before(near), run = 0;
    while (k < end && max_samples > 0) {
        const float t = static_cast<float>(lattice.midpoint(k));
        const auto cell = ray.cell_at(grid, t);
        int edge;
        const bool occupied = grid.occupied(cell, edge);
        // How many samples fare alike, before the ray leaves the cell or the empty brick. A hundredth of a step short, so that
        // rounding can only cause one more look at the same place, never a leap over the first sample behind it.
        const double steps = std::min((ray.exit(cell, edge) - t) * per_step - 0.01, static_cast<double>(end - k));
        int64_t alike = std::max<int64_t>(1, static_cast<int64_t>(ceil(steps)));
        if (occupied) {
            alike = std::min(alike, max_samples);
            run += alike, max_samples -= alike;
        } else if (run > 0) {
            emit(k - run, run), run = 0;
        }
        k += alike;
    }
    if (run > 0) emit(k - run, run);
}

}  // namespace neurfield
