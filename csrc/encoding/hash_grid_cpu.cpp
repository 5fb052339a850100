// The hash grid over batches of points: encoding, its derivative with respect to the points, and the scatter into the table.
//
// A tile is kLanes points. Cells and corners are found for a whole tile at once, one point a lane. Interpolation then runs on
// vectors that hold the F features of kLanes / F points side by side, as they lie in the table, so that an entry is fetched by
// one load of F floats and nothing is ever transposed.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd.h"
#include "common/tensor_view.h"
#include "encoding/hash_grid.h"

namespace neurfield {
namespace {

using namespace hash_grid;

constexpr int64_t kChunk = 2048;  // points per task
typedef uint32_t UintLanes __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(kLanes * sizeof(uint32_t))));
typedef double PairLanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(kLanes * sizeof(float))));

// Coordinates [3][stride] of points, and whether each tile lies in the unit cube, where dense levels wrap by one subtraction.
struct Points {
    std::vector<float> coordinates;
    std::vector<uint8_t> inside;
    int64_t stride;
    explicit Points(int64_t count) : coordinates(3 * count), inside(count / kLanes), stride(count) {}
    const float* axis(int k) const { return coordinates.data() + k * stride; }

    // Rows [begin, end) of [stride, 3], whole tiles.
    void take(const float* rows, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int k = 0; k < 3; ++k) coordinates[k * stride + i] = rows[3 * i + k];
        for (int64_t tile = begin; tile < end; tile += kLanes) {
            bool all = true;
            for (int64_t i = 3 * tile; i < 3 * (tile + kLanes); ++i) all &= rows[i] >= 0.0f && rows[i] <= 1.0f;
            inside[tile / kLanes] = all;
        }
    }
};

struct Tile {
    alignas(64) uint32_t entries[8][kLanes];
    Vec f[3];
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

inline void locate(const Level& level, const Points& points, int64_t tile_begin, Tile& tile) {
    UintLanes cell[3], entries[8];
    for (int k = 0; k < 3; ++k) {
        const FloatLanes u = lattice_coordinate(Vec::load(points.axis(k) + tile_begin), level.scale).v;
        IntLanes floor = __builtin_convertvector(u, IntLanes);
        floor += __builtin_convertvector(floor, FloatLanes) > u;  // true is -1
        tile.f[k] = u - __builtin_convertvector(floor, FloatLanes);
        cell[k] = reinterpret_cast<UintLanes&>(floor);
    }
    if (level.hashed) {
        hashed_corners(level, cell, entries);
    } else {
        dense_corners(level, cell, entries);
        const bool inside = points.inside[tile_begin / kLanes];
        for (UintLanes& e : entries) e = inside ? (e < level.size ? e : e - level.size) : e % level.size;
    }
    std::memcpy(tile.entries, entries, sizeof entries);
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

template <int F, class Body>
inline void for_parts(Body&& body) {
    [&]<size_t... Part>(std::index_sequence<Part...>) {
        (body(std::integral_constant<int, Part>()), ...);
    }(std::make_index_sequence<F>());
}

template <int F, int Part, bool Smooth>
inline void blend_axes(const Tile& tile, float scale, Blend<Vec> axes[3]) {
    for (int k = 0; k < 3; ++k) axes[k] = blend<Smooth>(spread<F, Part>(tile.f[k]), scale);
}

template <int F, int Part>
inline void fetch_corners(const Tile& tile, const float* table, Vec corners[8]) {
    for (int c = 0; c < 8; ++c) {
        const uint32_t* entries = tile.entries[c] + Part * kLanes / F;
        corners[c] = gather<F>([=](int i) { return table + static_cast<size_t>(entries[i]) * F; });
    }
}

// One level of a run of whole tiles. Rows of `out` are `row` floats apart; the jacobian, if any, has three such rows a point.
template <int F, bool Smooth, bool Jacobian>
void encode_level(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, float* out, float* jacobian) {
    for (int64_t begin = 0; begin < count; begin += kLanes) {
        Tile tile;
        locate(level, points, begin, tile);
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec corners[8];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            fetch_corners<F, Part>(tile, table, corners);
            const int64_t first = begin + Part * kLanes / F;
            if constexpr (Jacobian) {
                Vec by_weight[3];
                put<F>(interpolate(corners, axes, by_weight), [=](int i) { return out + (first + i) * row; });
                for (int k = 0; k < 3; ++k)
                    put<F>(by_weight[k] * axes[k].slope, [=](int i) { return jacobian + (3 * (first + i) + k) * row; });
            } else {
                put<F>(interpolate(corners, axes), [=](int i) { return out + (first + i) * row; });
            }
        });
    }
}

