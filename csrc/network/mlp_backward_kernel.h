// The backward of a tiny network's outputs and of its gradient with respect to the inputs (NeuS2, Sec. 3.3, with the curvature term that
// an activation other than ReLU brings).
//
// A warp takes 16 points through all layers, as in the forward; nothing was kept, so values are made again. Gradients of weights are
// sums over points: the warps of a block share their points' factors through shared memory, each adds up its own rows of the layer, and
// a block adds to sums of its own in memory, which stay in the second-level cache. The blocks' sums are added up afterwards, in their
// order: the same input gives the same bits.
#pragma once

#include "network/mlp_forward_kernel.h"

namespace neurfield::cuda {

struct MlpBackward {
    MlpLayers net;
    int64_t count;
    const float* inputs;  // [count, D], rows `row` floats apart
    int64_t row;
    const int64_t* asked;     // [count] or null: the first output
    const float* d_outputs;   // [count, O]
    const float* d_gradient;  // as the inputs, or null
    float* d_inputs;          // as the inputs
    float* d_last;            // [count, O] for a sigmoid's derivative, null without one
    float* sums;              // [blocks][size], zeros before
    int64_t size;
    int published;            // blocks of 8 columns for which there is room
};

// Factors of outer products, summed over points: blocks of 8 columns of a warp's 16 rows, transposed so that points run along rows. As A two
// neighbouring blocks, as B one.
template <class P>
struct Published {
    PackedB<P>* memory;  // [warps][blocks][lane]
    float* undo;         // [warps]
    int blocks;

    __device__ __forceinline__ PackedB<P>& at(int warp, int block, const Lane& lane) const {
        return memory[(warp * blocks + block) * kWarp + lane.id];
    }
    __device__ __forceinline__ void put(int warp, int block, const float c[4], float by, const Lane& lane) const {
        PackedB<P> turned;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            uint32_t parts[P::parts];
            split<P>(c[2 * half] * by, c[2 * half + 1] * by, parts);
#pragma unroll
            for (int part = 0; part < P::parts; ++part) turned.pair[part][half] = transposed(parts[part]);
        }
        at(warp, block, lane) = turned;
    }

    template <int Tiles>
    __device__ __forceinline__ void put(int warp, const Hidden<Tiles>& x, const Lane& lane) const {
        float largest = 0.0f;
        if constexpr (P::scaled) {
#pragma unroll
            for (int j = 0; j < Tiles; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i) largest = fmaxf(largest, fabsf(x.at[j][i]));
            largest = largest_of<31>(largest);
        }
        const Scale scale = Scale::of<P>(largest);
        undo[warp] = scale.undo;
#pragma unroll
        for (int j = 0; j < Tiles; ++j) put(warp, j, x.at[j], scale.by, lane);
    }

    // Rows in memory; an even number of blocks, the last ones zeros where need be.
    template <class Rows>
    __device__ __forceinline__ void put(int warp, const Rows& rows, const Lane& lane) const {
        float largest = 0.0f;
        if constexpr (P::scaled) {
            for (int column = lane.t; column < rows.width; column += 4)
                largest = fmaxf(largest, fmaxf(fabsf(rows.at(lane.g, column)), fabsf(rows.at(lane.g + 8, column))));
            largest = largest_of<31>(largest);
        }
        const Scale scale = Scale::of<P>(largest);
        undo[warp] = scale.undo;
        for (int j = 0; 8 * j < up_to(rows.width, 16); ++j) {
            float c[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) c[i] = rows.at(lane.g + i / 2 * 8, 8 * j + 2 * lane.t + i % 2);
            put(warp, j, c, scale.by, lane);
        }
    }

    // The same number in column 0 of 16, zeros beside it.
    __device__ __forceinline__ void put_first_column(int warp, float value, const Lane& lane) const {
        const float c[4] = {lane.t == 0 ? value : 0.0f, 0.0f, lane.t == 0 ? value : 0.0f, 0.0f}, zeros[4] = {};
        undo[warp] = 1.0f;
        put(warp, 0, c, 1.0f, lane);
        put(warp, 1, zeros, 1.0f, lane);
    }
};

// What a block's warps share: shared memory, after what each of them keeps.
template <class P>
struct Exchange {
    Published<P> above, below;  // factors on the outputs' and on the inputs' side of a layer
    int warp, warps;

    static constexpr int kGroup = 4;  // blocks of columns at a time: they share what is read of A

