// Products with the jacobian that the encoding wrote: [tiles, levels, D, F, kLanes].
#include "common/parallel.h"
#include "encoding/grid_arguments.h"
#include "encoding/grid_families.h"
#include "encoding/grid_tiles.h"

namespace neurfield::grid {
namespace {

constexpr int64_t kChunk = 2048;  // points of a task

struct Jacobian {
    const float* data;
    int64_t levels;
    int dimensions, features;
    int64_t row() const { return levels * features; }
    const float* tile(int64_t begin) const { return data + dimensions * begin * row(); }
};

Jacobian jacobian_of(const py::object& object, int64_t count) {
    const TensorView<float, 4> view(object, "jacobian");
    view.expect(0, (count + kLanes - 1) / kLanes, "jacobian");
    return {view.data(), view.shape(1), static_cast<int>(view.shape(2)), static_cast<int>(view.shape(3) / kLanes)};
}

// out [row][kLanes] = tangent [kLanes, D] times the tile.
template <int D, int F>
void product_tile(const Jacobian& jacobian, const float* tile, const float* tangent, float* out) {
    Vec steps[D];
    columns_of<D>(tangent, steps);
    for (int64_t l = 0; l < jacobian.levels; ++l)
        for (int f = 0; f < F; ++f) {
            const float* derivatives = tile + (D * l * F + f) * kLanes;
            Vec change(0.0f);
            for (int k = 0; k < D; ++k) change += steps[k] * Vec::load(derivatives + k * F * kLanes);
            change.store(out + (l * F + f) * kLanes);
        }
}

// out [kLanes, D] = the tile times cotangent [row][kLanes].
template <int D, int F>
void t_product_tile(const Jacobian& jacobian, const float* tile, const float* cotangent, float* out) {
    Vec sums[D];
    for (Vec& sum : sums) sum = Vec(0.0f);
    for (int64_t l = 0; l < jacobian.levels; ++l)
        for (int f = 0; f < F; ++f) {
            const Vec q = Vec::load(cotangent + (l * F + f) * kLanes);
            for (int k = 0; k < D; ++k) sums[k] += q * Vec::load(tile + ((D * l + k) * F + f) * kLanes);
        }
    for (int k = 0; k < D; ++k)
        for (int i = 0; i < kLanes; ++i) out[D * i + k] = sums[k].v[i];
}

template <class Body>
void with_shape(const Jacobian& jacobian, Body&& body) {
    with_dimensions(jacobian.dimensions,
                    [&](auto dimensions) { with_features(jacobian.features, [&](auto features) { body(dimensions, features); }); });
}

template <bool Transposed>
void product(const py::object& jacobian_, const py::object& from_, const py::object& out_) {
    const TensorView<float, 2> from(from_, "from");
    const int64_t count = from.shape(0), whole = whole_tiles(count), rest = count - whole;
    const Jacobian jacobian = jacobian_of(jacobian_, count);
    const int64_t in_row = Transposed ? jacobian.row() : jacobian.dimensions;
    const int64_t out_row = Transposed ? jacobian.dimensions : jacobian.row();
    from.expect(1, in_row, "from");
    float* out = rows_of(out_, "out", count, out_row);
    py::gil_scoped_release release;
    with_shape(jacobian, [&](auto dimensions, auto features) {
        constexpr int D = decltype(dimensions)::value, F = decltype(features)::value;
        const auto run = [&](const float* tile, const float* rows, float* to) {
            static thread_local AlignedFloats storage;
            float* columns = storage.reserve(kLanes * jacobian.row());
            if constexpr (Transposed) {
                rows_to_columns(rows, jacobian.row(), columns);
                t_product_tile<D, F>(jacobian, tile, columns, to);
            } else {
                product_tile<D, F>(jacobian, tile, rows, columns);
                columns_to_rows(columns, jacobian.row(), to);
            }
        };
        parallel_chunks(whole, kChunk, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i += kLanes) run(jacobian.tile(i), from.data() + i * in_row, out + i * out_row);
        });
        if (rest == 0) return;
        Padded last(from.data() + whole * in_row, rest, in_row), last_out(nullptr, 0, out_row);
        run(jacobian.tile(whole), last.data(), last_out.data());
        std::copy_n(last_out.data(), rest * out_row, out + whole * out_row);
    });
}

}  // namespace

void bind_grid_jacobian(py::module_& module) {
    module.def("grid_jacobian_product", &product<false>);
    module.def("grid_jacobian_t_product", &product<true>);
}

}  // namespace neurfield::grid
