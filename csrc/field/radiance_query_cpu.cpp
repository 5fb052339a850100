// The colour of samples: texture from a hash grid, the SDF's feature, the unit normal and the encoded view -> network -> sigmoid, with
// the backward into all but the points and the views. Only samples that count are read and written, by their index, so that nothing
// is gathered beforehand.
#include <algorithm>

#include "common/families.h"
#include "common/parallel.h"
#include "encoding/grid_arguments.h"
#include "field/backward_spans.h"
#include "field/own.h"
#include "field/point_columns.h"
#include "network/mlp_arguments.h"
#include "network/mlp_tiles.h"

namespace neurfield::field {
namespace {

using Rows = TensorView<float, 2, true>;
using Index = TensorView<int64_t, 1>;

// Every number must be below `end`: kernels trust them.
void expect_below(const Index& index, int64_t end, const char* name) {
    bool good = true;
    for (int64_t i = 0; i < index.size(); ++i) good &= static_cast<uint64_t>(index[i]) < static_cast<uint64_t>(end);
    if (!good) throw py::value_error(std::string("neurfield native: '") + name + "' must be 0 to " + std::to_string(end - 1));
}

struct Samples {
    PointColumns texture;
    Network network;
    TensorView<float, 2> points;
    Rows feature, normal, views;
    std::optional<Index> rays, counted;

    Samples(const Grid& grid, bool smooth, int active, const py::object& table_, const Objects& weights, const Objects& biases,
            const std::string& precision, const py::object& points_, const py::object& feature_, const py::object& normal_, const py::object& views_,
            const py::object& rays_, const py::object& counted_)
        : texture{grid, nullptr, smooth, active, false, 0},
          points(points_, "points"),
          feature(feature_, "feature"),
          normal(normal_, "normal"),
          views(views_, "views") {
        const TensorView<float, 1> table(table_, "table");
        table.expect(0, grid.floats(), "table");
        texture.table = table.data();
        points.expect(1, 3, "points");
        feature.expect(0, points.shape(0), "feature");
        normal.expect(0, points.shape(0), "normal");
        normal.expect(1, 3, "normal");
        if (!rays_.is_none()) {
            rays.emplace(rays_, "rays");
            rays->expect(0, points.shape(0), "rays");
            expect_below(*rays, views.shape(0), "rays");
        } else {
            views.expect(0, points.shape(0), "views");
        }
        if (!counted_.is_none()) {
            counted.emplace(counted_, "counted");
            expect_below(*counted, points.shape(0), "counted");
        }
        network = make_network(weights, biases, width(), "relu", 0.0f, precision);
    }

    int64_t feature_at() const { return texture.width(); }
    int64_t normal_at() const { return feature_at() + feature.shape(1); }
    int64_t views_at() const { return normal_at() + 3; }
    int64_t width() const { return views_at() + views.shape(1); }
    int64_t count() const { return counted ? counted->size() : points.shape(0); }
    int64_t sample(int64_t i) const { return counted ? (*counted)[i] : i; }

    // What the network saw of the samples that count, for the backward: rows of whole vectors of them. Null for None.
    float* rows_kept(const py::object& object) const {
        if (object.is_none()) return nullptr;
        const TensorView<float, 1> view(object, "kept");
        view.expect(0, whole_vectors(count()) * width(), "kept");
        return view.data();
    }

    // Takes samples [begin, end) of those that count, with their rows in `kept` where that is not null.
    void take(Chunk& chunk, int64_t begin, int64_t end, float* kept) const {
        const float* from = counted ? points.data() : points.row(begin);
        const int64_t* rows = counted ? counted->data() + begin : nullptr;
        chunk.take(from, rows, end - begin, width(), kept != nullptr ? kept + begin * width() : nullptr);
    }