// Adds the second derivatives of all features, weighted by `weights` [count, row], times `vectors` to out [count, 3].
template <int F, bool Smooth>
void hessian_level(const Level& level, const Points& points, int64_t count, const float* table, int64_t row, const float* weights,
                   const Points& vectors, float* out) {
    for (int64_t begin = 0; begin < count; begin += kLanes) {
        Tile tile;
        locate(level, points, begin, tile);
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec corners[8], vector[3], product[3];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            fetch_corners<F, Part>(tile, table, corners);
            const int64_t first = begin + Part * kLanes / F;
            const Vec weight = gather<F>([=](int i) { return weights + (first + i) * row; });
            for (int k = 0; k < 3; ++k) vector[k] = spread<F, Part>(Vec::load(vectors.axis(k) + begin));
            hessian_product(corners, axes, vector, product);
            for (int k = 0; k < 3; ++k)
                for (int i = 0; i < kLanes; ++i) out[3 * (first + i / F) + k] += (product[k] * weight).v[i];
        });
    }
}

// Adds w * d_features + (grad w . tangent) * d_value_gradient to every corner's entry; either pair of arguments may be absent.
template <int F, bool Smooth, bool Tangent>
void scatter_level(const Level& level, const Points& points, int64_t count, int64_t row, const float* d_features,
                   const Points& tangents, const float* d_value_gradient, float* table_gradient) {
    for (int64_t begin = 0; begin < count; begin += kLanes) {
        Tile tile;
        locate(level, points, begin, tile);
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Blend<Vec> axes[3];
            Vec weights[8], added[8];
            blend_axes<F, Part, Smooth>(tile, level.scale, axes);
            const int64_t first = begin + Part * kLanes / F;
            const Vec d = d_features ? gather<F>([=](int i) { return d_features + (first + i) * row; }) : Vec(0.0f);
            if constexpr (Tangent) {
                Vec tangent[3], derivatives[8];
                for (int k = 0; k < 3; ++k) tangent[k] = spread<F, Part>(Vec::load(tangents.axis(k) + begin));
                const Vec q = gather<F>([=](int i) { return d_value_gradient + (first + i) * row; });
                corner_weights(axes, tangent, weights, derivatives);
                for (int c = 0; c < 8; ++c) added[c] = weights[c] * d + derivatives[c] * q;
            } else {
                corner_weights(axes, weights);
                for (int c = 0; c < 8; ++c) added[c] = weights[c] * d;
            }
            alignas(64) float amounts[8][kLanes];
            std::memcpy(amounts, added, sizeof amounts);
            for (int c = 0; c < 8; ++c)
                for (int i = 0; i < kLanes / F; ++i) {
                    float* entry = table_gradient + static_cast<size_t>(tile.entries[c][Part * kLanes / F + i]) * F;
                    for (int k = 0; k < F; ++k) entry[k] += amounts[c][i * F + k];
                }
        });
    }
}

struct Grid {
    std::vector<Level> levels;
    int features;
    int64_t row() const { return static_cast<int64_t>(levels.size()) * features; }
    int64_t floats() const { return (levels.back().offset + levels.back().size) * features; }
};

Grid make_grid(const std::vector<float>& scales, const std::vector<uint32_t>& resolutions, const std::vector<int64_t>& offsets,
               const std::vector<bool>& hashed, int features) {
    Grid grid{{}, features};
    for (size_t l = 0; l < scales.size(); ++l)
        grid.levels.push_back({scales[l], resolutions[l], static_cast<uint32_t>(offsets[l + 1] - offsets[l]), offsets[l], hashed[l]});
    return grid;
}