    // sums += above^T below over the points of all warps, for `rows` blocks of 16 outputs; with `bias` also the column of sums of `above`
    // behind the last block.
    __device__ __forceinline__ void add_outer(const MlpLayer& layer, int rows, bool bias, float* sums, const Lane& lane) const {
        const int columns = sum_columns(layer), used = columns - (bias ? 0 : 1);
        __syncthreads();
        for (int m = warp; m < rows; m += warps)
            for (int n = 0; n < used; n += kGroup) {
                float total[kGroup][4] = {};
                for (int w = 0; w < warps; ++w) add_points(m, n, columns - 1, w, lane, total);
#pragma unroll
                for (int i = 0; i < kGroup; ++i)
                    if (n + i < used) {
                        float4& to = reinterpret_cast<float4*>(sums + (static_cast<int64_t>(m) * columns + n + i) * kBlock)[lane.id];
                        float4 four = to;
                        four.x += total[i][0], four.y += total[i][1], four.z += total[i][2], four.w += total[i][3];
                        to = four;
                    }
            }
        __syncthreads();
    }

private:
    // The points of warp w, for rows of block m and `kGroup` blocks of columns from n on, of which the one numbered `ones` is the bias's.
    __device__ __forceinline__ void add_points(int m, int n, int ones, int w, const Lane& lane, float total[kGroup][4]) const {
        uint32_t a[P::parts][4];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const PackedB<P> block = above.at(w, 2 * m + i, lane);
#pragma unroll
            for (int part = 0; part < P::parts; ++part) a[part][i] = block.pair[part][0], a[part][i + 2] = block.pair[part][1];
        }
        const float undo_above = above.undo[w], undo_below = below.undo[w];
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if (n + i > ones) continue;
            PackedB<P> b{};
            if (n + i < ones) {
                b = below.at(w, n + i, lane);
            } else if (lane.g == 0) {
                b.pair[0][0] = b.pair[0][1] = P::Format::pack(1.0f, 1.0f);
            }
            float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            multiply_parts<P>(sums, a, b);
            const float undo = n + i < ones ? undo_below : 1.0f;
#pragma unroll
            for (int k = 0; k < 4; ++k) total[i][k] += sums[k] * undo_above * undo;
        }
    }
};

// What a warp keeps: arrays 2 (l - 1) and 2 (l - 1) + 1 are a_l, and s_l until act''(z_l) s_l q_l takes its place.
template <class P, int Tiles>
size_t backward_bytes(const MlpLayers& net, int published) {
    return WarpMemory<Tiles>::bytes(2 * (net.count - 1)) + 2 * (sizeof(PackedB<P>) * kWarp * published + 8);
}

