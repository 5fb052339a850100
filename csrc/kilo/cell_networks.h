// Many tiny networks of one shape, one a cell of a grid, and the rows of points that go through each (KiloNeRF, Reiser et al. 2021).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "network/mlp_tiles.h"

namespace neurfield::kilo {

struct CellLayer {
    int64_t inputs, outputs;
    const float *weight, *bias;  // [count, outputs, inputs], [count, outputs]
};

struct CellNetworks {
    int64_t count;
    std::vector<CellLayer> layers;
    bool softplus;  // else ReLU
    float beta;

    int64_t inputs() const { return layers.front().inputs; }
    int64_t outputs() const { return layers.back().outputs; }

    // One of them, its weights packed into memory that the thread keeps from cell to cell.
    const Network& packed(int64_t cell) const {
        static thread_local Network network;
        pack(cell, network, outputs());
        return network;
    }

    // Packs one of them, with its first `answers` outputs alone.
    void pack(int64_t cell, Network& network, int64_t answers) const {
        network.layers.resize(layers.size());
        for (size_t l = 0; l < layers.size(); ++l) {
            const CellLayer& from = layers[l];
            Layer& to = network.layers[l];
            to.inputs = from.inputs, to.outputs = l + 1 < layers.size() ? from.outputs : answers;
            to.weight = from.weight + cell * from.outputs * from.inputs;
            to.bias = from.bias + cell * from.outputs;
        }
        network.widest = network.gradient_size = 0;
        network.softplus = softplus, network.beta = beta;
        network.pack();
    }
};

// Rows [begin, end) that one cell's network is asked for.
struct Batch {
    int64_t cell, begin, end;
};

// The rows of each cell, starts[cell] to starts[cell + 1], in batches of `most` rows at most: as many as there are, none is padded.
inline std::vector<Batch> batches_of(const int64_t* starts, int64_t cells, int64_t most) {
    std::vector<Batch> batches;
    for (int64_t cell = 0; cell < cells; ++cell)
        for (int64_t begin = starts[cell]; begin < starts[cell + 1]; begin += most)
            batches.push_back({cell, begin, std::min(begin + most, starts[cell + 1])});
    return batches;
}

}  // namespace neurfield::kilo
