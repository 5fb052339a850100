// What a warp does with 16 points and one layer: activations and their derivatives come out of a product in registers, as fragments of C,
// are packed into fragments of A, and multiply the next layer's packed weights. What is in shared memory here is read only by the
// lane that wrote it, so nothing waits.
#pragma once

#include "network/mlp_factors.h"
#include "network/mlp_layers.h"

namespace neurfield::cuda {

// Rows `first` .. of an array of which `count` exist, `stride` floats apart; the others, and columns from `width` on, read as zeros.
struct TileRows {
    const float* data;
    int64_t stride;
    int width;
    int64_t first;
    int64_t count;

    __device__ __forceinline__ float at(int row, int column) const {
        return row < count - first && column < width ? data[(first + row) * stride + column] : 0.0f;
    }
};

struct Lane {
    int id, g, t;
    __device__ Lane() : id(static_cast<int>(threadIdx.x) % kWarp), g(id / 4), t(id % 4) {}
};

// A hidden layer's 16 rows, Tiles blocks of 8 columns: a fragment of C each.
template <int Tiles>
struct Hidden {
    float at[Tiles][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int j = 0; j < Tiles; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) at[j][i] = 0.0f;
    }
    template <class Function>
    __device__ __forceinline__ void each(Function&& function) {
#pragma unroll
        for (int j = 0; j < Tiles; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) function(at[j][i], j, i);
    }
};

// The same as A of a product, in shared memory: [block of 16 columns][part][lane]. In registers, 128 units would leave none for the
// product.
template <class P, int Tiles>
struct Factors {
    uint4* memory;
    float undo[2];  // of its rows' scales

    static constexpr size_t bytes = sizeof(uint4) * kWarp * P::parts * Tiles / 2;

    __device__ __forceinline__ void get(int block, const Lane& lane, uint32_t a[P::parts][4]) const {
#pragma unroll
        for (int part = 0; part < P::parts; ++part) {
            const uint4 four = memory[(block * P::parts + part) * kWarp + lane.id];
            a[part][0] = four.x, a[part][1] = four.y, a[part][2] = four.z, a[part][3] = four.w;
        }
    }

    __device__ __forceinline__ void set(const Hidden<Tiles>& x, const Lane& lane) {
        Scale scale[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float largest = 0.0f;
            if constexpr (P::scaled) {
#pragma unroll
                for (int j = 0; j < Tiles; ++j) largest = fmaxf(largest, fmaxf(fabsf(x.at[j][2 * half]), fabsf(x.at[j][2 * half + 1])));
                largest = largest_of<3>(largest);
            }
            scale[half] = Scale::of<P>(largest);
            undo[half] = scale[half].undo;
        }
#pragma unroll
        for (int k = 0; k < Tiles / 2; ++k) {
            uint32_t a[4][P::parts];
#pragma unroll
            for (int i = 0; i < 4; ++i) {  // rows g and g + 8 of the left block, then of the right one
                const float* pair = x.at[2 * k + i / 2] + i % 2 * 2;
                split<P>(pair[0] * scale[i % 2].by, pair[1] * scale[i % 2].by, a[i]);
            }
#pragma unroll
            for (int part = 0; part < P::parts; ++part)
                memory[(k * P::parts + part) * kWarp + lane.id] = {a[0][part], a[1][part], a[2][part], a[3][part]};
        }
    }
};

// sums = (A B) without the scales of A's rows and of B.
__device__ __forceinline__ void unscale(float sums[4], const float undo[2], float undo_weights) {
    // One after the other: their product may leave the range of float32 where the numbers do not.
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[i] = sums[i] * undo_weights * undo[i / 2];
}

template <class P>
__device__ __forceinline__ PackedB<P> packed_at(const uint32_t* weights, int block, const Lane& lane) {
    return load_packed<P>(reinterpret_cast<const PackedB<P>*>(weights) + static_cast<int64_t>(block) * kWarp + lane.id);
}

// Hidden layer times packed weights [16 Tiles / 2][8 Tiles]: out = from B.
template <class P, int Tiles>
__device__ __forceinline__ void multiply(const Factors<P, Tiles>& from, const uint32_t* weights, float undo, const Lane& lane,
                                         Hidden<Tiles>& out) {
    out.clear();
#pragma unroll 1
    for (int k = 0; k < Tiles / 2; ++k) {
        uint32_t a[P::parts][4];
        from.get(k, lane, a);
#pragma unroll
        for (int j = 0; j < Tiles; ++j) multiply_parts<P>(out.at[j], a, packed_at<P>(weights, k * Tiles + j, lane));
    }
#pragma unroll
    for (int j = 0; j < Tiles; ++j) unscale(out.at[j], from.undo, undo);
}

