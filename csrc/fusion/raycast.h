// Where a ray meets the zero level of a sparse volume of signed distances.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "common/parallel.h"
#include "fusion/depth_fusion.h"

namespace neurfield::fusion {

constexpr int kEdgeBits = 3;
static_assert(1 << kEdgeBits == kEdge);
constexpr int kPadded = kEdge + 1;  // voxels along a brick with the first ones of the bricks beyond it

struct Volume {
    const int32_t* row;     // [X][Y][Z], the number of a brick, or -n where there is none less than n bricks away
    const float* padded;    // [bricks][kPadded]^3, distances, not a number where nothing is known
    const uint8_t* behind;  // [bricks], whether a point inside can get a negative distance
    int64_t size[3];        // in bricks

    // The number of the brick that holds a voxel, below 0 for none.
    int64_t brick(const int64_t cell[3]) const {
        int64_t at[3];
        for (int a = 0; a < 3; ++a) {
            at[a] = cell[a] >> kEdgeBits;
            if (cell[a] < 0 || at[a] >= size[a]) return -1;
        }
        return row[(at[0] * size[1] + at[1]) * size[2] + at[2]];
    }

    // Trilinear at a point counted in voxels; not a number where one of the eight voxels is not known.
    float at(const float point[3]) const {
        int64_t first[3];
        float share[3];
        for (int a = 0; a < 3; ++a) {
            const float place = point[a] - 0.5f, low = std::floor(place);
            first[a] = static_cast<int64_t>(low), share[a] = place - low;
        }
        const int64_t number = brick(first);
        if (number < 0) return NAN;
        const int64_t inside = ((first[0] & (kEdge - 1)) * kPadded + (first[1] & (kEdge - 1))) * kPadded + (first[2] & (kEdge - 1));
        const float* nearest = padded + number * kPadded * kPadded * kPadded + inside;
        float sum = 0.0f;
        for (int corner = 0; corner < 8; ++corner) {
            float part = 1.0f;
            for (int a = 0; a < 3; ++a) part *= corner >> a & 1 ? share[a] : 1.0f - share[a];
            sum += part * nearest[((corner & 1) * kPadded + (corner >> 1 & 1)) * kPadded + (corner >> 2)];
        }
        return sum;
    }
};

// The z-depth at which the distance along a ray first turns from positive to negative between two known samples, one voxel apart, or 0.
// The ray starts at `origin` and moves by `along` a unit of z-depth, both counted in voxels.
inline float first_crossing(const Volume& volume, const float origin[3], const float along[3]) {
    // Where the ray is inside the grid.
    float begin = 0.0f, end = INFINITY;
    for (int a = 0; a < 3; ++a) {
        const float top = static_cast<float>(volume.size[a] * kEdge);
        if (along[a] == 0.0f) {
            if (!(origin[a] >= 0.0f && origin[a] < top)) return 0.0f;
            continue;
        }
        const float low = -origin[a] / along[a], high = (top - origin[a]) / along[a];
        begin = std::fmax(begin, std::fmin(low, high)), end = std::fmin(end, std::fmax(low, high));
    }
    const float step = 1.0f / std::sqrt(along[0] * along[0] + along[1] * along[1] + along[2] * along[2]);
    if (!(end > begin) || !(end / step < 1e6f)) return 0.0f;
    const float slowness[3] = {1.0f / along[0], 1.0f / along[1], 1.0f / along[2]};
    float before = NAN, before_z = 0.0f;
    const int64_t last = static_cast<int64_t>(end / step);
    for (int64_t k = static_cast<int64_t>(std::ceil(begin / step)); k <= last; ++k) {
        const float z = static_cast<float>(k) * step;
        float point[3];
        int64_t cell[3];
        for (int a = 0; a < 3; ++a) point[a] = origin[a] + z * along[a], cell[a] = static_cast<int64_t>(std::floor(point[a]));
        const int64_t number = volume.brick(cell);
        if (number < 0 || !volume.behind[number]) {  // nothing turns negative before the ray leaves this brick, or these empty ones
            const float beyond = number < 0 ? static_cast<float>((-number - 1) * kEdge) : 0.0f;
            float leaves = INFINITY;
            for (int a = 0; a < 3; ++a) {
                const float low = static_cast<float>(cell[a] & ~(kEdge - 1));
                const float wall = along[a] > 0.0f ? low + static_cast<float>(kEdge) + beyond : low - beyond;
                const float until = (wall - point[a]) * slowness[a];
                if (along[a] != 0.0f && until < leaves) leaves = until;
            }
            const int64_t next = std::min(last, k + std::max(static_cast<int64_t>(leaves / step - 1e-3f), static_cast<int64_t>(0)));
            for (int64_t j = next; number >= 0 && j >= k; --j) {  // the last that is known there
                float there[3];
                for (int a = 0; a < 3; ++a) there[a] = origin[a] + static_cast<float>(j) * step * along[a];
                const float known = volume.at(there);
                if (std::isnan(known)) continue;
                before = known, before_z = static_cast<float>(j) * step;
                break;
            }
            k = next;
            continue;
        }
        const float here = volume.at(point);
        if (std::isnan(here)) continue;
        if (before > 0.0f && here < 0.0f) return before_z + (z - before_z) * before / (before - here);
        before = here, before_z = z;
    }
    return 0.0f;
}

// The bricks of a volume, each with the first voxels of those beyond it, and which of them a surface may be in.
struct Bricks {
    std::vector<int32_t> near;
    std::vector<float> padded;
    std::vector<uint8_t> behind;

