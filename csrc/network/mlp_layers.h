// A tiny network as its CUDA kernels see it, and where its packed weights and the sums of its gradients lie.
//
// Symbols as in fused_mlp.h: z_l = W_l a_{l-1} + b_l, a_l = act(z_l), l = 1 .. L; hidden layers are padded to one width with zeros.
#pragma once

#include <cstdint>

namespace neurfield::cuda {

constexpr int kMostLayers = 8;
constexpr int kRows = 16;  // points of a warp's tile

struct MlpLayer {
    int inputs, outputs;
    const float *weight, *bias;  // [outputs, inputs], [outputs]
    // Packed as B of the products that they are for, 16 x 8 blocks row after row: W^T for values and for tangents, W for adjoints.
    const uint32_t *value, *forward, *backward;
    int64_t sums;  // offset of the gradient's sums: 16 x 8 blocks of [outputs, inputs + 8], the last 8 columns being the bias's and zeros
};

struct MlpLayers {
    MlpLayer at[kMostLayers];
    int count;  // L
    int width;  // of hidden layers, padded
    bool softplus;  // else ReLU
    float beta;
    const float* undo;  // [L][2]: inverses of the weights' scales, for values and for derivatives

    constexpr const MlpLayer& last() const { return at[count - 1]; }
};

constexpr int up_to(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

// Blocks of 8 columns, and of 16 rows, of a layer's gradient.
constexpr int sum_columns(const MlpLayer& layer) { return up_to(layer.inputs, 8) / 8 + 1; }
constexpr int sum_rows(const MlpLayer& layer) { return up_to(layer.outputs, 16) / 16; }
constexpr int kBlock = 16 * 8;  // floats of a block of sums: four a lane, as in fragments of C

}  // namespace neurfield::cuda