    // Fills the rows that the network sees of the samples.
    void fill(Chunk& chunk, int64_t begin, int64_t end) const {
        chunk.encode<false>(texture, width());
        for (int64_t i = begin; i < end; ++i) {
            const int64_t at = sample(i);
            float* to = chunk.inputs() + (i - begin) * width();
            std::copy_n(feature.row(at), feature.shape(1), to + feature_at());
            std::copy_n(normal.row(at), 3, to + normal_at());
            std::copy_n(views.row(rays ? (*rays)[at] : at), views.shape(1), to + views_at());
        }
    }
};

void forward(const Samples& samples, float* rgb, float* kept) {
    parallel_chunks(samples.count(), kPart, [&](int64_t begin, int64_t end) {
        const int64_t taken = end - begin;
        Chunk& chunk = own_chunk();
        samples.take(chunk, begin, end, kept);
        samples.fill(chunk, begin, end);
        float* colors = samples.counted ? own_rows<0>(3 * taken) : rgb + 3 * begin;
        forward_tiles(samples.network, chunk.inputs(), colors, nullptr, true, 0, taken);
        if (!samples.counted) return;
        for (int64_t i = begin; i < end; ++i) std::copy_n(colors + 3 * (i - begin), 3, rgb + 3 * samples.sample(i));
    });
}

void backward(const Samples& samples, const Rows& d_rgb, float* d_feature, float* d_normal, float* kept,
              const Derivatives& to, float* table_gradient) {
    const int64_t width = samples.width(), features = samples.feature.shape(1);
    const auto run = [&](Span& span, int64_t first, int64_t begin, int64_t end, float* sums) {
        const int64_t taken = end - begin;
        Chunk& chunk = own_chunk();
        samples.take(chunk, first + begin, first + end, kept);
        Span::note(span.points, chunk.points(), begin, taken);
        float *above = own_rows<0>(3 * taken), *d_inputs = own_rows<1>(whole_vectors(taken) * width);
        for (int64_t i = 0; i < taken; ++i) std::copy_n(d_rgb.row(samples.sample(first + begin + i)), 3, above + 3 * i);
        backward_tiles(samples.network, chunk.inputs(), above, nullptr, d_inputs, sums, true, 0, taken);
        std::fill(d_inputs + taken * width, d_inputs + whole_vectors(taken) * width, 0.0f);
        span.d_features.take(samples.texture.grid, d_inputs, width, begin, taken);
        for (int64_t i = 0; i < taken; ++i) {
            const int64_t at = samples.sample(first + begin + i);
            const float* from = d_inputs + i * width;
            std::copy_n(from + samples.feature_at(), features, d_feature + at * features);
            std::copy_n(from + samples.normal_at(), 3, d_normal + 3 * at);
        }
    };
    const PointColumns& texture = samples.texture;
    walk_spans(samples.network, texture.grid, samples.count(), false, to, run, [&](Span& span, int64_t, int64_t whole) {
        scatter_span(texture.grid, texture.smooth, texture.active, *span.points, whole, span.d_features, nullptr, {}, 0,
                     table_gradient);
    });
}

void radiance_query_forward(const Grid& grid, bool smooth, int active, const py::object& table, const Objects& weights,
                            const Objects& biases, const std::string& precision, const py::object& points,
                            const py::object& feature, const py::object& normal, const py::object& views, const py::object& rays,
                            const py::object& counted, const py::object& rgb_, const py::object& kept_) {
    const Samples samples(grid, smooth, active, table, weights, biases, precision, points, feature, normal, views, rays, counted);
    if (samples.network.outputs() != 3) throw py::value_error("neurfield native: the network of colours must have 3 outputs");
    const int64_t all = samples.points.shape(0);
    float *rgb = grid::rows_of(rgb_, "rgb", all, 3), *kept = samples.rows_kept(kept_);
    const py::gil_scoped_release release;
    if (samples.counted) std::fill_n(rgb, 3 * all, 0.0f);
    forward(samples, rgb, kept);
}

void radiance_query_backward(const Grid& grid, bool smooth, int active, const py::object& table, const Objects& weights,
                             const Objects& biases, const std::string& precision, const py::object& points, const py::object& feature,
                             const py::object& normal, const py::object& views, const py::object& rays, const py::object& counted,
                             const py::object& kept_, const py::object& d_rgb_, const py::object& d_feature_, const py::object& d_normal_,
                             const Objects& d_weights, const Objects& d_biases, const py::object& table_gradient_) {
    const Samples samples(grid, smooth, active, table, weights, biases, precision, points, feature, normal, views, rays, counted);
    const int64_t all = samples.points.shape(0), features = samples.feature.shape(1);
    const Rows d_rgb(d_rgb_, "d_rgb");
    d_rgb.expect(0, all, "d_rgb");
    d_rgb.expect(1, 3, "d_rgb");
    float* d_feature = grid::rows_of(d_feature_, "d_feature", all, features);
    float* d_normal = grid::rows_of(d_normal_, "d_normal", all, 3);
    const TensorView<float, 1> table_gradient(table_gradient_, "table_gradient");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    float* kept = samples.rows_kept(kept_);
    if (kept == nullptr && samples.count() > 0) throw py::value_error("neurfield native: the backward needs what the forward kept");
    const Derivatives to = derivatives_of(samples.network, d_weights, d_biases);
    const py::gil_scoped_release release;
    if (samples.counted) {
        std::fill_n(d_feature, all * features, 0.0f);
        std::fill_n(d_normal, 3 * all, 0.0f);
    }
    backward(samples, d_rgb, d_feature, d_normal, kept, to, table_gradient.data());
}

}  // namespace

void bind_radiance_query(py::module_& module) {
    module.def("radiance_query_keeps", [](int64_t width, int64_t samples) { return whole_vectors(samples) * width; });
    module.def("radiance_query_forward", &radiance_query_forward);
    module.def("radiance_query_backward", &radiance_query_backward);
}

}  // namespace neurfield::field