// Calls body with the number of features and the interpolation as compile-time constants.
template <class Body>
void specialise(const Grid& grid, bool smooth, Body&& body) {
    auto with_features = [&](auto features) {
        smooth ? body(features, std::true_type()) : body(features, std::false_type());
    };
    switch (grid.features) {
        case 1: return with_features(std::integral_constant<int, 1>());
        case 2: return with_features(std::integral_constant<int, 2>());
        case 4: return with_features(std::integral_constant<int, 4>());
        default: throw py::value_error("hash grid: features must be 1, 2 or 4, got " + std::to_string(grid.features));
    }
}

// The last, incomplete tile of an argument, filled up with zeros.
struct Padded {
    std::vector<float> rows;
    Padded(const float* from, int64_t count, int64_t row) : rows(kLanes * row) {
        if (from) std::copy_n(from, count * row, rows.data());
    }
};

void encode_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table, float* out,
                  float* jacobian) {
    const int64_t row = grid.row();
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        Points chunk(end - begin);
        chunk.take(points + 3 * begin, 0, end - begin);
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            for (int l = 0; l < active; ++l) {
                const Level& level = grid.levels[l];
                float* to = out + begin * row + l * F;
                if (jacobian)
                    encode_level<F, Smooth, true>(level, chunk, end - begin, table + level.offset * F, row, to, jacobian + 3 * begin * row + l * F);
                else
                    encode_level<F, Smooth, false>(level, chunk, end - begin, table + level.offset * F, row, to, nullptr);
            }
        });
        for (int64_t i = begin; i < end; ++i) std::fill(out + i * row + active * grid.features, out + (i + 1) * row, 0.0f);
        for (int64_t i = 3 * begin; jacobian && i < 3 * end; ++i)
            std::fill(jacobian + i * row + active * grid.features, jacobian + (i + 1) * row, 0.0f);
    });
}

void encode(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_, const py::object& out_,
            const py::object& jacobian_) {
    const TensorView<float, 2> points(points_, "points"), out(out_, "features");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, 3, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = count / kLanes * kLanes, rest = count - whole;
    out.expect(0, count, "features");
    out.expect(1, row, "features");
    float* jacobian = nullptr;
    if (!jacobian_.is_none()) {
        const TensorView<float, 3> view(jacobian_, "jacobian");
        view.expect(0, count, "jacobian");
        view.expect(1, 3, "jacobian");
        view.expect(2, row, "jacobian");
        jacobian = view.data();
    }
    py::gil_scoped_release release;
    encode_tiles(grid, smooth, active, whole, points.data(), table.data(), out.data(), jacobian);
    if (rest == 0) return;
    const Padded last(points.data() + 3 * whole, rest, 3);
    Padded last_out(nullptr, 0, row), last_jacobian(nullptr, 0, 3 * row);
    encode_tiles(grid, smooth, active, kLanes, last.rows.data(), table.data(), last_out.rows.data(), jacobian ? last_jacobian.rows.data() : nullptr);
    std::copy_n(last_out.rows.data(), rest * row, out.data() + whole * row);
    if (jacobian) std::copy_n(last_jacobian.rows.data(), rest * 3 * row, jacobian + whole * 3 * row);
}

// Threads own levels, the finest and dearest handed out first: no two of them write the same entry, and each entry's terms are added
// in the order of the points, whatever the number of threads.
void scatter_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* d_features,
                   const float* tangents, const float* d_value_gradient, float* table_gradient) {
    const int64_t row = grid.row();
    Points located(count), directions(tangents ? count : 0);
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        located.take(points, begin, end);
        if (tangents) directions.take(tangents, begin, end);
    });
    parallel_chunks(active, 1, [&](int64_t task, int64_t last) {
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            constexpr bool Smooth = decltype(smoothed)::value;
            for (; task < last; ++task) {
                const int64_t l = active - 1 - task;
                const Level& level = grid.levels[l];
                const float *d = d_features ? d_features + l * F : nullptr, *q = d_value_gradient + l * F;
                float* to = table_gradient + level.offset * F;
                if (tangents)
                    scatter_level<F, Smooth, true>(level, located, count, row, d, directions, q, to);
                else
                    scatter_level<F, Smooth, false>(level, located, count, row, d, directions, q, to);
            }
        });
    });
}

