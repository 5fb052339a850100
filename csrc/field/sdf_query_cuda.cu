// One query of an SDF on the GPU: grid -> network -> outputs and the spatial gradient of the first, and the backward of both. One call
// each way starts a handful of kernels, with nothing of torch between them; what the backward wants of the encoding is kept, the
// network's activations are made again.
#include <optional>
#include <string>

#include "common/families.h"
#include "cuda/launch.h"
#include "encoding/grid_kernels.h"
#include "field/columns_kernels.h"
#include "network/mlp_cuda.h"

namespace neurfield::field {
namespace {

using cuda::Objects;
using cuda::Scratch;
using grid::Grid;

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
    const Grid& grid;
    bool smooth;
    int active;
    PlainColumns plain;
    RowShape row;
    TensorView<float, 1> table;
    TensorView<float, 2> points;
    cuda::Mlp network;

    Query(const Grid& grid_, bool smooth_, int active_, bool coordinates, int frequencies, const py::object& table_, const Objects& weights,
          const Objects& biases, const std::string& activation, float beta, const std::string& precision, const py::object& points_)
        : grid(grid_), smooth(smooth_), active(active_), plain{coordinates, frequencies}, row(plain, grid_.row()), table(table_, "table"),
          points(points_, "points"), network(weights, biases, plain.width() + grid_.row(), activation, beta, precision) {
        points.expect(1, 3, "points");
        table.expect(0, grid.floats(), "table");
    }

    int64_t count() const { return points.shape(0); }
    int levels() const { return static_cast<int>(grid.levels.size()); }
    grid::Samples samples() const { return {points.data(), nullptr, count(), kHalf, kHalf}; }
    float* features(float* rows) const { return rows + plain.width(); }
};

int64_t sdf_query_keeps(const Grid& grid, bool coordinates, int frequencies, int64_t count) {
    return Rows::floats(count, RowShape({coordinates, frequencies}, grid.row()), grid.row());
}

void sdf_query_forward(const Grid& grid, bool smooth, int active, bool coordinates, int frequencies, const py::object& table,
                       const Objects& weights, const Objects& biases, const std::string& activation, float beta,
                       const std::string& precision, const py::object& points, const py::object& outputs_, const py::object& gradient_,
                       const py::object& kept_) {
    const Query query(grid, smooth, active, coordinates, frequencies, table, weights, biases, activation, beta, precision, points);
    const int64_t count = query.count(), floats = sdf_query_keeps(grid, coordinates, frequencies, count);
    float* outputs = grid::rows_of(outputs_, "outputs", count, query.network.outputs());
    float* gradient = grid::rows_of(gradient_, "gradient", count, 3);
    std::optional<Scratch> own;
    float* memory = nullptr;
    if (kept_.is_none()) {
        memory = own.emplace(points, gradient != nullptr ? floats : count * query.row.stride).data();
    } else {
        const TensorView<float, 1> view(kept_, "kept");
        view.expect(0, floats, "kept");
        memory = view.data();
    }
    const int64_t row = query.row.stride;
    const Rows rows(memory, count, query.row);
    grid::encode_samples(grid, smooth, active, query.samples(), query.table.data(), query.features(rows.inputs), row,
                         gradient != nullptr ? rows.jacobian : nullptr);
    put_plain_columns(query.plain, count, query.points.data(), row, rows.inputs);
    query.network.forward(count, rows.inputs, row, outputs, gradient != nullptr ? rows.slope : nullptr, false);
    if (gradient == nullptr) return;
    pull_plain_columns(query.plain, count, rows.inputs, rows.slope, row, gradient);
    grid::jacobian_t_product(3, query.levels(), grid.features, count, rows.jacobian, query.features(rows.slope), row, kHalf, true, gradient);
}

void sdf_query_backward(const Grid& grid, bool smooth, int active, bool coordinates, int frequencies, const py::object& table,
                        const Objects& weights, const Objects& biases, const std::string& activation, float beta,
                        const std::string& precision, const py::object& points, const py::object& d_outputs_, const py::object& d_gradient_,
                        const py::object& kept_, const Objects& d_weights, const Objects& d_biases, const py::object& table_gradient_) {
    const Query query(grid, smooth, active, coordinates, frequencies, table, weights, biases, activation, beta, precision, points);
    const int64_t count = query.count(), row = query.row.stride;
    const float* d_outputs = grid::rows_of(d_outputs_, "d_outputs", count, query.network.outputs());
    const float* d_gradient = grid::rows_of(d_gradient_, "d_gradient", count, 3);
    const TensorView<float, 1> kept(kept_, "kept"), table_gradient(table_gradient_, "table_gradient");
    kept.expect(0, sdf_query_keeps(grid, coordinates, frequencies, count), "kept");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const Rows rows(kept.data(), count, query.row);
    std::optional<Scratch> zeros, change;
    float* d_slope = nullptr;
    if (d_outputs == nullptr) {
        d_outputs = zeros.emplace(points, count * query.network.outputs()).data();
        cuda::clear(zeros->data(), count * query.network.outputs());
    }
    if (d_gradient != nullptr) {
        d_slope = change.emplace(points, count * row).data() + query.row.before;
        push_plain_columns(query.plain, count, rows.inputs, d_gradient, row, d_slope);
        grid::jacobian_product(3, query.levels(), grid.features, count, rows.jacobian, d_gradient, kHalf, query.features(d_slope), row);
    }
    const Scratch d_rows(points, count * row);
    float* d_inputs = d_rows.data() + query.row.before;
    query.network.backward(count, rows.inputs, row, d_outputs, d_slope, false, d_inputs, d_weights, d_biases);
    grid::scatter_samples(grid, smooth, active, query.samples(), query.features(d_inputs), row, d_gradient, kHalf,
                          d_gradient != nullptr ? query.features(rows.slope) : nullptr, row, table_gradient.data());
}

}  // namespace

void bind_sdf_query(py::module_& module) {
    module.def("sdf_query_keeps", &sdf_query_keeps);
    module.def("sdf_query_forward", &sdf_query_forward);
    module.def("sdf_query_backward", &sdf_query_backward);
}

}  // namespace neurfield::field
