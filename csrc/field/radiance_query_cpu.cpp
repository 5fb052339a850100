// The colour of samples: texture from a hash grid, the SDF's feature, the unit normal and the encoded view -> network -> sigmoid, with
// the backward into all but the points and the views. Only samples that count are read and written, by their index, so that nothing
// is gathered beforehand.
#include <algorithm>

#include "common/families.h"
#include "common/parallel.h"
#include "field/backward_spans.h"
#include "field/own.h"
#include "field/point_columns.h"
#include "field/query_arguments.h"
#include "network/mlp_arguments.h"
#include "network/mlp_tiles.h"

namespace neurfield::field {
namespace {

// A query's samples with the network that sees them.
struct Samples {
    const RadianceQuery& call;
    PointColumns texture;
    Network network;

    explicit Samples(const RadianceQuery& query)
        : call(query), texture{query.shape.grid, query.table, query.shape.smooth, query.shape.active, false, 0},
          network(make_network(query.network)) {}

    int64_t feature_at() const { return texture.width(); }
    int64_t normal_at() const { return feature_at() + call.feature.width; }
    int64_t views_at() const { return normal_at() + 3; }
    int64_t width() const { return call.width(); }
    int64_t count() const { return call.count; }
    int64_t sample(int64_t i) const { return call.counted != nullptr ? call.counted[i] : i; }

    // Takes samples [begin, end) of those that count, with their rows in `kept` where that is not null.
    void take(Chunk& chunk, int64_t begin, int64_t end, float* kept) const {
        const float* from = call.counted != nullptr ? call.points : call.points + 3 * begin;
        const int64_t* rows = call.counted != nullptr ? call.counted + begin : nullptr;
        chunk.take(from, rows, end - begin, width(), kept != nullptr ? kept + begin * width() : nullptr);
    }

    // Fills the rows that the network sees of the samples.
    void fill(Chunk& chunk, int64_t begin, int64_t end) const {
        chunk.encode<false>(texture, width());
        for (int64_t i = begin; i < end; ++i) {
            const int64_t at = sample(i);
            float* to = chunk.inputs() + (i - begin) * width();
            std::copy_n(call.feature.row(at), call.feature.width, to + feature_at());
            std::copy_n(call.normal.row(at), 3, to + normal_at());
            std::copy_n(call.views.row(call.rays != nullptr ? call.rays[at] : at), call.views.width, to + views_at());
        }
    }
};

void forward(const Samples& samples, float* rgb, float* kept) {
    parallel_chunks(samples.count(), kPart, [&](int64_t begin, int64_t end) {
        const int64_t taken = end - begin;
        Chunk& chunk = own_chunk();
        samples.take(chunk, begin, end, kept);
        samples.fill(chunk, begin, end);
        float* colors = samples.call.some ? own_rows<0>(3 * taken) : rgb + 3 * begin;
        forward_tiles(samples.network, chunk.inputs(), nullptr, colors, nullptr, true, 0, taken);
        if (!samples.call.some) return;
        for (int64_t i = begin; i < end; ++i) std::copy_n(colors + 3 * (i - begin), 3, rgb + 3 * samples.sample(i));
    });
}

void backward(const Samples& samples, const RadianceBackward& call) {
    const int64_t width = samples.width(), features = samples.call.feature.width;
    const auto run = [&](Span& span, int64_t first, int64_t begin, int64_t end, float* sums) {
        const int64_t taken = end - begin;
        Chunk& chunk = own_chunk();
        samples.take(chunk, first + begin, first + end, call.kept);
        Span::note(span.points, chunk.points(), begin, taken);
        float *above = own_rows<0>(3 * taken), *d_inputs = own_rows<1>(whole_vectors(taken) * width);
        for (int64_t i = 0; i < taken; ++i) std::copy_n(call.d_rgb.row(samples.sample(first + begin + i)), 3, above + 3 * i);
        backward_tiles(samples.network, chunk.inputs(), nullptr, above, nullptr, d_inputs, sums, true, 0, taken);
        std::fill(d_inputs + taken * width, d_inputs + whole_vectors(taken) * width, 0.0f);
        span.d_features.take(samples.texture.grid, d_inputs, width, begin, taken);
        for (int64_t i = 0; i < taken; ++i) {
            const int64_t at = samples.sample(first + begin + i);
            const float* from = d_inputs + i * width;
            std::copy_n(from + samples.feature_at(), features, call.d_feature + at * features);
            std::copy_n(from + samples.normal_at(), 3, call.d_normal + 3 * at);
        }
    };
    const PointColumns& texture = samples.texture;
    walk_spans(samples.network, texture.grid, samples.count(), false, call.to, run, [&](Span& span, int64_t, int64_t whole) {
        scatter_span(texture.grid, texture.smooth, texture.active, *span.points, whole, span.d_features, nullptr, {}, 0,
                     call.table_gradient);
    });
}

void radiance_query_forward(const RadianceForward& call) {
    const Samples samples(call.query);
    const py::gil_scoped_release release;
    if (call.query.some) std::fill_n(call.rgb, 3 * call.query.all, 0.0f);
    forward(samples, call.rgb, call.kept);
}

void radiance_query_backward(const RadianceBackward& call) {
    const Samples samples(call.query);
    const py::gil_scoped_release release;
    if (call.query.some) {
        std::fill_n(call.d_feature, call.query.all * call.query.feature.width, 0.0f);
        std::fill_n(call.d_normal, 3 * call.query.all, 0.0f);
    }
    backward(samples, call);
}

}  // namespace

int64_t radiance_query_keeps(int64_t width, int64_t samples) { return whole_vectors(samples) * width; }

void bind_radiance_query(py::module_& module) {
    define(module, "radiance_query_forward", radiance_query_forward_of, radiance_query_forward);
    define(module, "radiance_query_backward", radiance_query_backward_of, radiance_query_backward);
}

}  // namespace neurfield::field