// Rows in memory, any number of columns, times packed weights [columns][8 Tiles]: out = rows B.
template <class P, int Tiles>
__device__ __forceinline__ void multiply(const TileRows& rows, const uint32_t* weights, float undo, const Lane& lane, Hidden<Tiles>& out) {
    float largest[2] = {0.0f, 0.0f};
    if constexpr (P::scaled) {
        for (int column = lane.t; column < rows.width; column += 4)
#pragma unroll
            for (int half = 0; half < 2; ++half) largest[half] = fmaxf(largest[half], fabsf(rows.at(lane.g + 8 * half, column)));
#pragma unroll
        for (int half = 0; half < 2; ++half) largest[half] = largest_of<3>(largest[half]);
    }
    const Scale scale[2] = {Scale::of<P>(largest[0]), Scale::of<P>(largest[1])};
    out.clear();
#pragma unroll 1
    for (int k = 0; k < (rows.width + 15) / 16; ++k) {
        uint32_t a[P::parts][4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int row = lane.g + i % 2 * 8, column = 16 * k + i / 2 * 8 + 2 * lane.t;
            const float by = scale[i % 2].by;
            uint32_t parts[P::parts];
            split<P>(rows.at(row, column) * by, rows.at(row, column + 1) * by, parts);
#pragma unroll
            for (int part = 0; part < P::parts; ++part) a[part][i] = parts[part];
        }
#pragma unroll
        for (int j = 0; j < Tiles; ++j) multiply_parts<P>(out.at[j], a, packed_at<P>(weights, k * Tiles + j, lane));
    }
    const float undone[2] = {scale[0].undo, scale[1].undo};
#pragma unroll
    for (int j = 0; j < Tiles; ++j) unscale(out.at[j], undone, undo);
}

// Hidden layer times packed weights [16 Tiles / 2][columns], any number of columns: put(column, fragment of C) for each block of 8.
template <class P, int Tiles, class Put>
__device__ __forceinline__ void multiply_out(const Factors<P, Tiles>& from, const uint32_t* weights, float undo, int columns,
                                             const Lane& lane, Put&& put) {
    const int blocks = (columns + 7) / 8;
    for (int j = 0; j < blocks; ++j) {
        float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
        for (int k = 0; k < Tiles / 2; ++k) {
            uint32_t a[P::parts][4];
            from.get(k, lane, a);
            multiply_parts<P>(sums, a, packed_at<P>(weights, k * blocks + j, lane));
        }
        unscale(sums, from.undo, undo);
        put(8 * j, sums);
    }
}

// A fragment of C into the rows that `rows` describes, of array `to`, at `column`; what does not exist is left out.
__device__ __forceinline__ void put_fragment(const float sums[4], float* to, const TileRows& rows, int column, const Lane& lane) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int64_t row = rows.first + lane.g + i / 2 * 8;
        const int at = column + 2 * lane.t + i % 2;
        if (row < rows.count && at < rows.width) to[row * rows.stride + at] = sums[i];
    }
}

// softplus(z) = max(z, 0) + log(1 + exp(-beta |z|)) / beta: no overflow, and exact tails on both sides.
__device__ __forceinline__ float activate(const MlpLayers& net, float z) {
    const float hinge = z > 0.0f ? z : z != z ? z : 0.0f;
    if (!net.softplus) return hinge;
    return hinge + log1pf(exp2f(-fabsf(z) * net.beta * 1.44269504f)) / net.beta;
}

// act'(z) from a = act(z): for softplus 1 - exp(-beta a).
__device__ __forceinline__ float slope_of(const MlpLayers& net, float a) {
    if (!net.softplus) return a > 0.0f ? 1.0f : 0.0f;
    return -expm1f(-net.beta * a);
}

// act''(z) from act'(z).
__device__ __forceinline__ float curvature_of(const MlpLayers& net, float slope) {
    return net.softplus ? net.beta * (slope - slope * slope) : 0.0f;
}

// z + b, then the activation.
template <int Tiles>
__device__ __forceinline__ void activate_layer(const MlpLayers& net, const MlpLayer& layer, const Lane& lane, Hidden<Tiles>& z) {
    z.each([&](float& value, int j, int i) {
        const int unit = 8 * j + 2 * lane.t + i % 2;
        value = activate(net, value + (unit < layer.outputs ? __ldg(layer.bias + unit) : 0.0f));
    });
}

