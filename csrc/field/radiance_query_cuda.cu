// The colour of samples on the GPU: texture from a grid, the SDF's feature, the unit normal and the encoded view -> network -> sigmoid, with
// the backward into all but the points and the views. Only samples that count are read and written, by their index; that indices are
// within bounds is the caller's word, because looking would mean waiting.
#include <optional>
#include <string>

#include "common/families.h"
#include "cuda/launch.h"
#include "encoding/grid_kernels.h"
#include "network/mlp_cuda.h"

namespace neurfield::field {

void bind_sdf_query(pybind11::module_& module);

namespace {

using cuda::Objects;
using cuda::Scratch;
using grid::Grid;
using RowsView = TensorView<float, 2, true>;

// Rows of an array, however far apart.
struct Rows {
    float* data;
    int64_t stride;
    int width;

    explicit Rows(const RowsView& view)
        : data(view.data()), stride(view.shape(0) > 1 ? view.row(1) - view.row(0) : 0), width(static_cast<int>(view.shape(1))) {}
};

// What the network sees beside the texture, and of which samples.
struct Beside {
    Rows feature, normal, views;
    const int64_t *rays, *counted;
    int64_t count;   // of the samples that count
    int texture;     // columns of texture, which come first
    int64_t row;     // floats from a sample's inputs to the next one's

    __device__ int64_t sample(int64_t i) const { return counted != nullptr ? counted[i] : i; }
    constexpr int width() const { return texture + feature.width + 3 + views.width; }
};

// A thread has one number: of the columns behind the texture.
__global__ void __launch_bounds__(256) gather(const Beside beside, float* __restrict__ inputs) {
    const int behind = beside.width() - beside.texture;
    const int64_t at = cuda::global_index(), i = at / behind;
    if (i >= beside.count) return;
    const int column = static_cast<int>(at % behind), normal_at = beside.feature.width, views_at = normal_at + 3;
    const int64_t sample = beside.sample(i);
    float value;
    if (column < normal_at)
        value = beside.feature.data[sample * beside.feature.stride + column];
    else if (column < views_at)
        value = beside.normal.data[sample * beside.normal.stride + column - normal_at];
    else
        value = beside.views.data[(beside.rays != nullptr ? beside.rays[sample] : sample) * beside.views.stride + column - views_at];
    inputs[i * beside.row + beside.texture + column] = value;
}

// The other way: what belongs to features and normals of d_inputs.
__global__ void __launch_bounds__(256) scatter(const Beside beside, const float* __restrict__ d_inputs, float* __restrict__ d_feature,
                                               float* __restrict__ d_normal) {
    const int columns = beside.feature.width + 3;
    const int64_t at = cuda::global_index(), i = at / columns;
    if (i >= beside.count) return;
    const int column = static_cast<int>(at % columns);
    const int64_t sample = beside.sample(i);
    const float value = d_inputs[i * beside.row + beside.texture + column];
    if (column < beside.feature.width)
        d_feature[sample * beside.feature.width + column] = value;
    else
        d_normal[sample * 3 + column - beside.feature.width] = value;
}

// Triples between samples that count and all samples: `from` and `to` swap roles with Gather.
template <bool Gather>
__global__ void __launch_bounds__(256) move_triples(const Beside beside, const float* __restrict__ from, int64_t stride, float* __restrict__ to) {
    const int64_t at = cuda::global_index(), i = at / 3;
    if (i >= beside.count) return;
    const int channel = static_cast<int>(at % 3);
    const int64_t sample = beside.sample(i);
    if constexpr (Gather)
        to[at] = from[sample * stride + channel];
    else
        to[sample * 3 + channel] = from[at];
}

// Rows whose textures are aligned for vector loads.
int64_t row_of(int64_t width) { return (width + 3) / 4 * 4; }

int64_t radiance_query_keeps(int64_t width, int64_t samples) { return row_of(width) * samples; }

struct Query {
    const Grid& grid;
    bool smooth;
    int active;
    TensorView<float, 1> table;
    TensorView<float, 2> points;
    RowsView feature, normal, views;
    std::optional<TensorView<int64_t, 1>> rays, counted;
    Beside beside;
    cuda::Mlp network;

    Query(const Grid& grid_, bool smooth_, int active_, const py::object& table_, const Objects& weights, const Objects& biases,
          const std::string& precision, const py::object& points_, const py::object& feature_, const py::object& normal_,
          const py::object& views_, const py::object& rays_, const py::object& counted_)
        : grid(grid_), smooth(smooth_), active(active_), table(table_, "table"), points(points_, "points"), feature(feature_, "feature"),
          normal(normal_, "normal"), views(views_, "views"), rays(optional(rays_, "rays")), counted(optional(counted_, "counted")),
          beside{Rows(feature), Rows(normal), Rows(views), rays ? rays->data() : nullptr, counted ? counted->data() : nullptr,
                 counted ? counted->size() : points.shape(0), static_cast<int>(grid_.row()), 0},
          network(weights, biases, beside.width(), "relu", 1.0f, precision) {
        beside.row = row_of(beside.width());
        table.expect(0, grid.floats(), "table");
        points.expect(1, 3, "points");
        feature.expect(0, points.shape(0), "feature");
        normal.expect(0, points.shape(0), "normal");
        normal.expect(1, 3, "normal");
        if (rays)
            rays->expect(0, points.shape(0), "rays");
        else
            views.expect(0, points.shape(0), "views");
        if (network.outputs() != 3) throw py::value_error("neurfield native: the network of colours must have 3 outputs");
    }