    Bricks(const int64_t* row, const int64_t size[3], const float* distance, int64_t count)
        : near(static_cast<size_t>(size[0] * size[1] * size[2])), padded(static_cast<size_t>(count * kPadded * kPadded * kPadded)),
          behind(static_cast<size_t>(count), 0) {
        parallel_chunks(size[0], 1, [&](int64_t begin, int64_t end) {
            for (int64_t x = begin; x < end; ++x)
                for (int64_t y = 0; y < size[1]; ++y)
                    for (int64_t z = 0; z < size[2]; ++z) fill(row, size, distance, {x, y, z});
        });
        for (size_t i = 0; i < near.size(); ++i) near[i] = row[i] < 0 ? -kFar : static_cast<int32_t>(row[i]);
        look(size, 1), look(size, -1);
    }

private:
    using Place = std::array<int64_t, 3>;
    static constexpr int32_t kFar = 1 << 20;  // bricks

    // How far empty places are from bricks, along the diagonals too: one of the two passes over the grid (Rosenfeld and Pfaltz 1968).
    void look(const int64_t size[3], int way) {
        const int64_t places = size[0] * size[1] * size[2];
        for (int64_t i = 0; i < places; ++i) {
            const int64_t here = way > 0 ? i : places - 1 - i;
            const Place at{here / (size[1] * size[2]), here / size[2] % size[1], here % size[2]};
            int32_t& own = near[static_cast<size_t>(here)];
            if (own >= 0) continue;
            for (int side = 0; side < 13; ++side) {
                const int64_t u = at[0] + way * (side / 9 - 1), v = at[1] + way * (side / 3 % 3 - 1), w = at[2] + way * (side % 3 - 1);
                if (u < 0 || v < 0 || w < 0 || u >= size[0] || v >= size[1] || w >= size[2]) continue;
                const int32_t other = near[static_cast<size_t>((u * size[1] + v) * size[2] + w)];
                own = std::max(own, other < 0 ? other - 1 : -1);
            }
        }
    }

    static int64_t number(const int64_t* row, const int64_t size[3], const Place& at) {
        for (int a = 0; a < 3; ++a)
            if (at[a] < 0 || at[a] >= size[a]) return -1;
        return row[(at[0] * size[1] + at[1]) * size[2] + at[2]];
    }

    // A point of a brick lies between its own voxels, the first of the bricks beyond it and the last of those before it.
    void fill(const int64_t* row, const int64_t size[3], const float* distance, const Place& at) {
        const int64_t own = number(row, size, at);
        if (own < 0) return;
        float* to = padded.data() + own * kPadded * kPadded * kPadded;
        bool any = false;
        for (int side = 0; side < 27; ++side) {
            const int step[3] = {side / 9 - 1, side / 3 % 3 - 1, side % 3 - 1};
            const int64_t from = number(row, size, {at[0] + step[0], at[1] + step[1], at[2] + step[2]});
            const bool before = step[0] < 0 || step[1] < 0 || step[2] < 0;
            int begin[3], end[3];
            for (int a = 0; a < 3; ++a) begin[a] = step[a] < 0 ? kEdge - 1 : 0, end[a] = step[a] > 0 ? 1 : kEdge;
            if (from < 0 && before) continue;
            for (int i = begin[0]; i < end[0]; ++i)
                for (int j = begin[1]; j < end[1]; ++j)
                    for (int k = begin[2]; k < end[2]; ++k) {
                        const float value = from < 0 ? NAN : distance[from * kVoxels + (i * kEdge + j) * kEdge + k];
                        any = any || value < 0.0f;
                        if (before) continue;
                        const int u = i + kEdge * step[0], v = j + kEdge * step[1], w = k + kEdge * step[2];
                        to[(u * kPadded + v) * kPadded + w] = value;
                    }
        }
        behind[static_cast<size_t>(own)] = any;
    }
};

}  // namespace neurfield::fusion
