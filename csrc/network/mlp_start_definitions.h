// The definitions of mlp_start.h's templates. A file instantiates them for one precision, so that they compile side by side.
#pragma once

#include "network/mlp_start.h"

namespace neurfield::cuda {

inline Shape shape_of(const MlpPlan& plan) {
    return {dim3(static_cast<unsigned>(plan.blocks)), dim3(static_cast<unsigned>(plan.warps * kWarp)), plan.shared};
}

template <class P>
std::optional<MlpPlan> plan_forward(const MlpLayers& net, int64_t count, bool gradient) {
    return with_width(net.width,
                      [&](auto tiles) { return plan_of(count, WarpMemory<decltype(tiles)::value>::bytes(gradient ? net.count - 1 : 0)); });
}

// Blocks go on to further points: each has sums of its own, which are many floats.
template <class P>
std::optional<MlpPlan> plan_backward(const MlpLayers& net, int64_t count, int published) {
    constexpr int kBlocksEach = 2;  // of a multiprocessor
    return with_width(net.width, [&](auto tiles) {
        auto plan = plan_of(count, backward_bytes<P, decltype(tiles)::value>(net, published));
        if (plan) plan->blocks = std::min<int64_t>(plan->blocks, kBlocksEach * multiprocessors());
        return plan;
    });
}

template <class P>
void start_forward(const MlpForward& call, const MlpPlan& plan) {
    with_width(call.net.width, [&](auto tiles) {
        constexpr int Tiles = decltype(tiles)::value;
        if (call.gradient != nullptr)
            launch(mlp_forward_kernel<P, Tiles, true>, shape_of(plan), call);
        else if constexpr (std::is_same_v<P, SplitFloat32>)  // values alone have one precision
            launch(mlp_forward_kernel<P, Tiles, false>, shape_of(plan), call);
        else
            start_forward<SplitFloat32>(call, plan);
    });
}

template <class P>
void start_backward(const MlpBackward& call, const MlpPlan& plan) {
    with_width(call.net.width, [&](auto tiles) { launch(mlp_backward_kernel<P, decltype(tiles)::value>, shape_of(plan), call); });
}

#define NEURFIELD_MLP_PRECISION(P)                                                    \
    template std::optional<MlpPlan> plan_forward<P>(const MlpLayers&, int64_t, bool); \
    template std::optional<MlpPlan> plan_backward<P>(const MlpLayers&, int64_t, int); \
    template void start_forward<P>(const MlpForward&, const MlpPlan&);                \
    template void start_backward<P>(const MlpBackward&, const MlpPlan&);

}  // namespace neurfield::cuda
