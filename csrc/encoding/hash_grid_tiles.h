// What the hash grid's kernels share: points in tiles of kLanes, the way to their corners' entries, and the choice of kernel.
//
// Cells and corners are found for a whole tile at once, one point a lane. Entries are fetched into vectors ("parts" of a tile) that
// hold the F features of kLanes / F points side by side, as they lie in the table: one load an entry.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/aligned_floats.h"
#include "common/parallel.h"
#include "common/simd_gather.h"
#include "common/simd_mask.h"
#include "common/simd_transpose.h"
#include "common/tensor_view.h"
#include "encoding/hash_grid.h"

namespace neurfield::hash_grid {

typedef uint32_t UintLanes __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(kLanes * sizeof(uint32_t))));
typedef double PairLanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(kLanes * sizeof(float))));

struct Grid {
    std::vector<Level> levels;
    int features;
    int64_t row() const { return static_cast<int64_t>(levels.size()) * features; }
    int64_t floats() const { return (levels.back().offset + levels.back().size) * features; }
};

inline int64_t whole_tiles(int64_t count) { return count / kLanes * kLanes; }

// Coordinates [3][stride] of points, and whether each tile lies in the unit cube, where dense levels wrap by one subtraction.
struct Points {
    std::vector<float> coordinates;
    std::vector<uint8_t> inside;
    int64_t stride;
    explicit Points(int64_t count) : coordinates(3 * count), inside(count / kLanes), stride(count) {}
    const float* axis(int k) const { return coordinates.data() + k * stride; }

    // Rows [begin, end) of [stride, 3], whole tiles.
    void take(const float* rows, int64_t begin, int64_t end) {
        for (int64_t tile = begin; tile < end; tile += kLanes) {
            Vec axes[3];
            columns_of_three(rows + 3 * tile, axes);
            for (int k = 0; k < 3; ++k) axes[k].store(coordinates.data() + k * stride + tile);
            inside[tile / kLanes] = in_unit_cube(axes);
        }
    }

    static bool in_unit_cube(const Vec axes[3]) {
        constexpr uint32_t all = (uint32_t{1} << kLanes) - 1;
        uint32_t bits = all;
        for (int k = 0; k < 3; ++k) bits &= bits_at_least(axes[k], Vec(0.0f)) & bits_at_least(Vec(1.0f), axes[k]);
        return bits == all;
    }
};

// Points of the calling thread that are kept from call to call, and replaced by more where more are asked for.
template <int Use>
Points& kept_points(int64_t count) {
    static thread_local std::optional<Points> points;
    if (!points || points->stride < count) points.emplace(count);
    return *points;
}

struct Tile {
    alignas(64) uint32_t entries[8][kLanes];  // of the corners; those of the first alone where `lattice`
    Vec f[3];
    bool lattice;  // no corner is wrapped: the others' entries follow from the first's
};

// scale * x + 0.5 with one rounding on every target, so that all of them agree on the cell.
inline Vec lattice_coordinate(Vec x, float scale) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return fma(x, Vec(scale), Vec(0.5f));
#else
    Vec u;
    for (int i = 0; i < kLanes; ++i) u.v[i] = static_cast<float>(static_cast<double>(x.v[i]) * scale + 0.5);
    return u;
#endif
}

// The entries of a dense level's corners wherever they are, `first` being the first corner's before it is wrapped into the level.
// Out of line: where corners are not wrapped, registers are wanted for other things.
[[gnu::noinline]] inline void wrapped_corners(const Level& level, UintLanes first, bool inside, uint32_t (*to)[kLanes]) {
    for (int c = 0; c < 8; ++c) {
        UintLanes entries = first + dense_step(level, c);
        if (inside)  // at most once around
            entries = entries < level.size ? entries : entries - level.size;
        else
            entries %= level.size;
        std::memcpy(to[c], &entries, sizeof entries);
    }
}