template <class P, int Tiles>
__global__ void __launch_bounds__(kWarps* kWarp, 1) mlp_backward_kernel(const MlpBackward call) {
    if constexpr (!compiled<P>()) return;
    const Lane lane;
    const MlpLayers& net = call.net;
    const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp, hidden = net.count - 1;
    const bool bent = call.d_gradient != nullptr;
    uint4* memory = WarpMemory<Tiles>::of(warp, 2 * hidden);
    auto* published = reinterpret_cast<PackedB<P>*>(WarpMemory<Tiles>::of(warps, 2 * hidden));
    const int room = warps * call.published * kWarp;
    float* undo = reinterpret_cast<float*>(published + 2 * room);
    const Kept<Tiles> kept = WarpMemory<Tiles>::kept(memory);
    const Exchange<P> exchange{{published, undo, call.published}, {published + room, undo + warps, call.published}, warp, warps};
    float* sums = call.sums + static_cast<int64_t>(blockIdx.x) * call.size;
    const auto sums_of = [&](int l) { return sums + net.at[l].sums; };

    // All warps of a block go on while one of them has points: they meet at barriers. Rows beyond the last are zeros, and add nothing.
    for (int64_t block = static_cast<int64_t>(blockIdx.x) * warps; block * kRows < call.count;
         block += static_cast<int64_t>(gridDim.x) * warps) {
        const int64_t first = (block + warp) * kRows;
        const TileRows inputs{call.inputs, call.row, net.at[0].inputs, first, call.count};
        TileRows up{call.d_outputs, net.last().outputs, net.last().outputs, first, call.count};
        Hidden<Tiles> a, x;
        Factors<P, Tiles> factors{memory, {}};
        hidden_forward(net, inputs, memory, lane, a, [&](int l, const Hidden<Tiles>& layer) { kept.put(2 * l, layer, lane); });

        if (call.d_last != nullptr) {
            output_layer(net, a, memory, true, lane, [&](int column, float* y) {
#pragma unroll
                for (int i = 0; i < 4; ++i) y[i] *= (1.0f - y[i]) * up.at(lane.g + i / 2 * 8, column + 2 * lane.t + i % 2);
                put_fragment(y, call.d_last, up, column, lane);
            });
            __syncwarp();
            up.data = call.d_last;
        }

        if (bent) {
            // Reverse mode from the output asked for: s_l
            const Asked asked{call.asked, first, call.count, up.width};
            head_of(net, asked, lane, x);
            for (int l = hidden - 1; l >= 0; --l) {
                kept.put(2 * l + 1, x, lane);
                if (l == 0) break;
                kept.each(2 * l, lane, x, [&](float& s, float value) { s *= slope_of(net, value); });
                factors.set(x, lane);
                multiply(factors, net.at[l].backward, net.undo[2 * l + 1], lane, x);
            }
            // Forward mode along d_gradient: q_l = W_l V_{l-1}, V_l = act'(z_l) q_l; the gradient of W_l gets r_l V_{l-1}^T
            const TileRows seed{call.d_gradient, call.row, net.at[0].inputs, first, call.count};
            exchange.below.put(warp, seed, lane);
            multiply<P>(seed, net.at[0].forward, net.undo[1], lane, x);
            for (int l = 0; l < hidden; ++l) {
                kept.get(2 * l + 1, lane, a);  // s
#pragma unroll
                for (int j = 0; j < Tiles; ++j) {
                    float4 &value = kept.at(2 * l, j, lane), &bend = kept.at(2 * l + 1, j, lane);
                    const auto push = [&](float at, float& s, float& q, float& to) {
                        const float slope = slope_of(net, at);
                        to = curvature_of(net, slope) * s * q;
                        s *= slope;
                        q *= slope;
                    };
                    push(value.x, a.at[j][0], x.at[j][0], bend.x), push(value.y, a.at[j][1], x.at[j][1], bend.y);
                    push(value.z, a.at[j][2], x.at[j][2], bend.z), push(value.w, a.at[j][3], x.at[j][3], bend.w);
                }
                exchange.above.put(warp, a, lane);  // r
                exchange.add_outer(net.at[l], sum_rows(net.at[l]), false, sums_of(l), lane);
                exchange.below.put(warp, x, lane);
                if (l + 1 < hidden) {
                    factors.set(x, lane);
                    multiply(factors, net.at[l + 1].forward, net.undo[2 * l + 3], lane, x);
                }
            }
            if (call.asked == nullptr)
                exchange.above.put_first_column(warp, 1.0f, lane);
            else
                exchange.above.put(warp, asked, lane);
            exchange.add_outer(net.last(), call.asked == nullptr ? 1 : sum_rows(net.last()), false, sums_of(hidden), lane);
        }

        // Down through the layers: d z_l = act'(z_l) W_{l+1}^T d z_{l+1} + act''(z_l) s_l q_l; the gradient of W_l gets d z_l a_{l-1}^T
        exchange.above.put(warp, up, lane);
        kept.get(2 * (hidden - 1), lane, a);
        exchange.below.put(warp, a, lane);
        exchange.add_outer(net.last(), sum_rows(net.last()), true, sums_of(hidden), lane);
        multiply<P>(up, net.last().backward, net.undo[2 * hidden + 1], lane, x);
        for (int l = hidden - 1; l >= 0; --l) {
            kept.each(2 * l, lane, x, [&](float& d, float value) { d *= slope_of(net, value); });
            if (bent) kept.each(2 * l + 1, lane, x, [](float& d, float bend) { d += bend; });
            exchange.above.put(warp, x, lane);
            if (l > 0) {
                kept.get(2 * (l - 1), lane, a);
                exchange.below.put(warp, a, lane);
            } else {
                exchange.below.put(warp, inputs, lane);
            }
            factors.set(x, lane);
            exchange.add_outer(net.at[l], sum_rows(net.at[l]), true, sums_of(l), lane);
            if (l > 0) multiply(factors, net.at[l].backward, net.undo[2 * l + 1], lane, x);
        }
        multiply_out(factors, net.at[0].backward, net.undo[1], inputs.width, lane,
                     [&](int column, const float* d) { put_fragment(d, call.d_inputs, inputs, column, lane); });
    }
}

}  // namespace neurfield::cuda
