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

// What a query has of each point, as regions of one buffer: the network's inputs, the jacobian of the features, and the slope of the SDF by
// the inputs.
struct Rows {
    float *inputs, *slope, *jacobian;

    static int64_t floats(int64_t count, int64_t width, int64_t features) {
        return 2 * (count * width + 3) / 4 * 4 + 3 * whole_tiles(count) * features;
    }
    Rows(float* memory, int64_t count, int64_t width)
        : inputs(memory), slope(memory + count * width), jacobian(memory + 2 * (count * width + 3) / 4 * 4) {}
};

struct Query {
    const Grid& grid;
    bool smooth;
    int active;
    PlainColumns plain;
    int64_t width;
    TensorView<float, 1> table;
    TensorView<float, 2> points;
    cuda::Mlp network;

    Query(const Grid& grid_, bool smooth_, int active_, bool coordinates, int frequencies, const py::object& table_, const Objects& weights,
          const Objects& biases, const std::string& activation, float beta, const std::string& precision, const py::object& points_)
        : grid(grid_), smooth(smooth_), active(active_), plain{coordinates, frequencies}, width(plain.width() + grid_.row()),
          table(table_, "table"), points(points_, "points"), network(weights, biases, width, activation, beta, precision) {
        points.expect(1, 3, "points");
        table.expect(0, grid.floats(), "table");
    }

    int64_t count() const { return points.shape(0); }
    int levels() const { return static_cast<int>(grid.levels.size()); }
    grid::Samples samples() const { return {points.data(), nullptr, count(), kHalf, kHalf}; }
    float* features(float* rows) const { return rows + plain.width(); }
};

int64_t sdf_query_keeps(const Grid& grid, bool coordinates, int frequencies, int64_t count) {
    return Rows::floats(count, PlainColumns{coordinates, frequencies}.width() + grid.row(), grid.row());
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
        memory = own.emplace(points, gradient != nullptr ? floats : count * query.width).data();
    } else {
        const TensorView<float, 1> view(kept_, "kept");
        view.expect(0, floats, "kept");
        memory = view.data();
    }
    const Rows rows(memory, count, query.width);
    grid::encode_samples(grid, smooth, active, query.samples(), query.table.data(), query.features(rows.inputs), query.width,
                         gradient != nullptr ? rows.jacobian : nullptr);
    put_plain_columns(query.plain, count, query.points.data(), query.width, rows.inputs);
    query.network.forward(count, rows.inputs, outputs, gradient != nullptr ? rows.slope : nullptr, false);
    if (gradient == nullptr) return;
    pull_plain_columns(query.plain, count, rows.inputs, rows.slope, query.width, gradient);
    grid::jacobian_t_product(3, query.levels(), grid.features, count, rows.jacobian, query.features(rows.slope), query.width, kHalf, true,
                             gradient);
}

void sdf_query_backward(const Grid& grid, bool smooth, int active, bool coordinates, int frequencies, const py::object& table,
                        const Objects& weights, const Objects& biases, const std::string& activation, float beta,
                        const std::string& precision, const py::object& points, const py::object& d_outputs_, const py::object& d_gradient_,
                        const py::object& kept_, const Objects& d_weights, const Objects& d_biases, const py::object& table_gradient_) {
    const Query query(grid, smooth, active, coordinates, frequencies, table, weights, biases, activation, beta, precision, points);
    const int64_t count = query.count(), width = query.width;
    const float* d_outputs = grid::rows_of(d_outputs_, "d_outputs", count, query.network.outputs());
    const float* d_gradient = grid::rows_of(d_gradient_, "d_gradient", count, 3);
    const TensorView<float, 1> kept(kept_, "kept"), table_gradient(table_gradient_, "table_gradient");
    kept.expect(0, sdf_query_keeps(grid, coordinates, frequencies, count), "kept");
    table_gradient.expect(0, grid.floats(), "table_gradient");
    const Rows rows(kept.data(), count, width);
    std::optional<Scratch> zeros, change;
    if (d_outputs == nullptr) {
        d_outputs = zeros.emplace(points, count * query.network.outputs()).data();
        cuda::clear(zeros->data(), count * query.network.outputs());
    }
    if (d_gradient != nullptr) {
        change.emplace(points, count * width);
        push_plain_columns(query.plain, count, rows.inputs, d_gradient, width, change->data());
        grid::jacobian_product(3, query.levels(), grid.features, count, rows.jacobian, d_gradient, kHalf, query.features(change->data()), width);
    }
    const Scratch d_inputs(points, count * width);
    query.network.backward(count, rows.inputs, d_outputs, change ? change->data() : nullptr, false, d_inputs.data(), d_weights, d_biases);
    grid::scatter_samples(grid, smooth, active, query.samples(), query.features(d_inputs.data()), width, d_gradient, kHalf,
                          d_gradient != nullptr ? query.features(rows.slope) : nullptr, width, table_gradient.data());
}

}  // namespace

void bind_sdf_query(py::module_& module) {
    module.def("sdf_query_keeps", &sdf_query_keeps);
    module.def("sdf_query_forward", &sdf_query_forward);
    module.def("sdf_query_backward", &sdf_query_backward);
}

}  // namespace neurfield::field
