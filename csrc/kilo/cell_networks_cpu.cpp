// Rows and points through tiny networks of cells: each cell's rows are as many as they are, and its network stays in the first cache.
#include "common/families.h"
#include "common/parallel.h"
#include "field/frequency_products.h"
#include "kilo/cell_networks_arguments.h"

namespace neurfield::kilo {
namespace {

constexpr int64_t kMostRows = 1024;    // per batch: a network is packed once for so many
constexpr int64_t kMostPoints = 512;   // whose inputs stay in the second-level cache
constexpr int64_t kPointsAChunk = 1 << 14;

void cell_forward(const CellForward& call) {
    const std::vector<Batch> batches = batches_of(call.starts, call.networks.count, kMostRows);
    const py::gil_scoped_release release;
    parallel_chunks(static_cast<int64_t>(batches.size()), 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            const Batch& batch = batches[i];
            const Network& network = call.networks.packed(batch.cell);
            forward_tiles(network, call.inputs, nullptr, call.outputs, call.gradient, call.sigmoid, batch.begin, batch.end);
        }
    });
}

// A cell's sums, laid out as Network says, into its part of the dense gradients.
void unpack_cell(const CellBackward& call, const Network& network, const float* sums, int64_t cell) {
    for (size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        const bool is_last = l + 1 == network.layers.size();
        const int64_t to_next_output = is_last ? padded(layer.inputs) : 1, to_next_input = is_last ? 1 : padded(layer.outputs);
        float* to = call.d_weights[l] + cell * layer.outputs * layer.inputs;
        for (int64_t o = 0; o < layer.outputs; ++o)
            for (int64_t i = 0; i < layer.inputs; ++i)
                to[o * layer.inputs + i] = sums[layer.weight_gradient + o * to_next_output + i * to_next_input];
        std::copy_n(sums + layer.bias_gradient, layer.outputs, call.d_biases[l] + cell * layer.outputs);
    }
}

// A cell is one thread's: the sums are the same however many there are.
void cell_backward(const CellBackward& call) {
    const py::gil_scoped_release release;
    parallel_chunks(call.networks.count, 1, [&](int64_t first, int64_t last) {
        static thread_local AlignedFloats storage;
        for (int64_t cell = first; cell < last; ++cell) {
            const Network& network = call.networks.packed(cell);
            float* sums = storage.reserve(network.gradient_size);
            std::fill_n(sums, network.gradient_size, 0.0f);
            const int64_t begin = call.starts[cell], end = call.starts[cell + 1];
            if (begin < end)
                backward_tiles(network, call.inputs, nullptr, call.d_outputs, call.d_gradient, call.d_inputs, sums, call.sigmoid, begin,
                               end);
            unpack_cell(call, network, sums, cell);
        }
    });
}

// Points by their cells: `order` has those of cell k from starts[k] on, and leaves out those without a network.
struct Binned {
    std::vector<int64_t> starts, order;
    std::vector<float> local;  // [.., 3], of points in their own order

    Binned(const CellGrid& grid, int64_t networks, const float* points, int64_t count) : starts(networks + 1), local(3 * count) {
        std::vector<int32_t> cell(count);
        parallel_chunks(count, kPointsAChunk, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) cell[i] = grid.locate(points + 3 * i, local.data() + 3 * i);
        });
        for (int64_t i = 0; i < count; ++i)
            if (cell[i] >= 0) ++starts[cell[i] + 1];
        for (int64_t k = 0; k < networks; ++k) starts[k + 1] += starts[k];
        order.resize(starts[networks]);
        std::vector<int64_t> free(starts.begin(), starts.end() - 1);
        for (int64_t i = 0; i < count; ++i)
            if (cell[i] >= 0) order[free[cell[i]]++] = i;
    }
};

// Half an edge scales a network's output to a length, and its slope in the cell is then the slope in space.
void cell_query(const CellQuery& call) {
    const py::gil_scoped_release release;
    const int64_t width = call.networks.inputs(), outputs = call.networks.outputs();
    const Binned binned(call.grid, call.networks.count, call.points, call.count);
    std::fill_n(call.outputs, call.count * outputs, 0.0f);
    if (call.gradient != nullptr) std::fill_n(call.gradient, call.count * 3, 0.0f);
    const std::vector<Batch> batches = batches_of(binned.starts.data(), call.networks.count, kMostPoints);
    parallel_chunks(static_cast<int64_t>(batches.size()), 1, [&](int64_t first, int64_t last) {
        static thread_local LocalColumns columns;
        static thread_local AlignedFloats places, answers, slopes;
        for (int64_t b = first; b < last; ++b) {
            const int64_t* points = binned.order.data() + batches[b].begin;
            const int64_t count = batches[b].end - batches[b].begin;
            float* local = places.reserve(3 * count);
            for (int64_t i = 0; i < count; ++i) std::copy_n(binned.local.data() + 3 * points[i], 3, local + 3 * i);
            const float* rows = columns.of(local, count, call.octaves);
            float* answer = answers.reserve(count * outputs);
            float* slope = call.gradient != nullptr ? slopes.reserve(count * width) : nullptr;
            forward_tiles(call.networks.packed(batches[b].cell), rows, nullptr, answer, slope, false, 0, count);
            for (int64_t i = 0; i < count; ++i) {
                std::copy_n(answer + i * outputs, outputs, call.outputs + points[i] * outputs);
                if (slope == nullptr) continue;
                float* to = call.gradient + 3 * points[i];
                std::copy_n(slope + i * width, 3, to);
                field::frequency_t_product(rows + i * width + 3, slope + i * width + 3, call.octaves, to);
            }
        }
    });
    for (int64_t i = 0; i < call.count; ++i) call.outputs[i * outputs] *= 0.5f * call.grid.edge;
}

}  // namespace
}  // namespace neurfield::kilo

namespace neurfield {

void bind_cell_networks(py::module_& module) {
    define(module, "cell_forward", kilo::cell_forward_of, kilo::cell_forward);
    define(module, "cell_backward", kilo::cell_backward_of, kilo::cell_backward);
    define(module, "cell_query", kilo::cell_query_of, kilo::cell_query);
}

}  // namespace neurfield
