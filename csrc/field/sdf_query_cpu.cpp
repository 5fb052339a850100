// One query of an SDF: hash grid (and the point, and its frequencies) -> network -> outputs and the spatial gradient of the one
// asked for, with the backward of both into the network and the table. A chunk of points goes through all of it while its rows are in the
// cache. What the backward wants of the encoding is kept (0.7 kB a point), not made again: on a machine whose neighbours use its
// last-level cache too, fetching the table's entries twice made a step 10 to 25 % slower. The network's activations are made again.
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

// What the backward wants of the forward: regions of one buffer, for whole vectors of points.
class Kept {
public:
    Kept(float* data, int64_t count, const PointColumns& columns)
        : data_(data), width_(columns.width()), stride_(LevelRows::stride_of(columns.grid, count)),
          slopes_(LevelRows::floats(columns.grid, count)), rows_(whole_vectors(count) * width_) {}

    explicit operator bool() const { return data_ != nullptr; }
    LevelRows slope() const { return {data_, stride_}; }  // of the output asked for, by the features
    float* inputs(int64_t point) const { return data_ != nullptr ? data_ + slopes_ + point * width_ : nullptr; }
    float* jacobian(int64_t point) const { return data_ != nullptr ? data_ + slopes_ + rows_ + 3 * point * width_ : nullptr; }

private:
    float* data_;
    int64_t width_, stride_, slopes_, rows_;
};

const int64_t* from_point(const int64_t* asked, int64_t point) { return asked != nullptr ? asked + point : nullptr; }

// Points of a forward task: the more, the longer a level's entries stay near; the fewer, the better threads share the work.
int64_t forward_chunk(int64_t count) {
    const int64_t share = count / (2 * max_threads());
    return std::clamp<int64_t>((share + kPart - 1) / kPart * kPart, kPart, 16 * kPart);
}

void forward(const PointColumns& columns, const Network& network, int64_t count, const float* points, const int64_t* asked, float* outputs,
             float* gradient, Kept kept) {
    const int64_t width = columns.width(), wide_out = network.outputs();
    parallel_chunks(count, forward_chunk(count), [&](int64_t begin, int64_t end) {
        const int64_t taken = end - begin, whole = whole_vectors(taken);
        Chunk& chunk = own_chunk();
        chunk.take(points + 3 * begin, nullptr, taken, width, kept.inputs(begin), kept.jacobian(begin));
        gradient != nullptr ? chunk.encode<true>(columns, width) : chunk.encode<false>(columns, width);
        float* slope = gradient != nullptr ? own_rows<0>(whole * width) : nullptr;
        forward_tiles(network, chunk.inputs(), from_point(asked, begin), outputs + begin * wide_out, slope, false, 0, taken);
        if (gradient == nullptr) return;
        std::fill(slope + taken * width, slope + whole * width, 0.0f);
        chunk.pull_to_points(columns, slope, width, gradient + 3 * begin);
        if (kept) kept.slope().take(columns.grid, slope + columns.features_at(), width, begin, taken);
    });
}

void backward(const PointColumns& columns, const Network& network, int64_t count, const float* points, const int64_t* asked,
              const float* d_outputs, const float* d_gradient, Kept kept, const Derivatives& to, float* table_gradient) {
    const int64_t width = columns.width(), wide_out = network.outputs();
    const auto run = [&](Span& span, int64_t first, int64_t begin, int64_t end, float* sums) {
        const int64_t from = first + begin, taken = end - begin;
        Chunk& chunk = own_chunk();
        chunk.take(points + 3 * from, nullptr, taken, width, kept.inputs(from), kept.jacobian(from));
        const float *change = nullptr, *above = d_outputs != nullptr ? d_outputs + from * wide_out : nullptr;
        if (d_gradient != nullptr) {
            change = chunk.push_from_points(columns, d_gradient + 3 * from, width);
            Span::note(span.tangents, chunk.tangents(), begin, taken);
        }
        Span::note(span.points, chunk.points(), begin, taken);
        if (above == nullptr) {
            float* zeros = own_rows<0>(taken * wide_out);
            std::fill_n(zeros, taken * wide_out, 0.0f);
            above = zeros;
        }
        const int64_t whole = whole_vectors(taken);
        float* d_inputs = own_rows<1>(whole * width);
        backward_tiles(network, chunk.inputs(), from_point(asked, from), above, change, d_inputs, sums, false, 0, taken);
        std::fill(d_inputs + taken * width, d_inputs + whole * width, 0.0f);
        span.d_features.take(columns.grid, d_inputs + columns.features_at(), width, begin, taken);
    };
    const bool bent = d_gradient != nullptr;
    walk_spans(network, columns.grid, count, bent, to, run, [&](Span& span, int64_t first, int64_t whole) {
        scatter_span(columns.grid, columns.smooth, columns.active, *span.points, whole, span.d_features, bent ? &*span.tangents : nullptr,
                     kept.slope(), first, table_gradient);
    });
}

PointColumns columns_of(const QueryShape& shape, const float* table) {
    return {shape.grid, table, shape.smooth, shape.active, shape.coordinates, shape.frequencies};
}

void sdf_query_forward(const SdfForward& call) {
    const SdfQuery& query = call.query;
    const PointColumns columns = columns_of(query.shape, query.table);
    const Network network = make_network(query.network);
    const py::gil_scoped_release release;
    forward(columns, network, query.count, query.points, query.asked, call.outputs, call.gradient, Kept(call.kept, query.count, columns));
}

void sdf_query_backward(const SdfBackward& call) {
    const SdfQuery& query = call.query;
    const PointColumns columns = columns_of(query.shape, query.table);
    const Network network = make_network(query.network);
    const py::gil_scoped_release release;
    backward(columns, network, query.count, query.points, query.asked, call.d_outputs, call.d_gradient,
             Kept(call.kept, query.count, columns), call.to, call.table_gradient);
}

}  // namespace

int64_t sdf_query_keeps(const QueryShape& shape, int64_t count) {
    return LevelRows::floats(shape.grid, count) + 4 * whole_vectors(count) * shape.width();
}

void bind_sdf_query(py::module_& module) {
    define(module, "sdf_query_forward", sdf_query_forward_of, sdf_query_forward);
    define(module, "sdf_query_backward", sdf_query_backward_of, sdf_query_backward);
}

}  // namespace neurfield::field

namespace neurfield {

void bind_field(py::module_& module) {
    field::bind_query_arguments(module);
    field::bind_sdf_query(module);
    field::bind_radiance_query(module);
}

}  // namespace neurfield