// The data of an optional [count, columns] argument, or null.
const float* optional_rows(const py::object& object, const char* name, int64_t count, int64_t columns) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, name);
    view.expect(0, count, name);
    view.expect(1, columns, name);
    return view.data();
}

void scatter(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& d_features_,
             const py::object& tangents_, const py::object& d_value_gradient_, const py::object& table_gradient_) {
    const TensorView<float, 2> points(points_, "points");
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    points.expect(1, 3, "points");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const int64_t count = points.shape(0), row = grid.row(), whole = count / kLanes * kLanes, rest = count - whole;
    const float* d = optional_rows(d_features_, "d_features", count, row);
    const float* t = optional_rows(tangents_, "tangent", count, 3);
    const float* q = optional_rows(d_value_gradient_, "d_value_gradient", count, row);
    if ((t == nullptr) != (q == nullptr)) throw py::value_error("hash grid: tangent and d_value_gradient come together");
    py::gil_scoped_release release;
    scatter_tiles(grid, smooth, active, whole, points.data(), d, t, q, table_gradient.data());
    if (rest == 0) return;
    const Padded last(points.data() + 3 * whole, rest, 3), last_d(d ? d + whole * row : d, rest, row);
    const Padded last_t(t ? t + 3 * whole : t, rest, 3), last_q(q ? q + whole * row : q, rest, row);
    scatter_tiles(grid, smooth, active, kLanes, last.rows.data(), last_d.rows.data(), t ? last_t.rows.data() : t,
                  last_q.rows.data(), table_gradient.data());
}

void hessian_tiles(const Grid& grid, bool smooth, int active, int64_t count, const float* points, const float* table,
                   const float* weights, const float* vectors, float* out) {
    const int64_t row = grid.row();
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        Points chunk(end - begin), directions(end - begin);
        chunk.take(points + 3 * begin, 0, end - begin);
        directions.take(vectors + 3 * begin, 0, end - begin);
        std::fill(out + 3 * begin, out + 3 * end, 0.0f);
        specialise(grid, smooth, [&](auto features, auto smoothed) {
            constexpr int F = decltype(features)::value;
            for (int l = 0; l < active; ++l)
                hessian_level<F, decltype(smoothed)::value>(grid.levels[l], chunk, end - begin, table + grid.levels[l].offset * F, row,
                                                            weights + begin * row + l * F, directions, out + 3 * begin);
        });
    });
}

void hessian(const Grid& grid, bool smooth, int active, const py::object& points_, const py::object& table_,
             const py::object& weights_, const py::object& vectors_, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points"), out(out_, "out");
    const TensorView<float, 1> table(table_, "table");
    points.expect(1, 3, "points");
    table.expect(0, grid.floats(), "table");
    const int64_t count = points.shape(0), row = grid.row(), whole = count / kLanes * kLanes, rest = count - whole;
    const float* weights = optional_rows(weights_, "weights", count, row);
    const float* vectors = optional_rows(vectors_, "vectors", count, 3);
    out.expect(0, count, "out");
    out.expect(1, 3, "out");
    py::gil_scoped_release release;
    hessian_tiles(grid, smooth, active, whole, points.data(), table.data(), weights, vectors, out.data());
    if (rest == 0) return;
    const Padded last(points.data() + 3 * whole, rest, 3), last_weights(weights + whole * row, rest, row);
    const Padded last_vectors(vectors + 3 * whole, rest, 3);
    Padded last_out(nullptr, 0, 3);
    hessian_tiles(grid, smooth, active, kLanes, last.rows.data(), table.data(), last_weights.rows.data(), last_vectors.rows.data(),
                  last_out.rows.data());
    std::copy_n(last_out.rows.data(), 3 * rest, out.data() + 3 * whole);
}

}  // namespace

void bind_hash_grid(py::module_& module) {
    py::class_<Grid>(module, "HashGrid", py::module_local()).def(py::init(&make_grid));
    module.def("hash_grid_encode", &encode);
    module.def("hash_grid_scatter", &scatter);
    module.def("hash_grid_hessian_product", &hessian);
}

}  // namespace neurfield