// Of each row the output whose gradient is asked for: `of` [count], null for the first. An output that is not there is never read.
struct Asked {
    const int64_t* of;
    int64_t first, count;  // as of TileRows
    int width;             // outputs

    __device__ __forceinline__ int64_t output(int row) const { return of != nullptr && row < count - first ? __ldg(of + first + row) : 0; }
    // As rows of a matrix, ones where a row's output is and zeros elsewhere.
    __device__ __forceinline__ float at(int row, int column) const { return row < count - first && output(row) == column ? 1.0f : 0.0f; }
};

// d y_k / d a_{L-1}, k the output asked for; not a number where there is no such output.
template <int Tiles>
__device__ __forceinline__ void head_of(const MlpLayers& net, const Asked& asked, const Lane& lane, Hidden<Tiles>& head) {
    const MlpLayer& last = net.last();
    const int64_t outputs[2] = {asked.output(lane.g), asked.output(lane.g + 8)};
    head.each([&](float& value, int j, int i) {
        const int unit = 8 * j + 2 * lane.t + i % 2;
        const int64_t output = outputs[i / 2];
        const bool there = output >= 0 && output < last.outputs;
        value = unit >= last.inputs ? 0.0f : there ? __ldg(last.weight + output * last.inputs + unit) : __int_as_float(0x7fffffff);
    });
}

// Hidden layers that a warp keeps for later, in shared memory: [array][block][lane] fragments.
template <int Tiles>
struct Kept {
    float4* memory;

    __device__ __forceinline__ void put(int array, const Hidden<Tiles>& x, const Lane& lane) const {
#pragma unroll
        for (int j = 0; j < Tiles; ++j) at(array, j, lane) = make_float4(x.at[j][0], x.at[j][1], x.at[j][2], x.at[j][3]);
    }
    __device__ __forceinline__ float4& at(int array, int block, const Lane& lane) const {
        return memory[(array * Tiles + block) * kWarp + lane.id];
    }
    __device__ __forceinline__ void get(int array, const Lane& lane, Hidden<Tiles>& x) const {
        each(array, lane, x, [](float& to, float kept) { to = kept; });
    }
    // function(x_i, kept_i) for all of a layer, of which only a fragment at a time is in registers.
    template <class Function>
    __device__ __forceinline__ void each(int array, const Lane& lane, Hidden<Tiles>& x, Function&& function) const {
#pragma unroll
        for (int j = 0; j < Tiles; ++j) {
            const float4 four = at(array, j, lane);
            function(x.at[j][0], four.x), function(x.at[j][1], four.y), function(x.at[j][2], four.z), function(x.at[j][3], four.w);
        }
    }
    static constexpr size_t bytes(int arrays) { return sizeof(float4) * kWarp * Tiles * static_cast<size_t>(arrays); }
};

// a_1 .. a_{L-1}, each handed to keep(l - 1, a_l); the last is left in `a`.
template <int Tiles, class Keep>
__device__ __forceinline__ void hidden_forward(const MlpLayers& net, const TileRows& inputs, uint4* memory, const Lane& lane,
                                               Hidden<Tiles>& a, Keep&& keep) {
    multiply<SplitFloat32>(inputs, net.at[0].value, net.undo[0], lane, a);
    activate_layer(net, net.at[0], lane, a);
    keep(0, a);
    for (int l = 1; l + 1 < net.count; ++l) {
        Factors<SplitFloat32, Tiles> factors{memory, {}};
        factors.set(a, lane);
        multiply(factors, net.at[l].value, net.undo[2 * l], lane, a);
        activate_layer(net, net.at[l], lane, a);
        keep(l, a);
    }
}

// y_j = sigmoid(z) or z, block by block: put(column, fragment).
template <int Tiles, class Put>
__device__ __forceinline__ void output_layer(const MlpLayers& net, const Hidden<Tiles>& top, uint4* memory, bool sigmoid, const Lane& lane,
                                             Put&& put) {
    const MlpLayer& last = net.last();
    Factors<SplitFloat32, Tiles> factors{memory, {}};
    factors.set(top, lane);
    multiply_out(factors, last.value, net.undo[2 * (net.count - 1)], last.outputs, lane, [&](int column, float sums[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int unit = column + 2 * lane.t + i % 2;
            const float z = sums[i] + (unit < last.outputs ? __ldg(last.bias + unit) : 0.0f);
            sums[i] = sigmoid ? 1.0f / (1.0f + expf(-z)) : z;
        }
        put(column, sums);
    });
}

}  // namespace neurfield::cuda
