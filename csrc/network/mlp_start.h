// Starting a network's kernels in one precision of derivatives: how many warps share a block, and how many blocks there are.
#pragma once

#include <algorithm>
#include <optional>
#include <type_traits>

#include "network/mlp_backward_kernel.h"

namespace neurfield::cuda {

// Warps and shared memory of a block, and blocks.
struct MlpPlan {
    int warps;
    size_t shared;
    int64_t blocks;
};

// As many warps as shared memory has room for; none where one is too many.
inline std::optional<MlpPlan> plan_of(int64_t count, size_t bytes_of_a_warp) {
    for (int warps = kWarps; warps > 0; warps /= 2)
        if (warps * bytes_of_a_warp <= most_shared())
            return MlpPlan{warps, warps * bytes_of_a_warp, blocks_for<int64_t>(count, warps * kRows)};
    return std::nullopt;
}

// Calls run(tiles) with the blocks of 8 columns of a hidden layer as a compile-time constant.
template <class Run>
auto with_width(int width, Run&& run) {
    switch (width) {
        case 16: return run(std::integral_constant<int, 2>());
        case 32: return run(std::integral_constant<int, 4>());
        case 64: return run(std::integral_constant<int, 8>());
        default: return run(std::integral_constant<int, 16>());
    }
}

// What each precision P defines in a file of its own.
template <class P>
std::optional<MlpPlan> plan_forward(const MlpLayers& net, int64_t count, bool gradient);
template <class P>
std::optional<MlpPlan> plan_backward(const MlpLayers& net, int64_t count, int published);
template <class P>
void start_forward(const MlpForward& call, const MlpPlan& plan);
template <class P>
void start_backward(const MlpBackward& call, const MlpPlan& plan);

}  // namespace neurfield::cuda
