// Before a network's kernels: weights into the order in which lanes read them. After them: the blocks' sums into gradients.
#pragma once

#include "network/mlp_layers.h"

namespace neurfield::cuda {

// One packed copy of a weight [outputs, inputs]: B [16 row_blocks][8 column_blocks] is its transpose or itself, zeros beyond it.
struct PackJob {
    const float* weight;
    int inputs, outputs;
    bool transposed;
    int row_blocks, column_blocks;
    uint32_t* to;
    float* undo;  // where the inverse of its scale goes
};

constexpr int kMostJobs = 3 * kMostLayers;
struct PackJobs {
    PackJob at[kMostJobs];
    int count;
};

// Packs in precision P (of mlp_factors.h).
template <class P>
void pack_weights(const PackJobs& jobs);

// Where the gradients of weights [outputs, inputs] and biases go.
struct MlpGradients {
    float *weight[kMostLayers], *bias[kMostLayers];
};

// sums [blocks][size], added up in the order of the blocks.
void collect_sums(const MlpLayers& net, const float* sums, int64_t size, int64_t blocks, const MlpGradients& to);

}  // namespace neurfield::cuda
