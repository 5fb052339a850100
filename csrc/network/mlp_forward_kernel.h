// Outputs of a tiny network, and the gradient of the one asked for with respect to the inputs: a warp takes 16 points through all layers.
#pragma once

#include "network/mlp_warp.h"

namespace neurfield::cuda {

constexpr int kWarps = 4;  // of a block, at most

struct MlpForward {
    MlpLayers net;
    int64_t count;
    const float* inputs;  // [count, D], rows `row` floats apart
    int64_t row;
    const int64_t* asked;  // [count] or null: the first output
    float* outputs;        // [count, O]
    float* gradient;       // as the inputs, or null
    bool sigmoid;
};

// Shared memory of a warp: factors of a product, which values need most of, and hidden layers that are kept.
template <int Tiles>
struct WarpMemory {
    static constexpr size_t factors = Factors<SplitFloat32, Tiles>::bytes;

    static constexpr size_t bytes(int arrays) { return factors + Kept<Tiles>::bytes(arrays); }
    static __device__ __forceinline__ uint4* of(int warp, int arrays) {
        return dynamic_shared<uint4>() + static_cast<size_t>(warp) * (bytes(arrays) / sizeof(uint4));
    }
    static __device__ __forceinline__ Kept<Tiles> kept(uint4* memory) {
        return {reinterpret_cast<float4*>(memory + factors / sizeof(uint4))};
    }
};

// Values are multiplied as float32, derivatives in precision P.
template <class P, int Tiles, bool Gradient>
__global__ void __launch_bounds__(kWarps* kWarp, 1) mlp_forward_kernel(const MlpForward call) {
    if constexpr (!compiled<P>()) return;
    const Lane lane;
    const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp;
    const int64_t first = (static_cast<int64_t>(blockIdx.x) * warps + warp) * kRows;
    if (first >= call.count) return;
    const MlpLayers& net = call.net;
    uint4* memory = WarpMemory<Tiles>::of(warp, Gradient ? net.count - 1 : 0);
    const Kept<Tiles> kept = WarpMemory<Tiles>::kept(memory);
    const TileRows inputs{call.inputs, call.row, net.at[0].inputs, first, call.count};
    const TileRows outputs{call.outputs, net.last().outputs, net.last().outputs, first, call.count};
    Hidden<Tiles> a;
    hidden_forward(net, inputs, memory, lane, a, [&](int l, const Hidden<Tiles>& layer) {
        if constexpr (Gradient) kept.put(l, layer, lane);
    });
    output_layer(net, a, memory, call.sigmoid, lane,
                 [&](int column, const float* sums) { put_fragment(sums, call.outputs, outputs, column, lane); });
    if constexpr (Gradient) {
        // r_l = act'(z_l) s_l, s_{L-1} = row `asked` of W_L, s_l = W_{l+1}^T r_{l+1}: reverse mode from that output
        Hidden<Tiles> r;
        head_of(net, Asked{call.asked, first, call.count, outputs.width}, lane, r);
        Factors<P, Tiles> factors{memory, {}};
        for (int l = net.count - 2; l >= 0; --l) {
            kept.each(l, lane, r, [&](float& s, float value) { s *= slope_of(net, value); });
            factors.set(r, lane);
            if (l > 0) multiply(factors, net.at[l].backward, net.undo[2 * l + 1], lane, r);
        }
        multiply_out(factors, net.at[0].backward, net.undo[1], inputs.width, lane,
                     [&](int column, const float* sums) { put_fragment(sums, call.gradient, inputs, column, lane); });
    }
}

}  // namespace neurfield::cuda