    int64_t count() const { return beside.count; }
    int64_t row() const { return beside.row; }
    grid::Samples samples() const { return {points.data(), beside.counted, count(), 0.5f, 0.5f}; }

    // What the network saw of the samples that count, for the backward. Null for None.
    float* rows_kept(const py::object& object) const {
        if (object.is_none()) return nullptr;
        const TensorView<float, 1> view(object, "kept");
        view.expect(0, radiance_query_keeps(beside.width(), count()), "kept");
        return view.data();
    }

private:
    static std::optional<TensorView<int64_t, 1>> optional(const py::object& object, const char* name) {
        if (object.is_none()) return std::nullopt;
        return TensorView<int64_t, 1>(object, name);
    }
};

void radiance_query_forward(const Grid& grid, bool smooth, int active, const py::object& table, const Objects& weights,
                            const Objects& biases, const std::string& precision, const py::object& points, const py::object& feature,
                            const py::object& normal, const py::object& views, const py::object& rays, const py::object& counted,
                            const py::object& rgb_, const py::object& kept_) {
    const Query query(grid, smooth, active, table, weights, biases, precision, points, feature, normal, views, rays, counted);
    const int64_t all = query.points.shape(0), count = query.count();
    float *rgb = grid::rows_of(rgb_, "rgb", all, 3), *inputs = query.rows_kept(kept_);
    std::optional<Scratch> own, colors;
    if (inputs == nullptr) inputs = own.emplace(points, count * query.row()).data();
    grid::encode_samples(grid, smooth, active, query.samples(), query.table.data(), inputs, query.row(), nullptr);
    cuda::launch(gather, cuda::one_each(count * (query.beside.width() - query.beside.texture)), query.beside, inputs);
    if (!query.counted) return query.network.forward(count, inputs, query.row(), rgb, nullptr, true);
    colors.emplace(points, 3 * count);
    query.network.forward(count, inputs, query.row(), colors->data(), nullptr, true);
    cuda::clear(rgb, 3 * all);
    cuda::launch(move_triples<false>, cuda::one_each(3 * count), query.beside, colors->data(), 3, rgb);
}

void radiance_query_backward(const Grid& grid, bool smooth, int active, const py::object& table, const Objects& weights,
                             const Objects& biases, const std::string& precision, const py::object& points, const py::object& feature,
                             const py::object& normal, const py::object& views, const py::object& rays, const py::object& counted,
                             const py::object& kept_, const py::object& d_rgb_, const py::object& d_feature_, const py::object& d_normal_,
                             const Objects& d_weights, const Objects& d_biases, const py::object& table_gradient_) {
    const Query query(grid, smooth, active, table, weights, biases, precision, points, feature, normal, views, rays, counted);
    const int64_t all = query.points.shape(0), count = query.count(), features = query.beside.feature.width;
    const RowsView d_rgb(d_rgb_, "d_rgb");
    d_rgb.expect(0, all, "d_rgb");
    d_rgb.expect(1, 3, "d_rgb");
    float* d_feature = grid::rows_of(d_feature_, "d_feature", all, features);
    float* d_normal = grid::rows_of(d_normal_, "d_normal", all, 3);
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const float* inputs = query.rows_kept(kept_);
    if (inputs == nullptr && count > 0) throw py::value_error("neurfield native: the backward needs what the forward kept");
    const Scratch above(points, 3 * count), d_inputs(points, count * query.row());
    const Rows from(d_rgb);
    cuda::launch(move_triples<true>, cuda::one_each(3 * count), query.beside, from.data, from.stride, above.data());
    query.network.backward(count, inputs, query.row(), above.data(), nullptr, true, d_inputs.data(), d_weights, d_biases);
    if (query.counted) {
        cuda::clear(d_feature, all * features);
        cuda::clear(d_normal, 3 * all);
    }
    cuda::launch(scatter, cuda::one_each(count * (features + 3)), query.beside, d_inputs.data(), d_feature, d_normal);
    grid::scatter_samples(grid, smooth, active, query.samples(), d_inputs.data(), query.row(), nullptr, 1.0f, nullptr, query.row(),
                          table_gradient.data());
}

void bind_radiance_query(py::module_& module) {
    module.def("radiance_query_keeps", &radiance_query_keeps);
    module.def("radiance_query_forward", &radiance_query_forward);
    module.def("radiance_query_backward", &radiance_query_backward);
}

}  // namespace
}  // namespace neurfield::field

namespace neurfield {

void bind_field(py::module_& module) {
    field::bind_sdf_query(module);
    field::bind_radiance_query(module);
}

}  // namespace neurfield
