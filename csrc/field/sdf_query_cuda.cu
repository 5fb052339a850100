// One query of an SDF on the GPU: grid -> network -> outputs and the spatial gradient of the one asked for, and the backward of both. One call
// each way starts a handful of kernels, with nothing of torch between them; what the backward wants of the encoding is kept, the
// network's activations are made again.
#include <optional>

#include "common/families.h"
#include "cuda/launch.h"
#include "encoding/grid_kernels.h"
#include "field/columns_kernels.h"
#include "field/query_arguments.h"
#include "network/mlp_cuda.h"

namespace neurfield::field {
namespace {

using cuda::Scratch;

constexpr float kHalf = 0.5f;  // the grid's cube is [0, 1]^3, the frame [-1, 1]^3

int64_t whole_tiles(int64_t count) { return (count + grid::kJacobianLanes - 1) / grid::kJacobianLanes * grid::kJacobianLanes; }

// A point's row: what the network sees of it, with room before and behind so that the grid's features are aligned for vector loads.
struct RowShape {
    int64_t before, stride;

    RowShape(const PlainColumns& plain, int64_t features)
        : before((4 - plain.width() % 4) % 4), stride((before + plain.width() + features + 3) / 4 * 4) {}
};

// What a query has of each point, as regions of one buffer: the network's inputs, the slope of the SDF by them, and the jacobian of the
// features.
struct Rows {
    float *inputs, *slope, *jacobian;

    static int64_t floats(int64_t count, const RowShape& shape, int64_t features) {
        return 2 * count * shape.stride + 3 * whole_tiles(count) * features;
    }
    Rows(float* memory, int64_t count, const RowShape& shape)
        : inputs(memory + shape.before), slope(inputs + count * shape.stride), jacobian(memory + 2 * count * shape.stride) {}
};

struct Query {
    const SdfQuery& call;
    const Grid& grid;
    PlainColumns plain;
    RowShape row;
    cuda::Mlp network;

    explicit Query(const SdfQuery& query)
        : call(query), grid(query.shape.grid), plain{query.shape.coordinates, query.shape.frequencies}, row(plain, grid.row()),
          network(query.network, query.like) {}

    int levels() const { return static_cast<int>(grid.levels.size()); }
    grid::Samples samples() const { return {call.points, nullptr, call.count, kHalf, kHalf}; }
    float* features(float* rows) const { return rows + plain.width(); }
};

void sdf_query_forward(const SdfForward& call) {
    const Query query(call.query);
    const Grid& grid = query.grid;
    const int64_t count = call.query.count, row = query.row.stride;
    float *gradient = call.gradient, *memory = call.kept;
    std::optional<Scratch> own;
    if (memory == nullptr)
        memory = own.emplace(call.query.like, gradient != nullptr ? sdf_query_keeps(call.query.shape, count) : count * row).data();
    const Rows rows(memory, count, query.row);
    grid::encode_samples(grid, call.query.shape.smooth, call.query.shape.active, query.samples(), call.query.table,
                         query.features(rows.inputs), row, gradient != nullptr ? rows.jacobian : nullptr);
    put_plain_columns(query.plain, count, call.query.points, row, rows.inputs);
    query.network.forward(count, rows.inputs, row, call.query.asked, call.outputs, gradient != nullptr ? rows.slope : nullptr, false);
    if (gradient == nullptr) return;
    pull_plain_columns(query.plain, count, rows.inputs, rows.slope, row, gradient);
    grid::jacobian_t_product(3, query.levels(), grid.features, count, rows.jacobian, query.features(rows.slope), row, kHalf, true,
                             gradient);
}

void sdf_query_backward(const SdfBackward& call) {
    const Query query(call.query);
    const Grid& grid = query.grid;
    const py::object& like = call.query.like;
    const int64_t count = call.query.count, row = query.row.stride, outputs = query.network.outputs();
    const float *d_outputs = call.d_outputs, *d_gradient = call.d_gradient;
    const Rows rows(call.kept, count, query.row);
    std::optional<Scratch> zeros, change;
    float* d_slope = nullptr;
    if (d_outputs == nullptr) {
        d_outputs = zeros.emplace(like, count * outputs).data();
        cuda::clear(zeros->data(), count * outputs);
    }
    if (d_gradient != nullptr) {
        d_slope = change.emplace(like, count * row).data() + query.row.before;
        push_plain_columns(query.plain, count, rows.inputs, d_gradient, row, d_slope);
        grid::jacobian_product(3, query.levels(), grid.features, count, rows.jacobian, d_gradient, kHalf, query.features(d_slope), row);
    }
    const Scratch d_rows(like, count * row);
    float* d_inputs = d_rows.data() + query.row.before;
    query.network.backward(count, rows.inputs, row, call.query.asked, d_outputs, d_slope, false, d_inputs, call.to);
    grid::scatter_samples(grid, call.query.shape.smooth, call.query.shape.active, query.samples(), query.features(d_inputs), row,
                          d_gradient, kHalf, d_gradient != nullptr ? query.features(rows.slope) : nullptr, row, call.table_gradient);
}

}  // namespace

int64_t sdf_query_keeps(const QueryShape& shape, int64_t count) {
    return Rows::floats(count, RowShape({shape.coordinates, shape.frequencies}, shape.grid.row()), shape.grid.row());
}

void bind_sdf_query(py::module_& module) {
    define(module, "sdf_query_forward", sdf_query_forward_of, sdf_query_forward);
    define(module, "sdf_query_backward", sdf_query_backward_of, sdf_query_backward);
}

}  // namespace neurfield::field
