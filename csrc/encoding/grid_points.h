// Points in columns and tiles of kLanes, for every multiresolution grid, and vectors ("parts" of a tile) that hold the F features of
// kLanes / F points side by side, as they lie in the table.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/aligned_floats.h"
#include "common/simd_mask.h"
#include "common/simd_transpose.h"

namespace neurfield::grid {

typedef double PairLanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(kLanes * sizeof(float))));

inline int64_t whole_tiles(int64_t count) { return count / kLanes * kLanes; }

// kLanes rows of D floats to columns.
template <int D>
inline void columns_of(const float* rows, Vec columns[D]) {
    if constexpr (D == 3) {
        columns_of_three(rows, columns);
    } else {
        Vec from[D];
        for (int k = 0; k < D; ++k) from[k] = Vec::load(rows + k * kLanes);
        to_columns<D>(from, columns);
    }
}

// Coordinates [D][stride] of points, and whether each tile lies in the unit cube, where dense levels wrap by one subtraction.
template <int D>
struct Points {
    std::vector<float> coordinates;
    std::vector<uint8_t> inside;
    int64_t stride;
    explicit Points(int64_t count) : coordinates(D * count), inside(count / kLanes), stride(count) {}
    const float* axis(int k) const { return coordinates.data() + k * stride; }

    // Rows [begin, end) of [stride, D], whole tiles.
    void take(const float* rows, int64_t begin, int64_t end) {
        for (int64_t tile = begin; tile < end; tile += kLanes) {
            Vec axes[D];
            columns_of<D>(rows + D * tile, axes);
            for (int k = 0; k < D; ++k) axes[k].store(coordinates.data() + k * stride + tile);
            inside[tile / kLanes] = in_unit_cube(axes);
        }
    }

    static bool in_unit_cube(const Vec axes[D]) {
        constexpr uint32_t all = (uint32_t{1} << kLanes) - 1;
        uint32_t bits = all;
        for (int k = 0; k < D; ++k) bits &= bits_at_least(axes[k], Vec(0.0f)) & bits_at_least(Vec(1.0f), axes[k]);
        return bits == all;
    }
};

// Points of the calling thread that are kept from call to call, and replaced by more where more are asked for.
template <int D, int Use>
Points<D>& kept_points(int64_t count) {
    static thread_local std::optional<Points<D>> points;
    if (!points || points->stride < count) points.emplace(count);
    return *points;
}

// A tile's features with one point a lane, and their derivatives along the axes.
template <int D, int F, bool Jacobian>
struct TileFeatures {
    Vec value[F];
    Vec slope[Jacobian ? D : 0][F];
};

// What the points of a tile ask of a level's entries, with one point a lane: terms w * d_features + (grad w . tangent) *
// d_value_gradient of each vertex, w being its weight.
template <int D, int F>
struct TileCotangents {
    Vec d_features[F], d_value_gradient[F], tangent[D];
};

// Calls body(part) for each of a tile's F vectors, `part` being a compile-time constant.
template <int F, class Body>
inline void for_parts(Body&& body) {
    [&]<size_t... Part>(std::index_sequence<Part...>) { (body(std::integral_constant<int, Part>()), ...); }(std::make_index_sequence<F>());
}

// Each lane's value F times over, for points [Part * kLanes / F, (Part + 1) * kLanes / F) of a tile.
template <int F, int Part>
inline Vec spread(Vec a) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
        return Vec(FloatLanes(__builtin_shufflevector(a.v, a.v, (Part * kLanes / F + static_cast<int>(I) / F)...)));
    }(std::make_index_sequence<kLanes>());
}

inline double pair_at(const float* p) {
    double pair;
    std::memcpy(&pair, p, sizeof pair);
    return pair;
}

// F floats from each of kLanes / F places, address(i) being the i-th.
template <int F, class Address>
inline Vec gather(Address address) {
    if constexpr (F == 1) {
        return [&]<size_t... I>(std::index_sequence<I...>) { return Vec(FloatLanes{*address(I)...}); }(std::make_index_sequence<kLanes>());
    } else {
        return [&]<size_t... I>(std::index_sequence<I...>) {
            return Vec((FloatLanes)(PairLanes{pair_at(address(2 * I / F) + 2 * I % F)...}));
        }(std::make_index_sequence<kLanes / 2>());
    }
}

// The reverse: F floats to each of kLanes / F places.
template <int F, class Address>
inline void put(Vec a, Address address) {
    if constexpr (F == 1) {
        for (int i = 0; i < kLanes; ++i) *address(i) = a.v[i];
    } else {
        const PairLanes pairs = (PairLanes)a.v;
        for (int i = 0; i < kLanes / 2; ++i) {
            const double pair = pairs[i];
            std::memcpy(address(2 * i / F) + 2 * i % F, &pair, sizeof pair);
        }
    }
}

// The rows of an argument's last, incomplete tile, filled up with zeros.
struct Padded {
    std::vector<float> rows;
    Padded(const float* from, int64_t count, int64_t row) : rows(kLanes * row) {
        if (from) std::copy_n(from, count * row, rows.data());
    }
    float* data() { return rows.data(); }
};

}  // namespace neurfield::grid