// Finds the cells of the points at `begin` of three axes. inside: all of them are in the unit cube; lattice: the first corner's
// entry will do where the others' follow.
template <bool Hashed>
[[gnu::always_inline]] inline void locate(const Level& level, const float* const axes[3], int64_t begin, bool inside, bool lattice,
                                          Tile& tile) {
    UintLanes cell[3];
    for (int k = 0; k < 3; ++k) {
        const FloatLanes u = lattice_coordinate(Vec::load(axes[k] + begin), level.scale).v;
        IntLanes floor = __builtin_convertvector(u, IntLanes);
        floor += __builtin_convertvector(floor, FloatLanes) > u;  // true is -1
        tile.f[k] = u - __builtin_convertvector(floor, FloatLanes);
        cell[k] = (UintLanes)floor;
    }
    if constexpr (Hashed) {
        UintLanes entries[8];
        hashed_corners(level, cell, entries);
        std::memcpy(tile.entries, entries, sizeof entries);
    } else {
        const UintLanes first = dense_corner(level, cell);
        tile.lattice = lattice && inside && !any(first + dense_step(level, 7) >= level.size);
        if (tile.lattice)
            std::memcpy(tile.entries, &first, sizeof first);
        else
            wrapped_corners(level, first, inside, tile.entries);
    }
}

// Calls work(begin, tile) for each tile. Cells are found one tile ahead: that is a long chain of operations, which fits behind the
// loads of the tile before.
template <bool Hashed, bool Lattice, class Work>
[[gnu::always_inline]] inline void locate_ahead(const Level& level, const Points& points, int64_t count, Work&& work) {
    if (count == 0) return;
    const float* const axes[3] = {points.axis(0), points.axis(1), points.axis(2)};
    const uint8_t* inside = points.inside.data();
    Tile tiles[2];
    locate<Hashed>(level, axes, 0, inside[0], Lattice, tiles[0]);
    for (int64_t begin = 0; begin < count; begin += kLanes) {
        const int64_t tile = begin / kLanes, next = std::min(begin + kLanes, count - kLanes);
        locate<Hashed>(level, axes, next, inside[next / kLanes], Lattice, tiles[(tile + 1) & 1]);
        work(begin, tiles[tile & 1]);
    }
}

// Calls work(begin, tile) for each tile, with the entries of all corners.
template <class Work>
inline void for_tiles(const Level& level, const Points& points, int64_t count, Work&& work) {
    if (level.hashed)
        locate_ahead<true, false>(level, points, count, work);
    else
        locate_ahead<false, false>(level, points, count, work);
}

// Calls body(part) for each of a tile's F vectors, `part` being a compile-time constant.
template <int F, class Body>
inline void for_parts(Body&& body) {
    [&]<size_t... Part>(std::index_sequence<Part...>) {
        (body(std::integral_constant<int, Part>()), ...);
    }(std::make_index_sequence<F>());
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
        return [&]<size_t... I>(std::index_sequence<I...>) {
            return Vec(FloatLanes{*address(I)...});
        }(std::make_index_sequence<kLanes>());
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

// Calls body with the number of features, 1, 2 or 4, as a compile-time constant.
template <class Body>
void with_features(int features, Body&& body) {
    switch (features) {
        case 1: return body(std::integral_constant<int, 1>());
        case 2: return body(std::integral_constant<int, 2>());
        case 4: return body(std::integral_constant<int, 4>());
        default: throw pybind11::value_error("hash grid: features must be 1, 2 or 4, got " + std::to_string(features));
    }
}

// The same, and the interpolation.
template <class Body>
void specialise(const Grid& grid, bool smooth, Body&& body) {
    with_features(grid.features, [&](auto features) {
        smooth ? body(features, std::true_type()) : body(features, std::false_type());
    });
}

// The rows of an argument's last, incomplete tile, filled up with zeros.
struct Padded {
    std::vector<float> rows;
    Padded(const float* from, int64_t count, int64_t row) : rows(kLanes * row) {
        if (from) std::copy_n(from, count * row, rows.data());
    }
    float* data() { return rows.data(); }
};

// The data of a [count, columns] argument; null for None.
inline float* rows_of(const pybind11::object& object, const char* name, int64_t count, int64_t columns) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, name);
    view.expect(0, count, name);
    view.expect(1, columns, name);
    return view.data();
}

void bind_hash_grid_scatter(pybind11::module_& module);
void bind_hash_grid_jacobian(pybind11::module_& module);

}  // namespace neurfield::hash_grid
