// The two products a tiny network is made of, for one tile of points held row by row (point-major) in the first-level cache:
//
//   product: out[p][n]   = bias[n] + sum_k a[p][k] m[k][n]      the layers, forwards and (with the other panel) backwards
//   outer:   out[i][n]  += sum_p a[p][i] b[p][n]                the gradient of a layer's weights
//
// Features lie in vector lanes and points are broadcast, so that rows of the caller's [N, D] tensors are used as they are and
// neither product needs a transpose. The left factor's width is exact; only `n` is padded to whole vectors.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/simd.h"

namespace neurfield {

// Points a tile, and the rows x columns of accumulators that fill the vector registers: 32 of them with AVX-512, else 16.
#if defined(__AVX512F__)
constexpr int kTile = 32;
constexpr int kMaxColumns = 4;
constexpr int block_rows(int columns) { return columns == 4 ? 4 : 8; }
#elif defined(__AVX2__)
constexpr int kTile = 24;
constexpr int kMaxColumns = 2;
constexpr int block_rows(int columns) { return columns == 2 ? 6 : 8; }
#else
constexpr int kTile = 32;
constexpr int kMaxColumns = 2;
constexpr int block_rows(int columns) { return columns == 2 ? 4 : 8; }
#endif

constexpr int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Fills `panel` (depth x padded(width) floats) with blocks of up to kMaxColumns vectors, each block contiguous over k.
template <class Element>
void pack_panel(float* panel, int64_t depth, int64_t width, Element&& element) {
    for (int64_t first = 0; first < padded(width); first += kMaxColumns * kLanes) {
        const int64_t last = std::min(first + kMaxColumns * kLanes, padded(width));
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t n = first; n < last; ++n) *panel++ = n < width ? element(k, n) : 0.0f;
    }
}

// Out of line, as `outer_block` is: inlined into one large function, the rows' addresses would be spilled inside the inner loop.
template <int Rows, int Columns, class Store>
[[gnu::noinline]] void product_block(const float* a, int64_t a_stride, const float* panel, int64_t depth, const float* bias, int row,
                                     int column, Store&& store) {
    Vec sums[Rows][Columns];
    for (int c = 0; c < Columns; ++c) {
        const Vec start = bias != nullptr ? Vec::load(bias + column + c * kLanes) : Vec(0.0f);
        for (int r = 0; r < Rows; ++r) sums[r][c] = start;
    }
    a += row * a_stride;
    for (int64_t k = 0; k < depth; ++k, panel += Columns * kLanes) {
        Vec m[Columns];
        for (int c = 0; c < Columns; ++c) m[c] = Vec::load(panel + c * kLanes);
        for (int r = 0; r < Rows; ++r) {
            const Vec x(a[r * a_stride + k]);
            for (int c = 0; c < Columns; ++c) sums[r][c] = fma(x, m[c], sums[r][c]);
        }
    }
    for (int r = 0; r < Rows; ++r)
        for (int c = 0; c < Columns; ++c) store(row + r, column + c * kLanes, sums[r][c]);
}

template <int Columns, class Store>
inline void product_columns(const float* a, int64_t a_stride, const float* panel, int64_t depth, const float* bias, int column,
                            Store&& store) {
    constexpr int rows = block_rows(Columns);
    static_assert(kTile % rows == 0);
    for (int row = 0; row < kTile; row += rows) product_block<rows, Columns>(a, a_stride, panel, depth, bias, row, column, store);
}

// Calls store(p, n, values) with lanes n .. n+kLanes-1 of point p, for all points of the tile and all n < padded(width).
template <class Store>
inline void product(const float* a, int64_t a_stride, const float* panel, int64_t depth, int64_t width, const float* bias,
                    Store&& store) {
    const int columns = static_cast<int>(padded(width));
    int column = 0;
    for (; column + kMaxColumns * kLanes <= columns; column += kMaxColumns * kLanes) {
        product_columns<kMaxColumns>(a, a_stride, panel, depth, bias, column, store);
        panel += depth * kMaxColumns * kLanes;
    }
    const int left = (columns - column) / kLanes;
    if (left == 1) product_columns<1>(a, a_stride, panel, depth, bias, column, store);
    if constexpr (kMaxColumns > 2) {
        if (left == 2) product_columns<2>(a, a_stride, panel, depth, bias, column, store);
        if (left == 3) product_columns<3>(a, a_stride, panel, depth, bias, column, store);
    }
}

// One sum over the tile: left[p][i] right[p][n].
struct OuterTerm {
    const float* left;
    int64_t left_stride;
    const float* right;
    int64_t right_stride;
};

template <int Rows, int Columns, int Terms>
[[gnu::noinline]] void outer_block(const OuterTerm (&terms)[Terms], int64_t row, int64_t column, float* out, int64_t out_stride) {
    Vec sums[Rows][Columns];
    out += row * out_stride + column;
    for (int r = 0; r < Rows; ++r)
        for (int c = 0; c < Columns; ++c) sums[r][c] = Vec::load(out + r * out_stride + c * kLanes);
    for (const OuterTerm& term : terms) {
        const float* left = term.left + row;
        const float* right = term.right + column;
        for (int p = 0; p < kTile; ++p, left += term.left_stride, right += term.right_stride) {
            Vec m[Columns];
            for (int c = 0; c < Columns; ++c) m[c] = Vec::load(right + c * kLanes);
            for (int r = 0; r < Rows; ++r) {
                const Vec x(left[r]);
                for (int c = 0; c < Columns; ++c) sums[r][c] = fma(x, m[c], sums[r][c]);
            }
        }
    }
    for (int r = 0; r < Rows; ++r)
        for (int c = 0; c < Columns; ++c) sums[r][c].store(out + r * out_stride + c * kLanes);
}

template <int Columns, int Terms>
inline void outer_columns(const OuterTerm (&terms)[Terms], int64_t rows, int64_t column, float* out, int64_t out_stride) {
    constexpr int block = block_rows(Columns);
    int64_t row = 0;
    for (; row + block <= rows; row += block) outer_block<block, Columns>(terms, row, column, out, out_stride);
    for (; row + 2 <= rows; row += 2) outer_block<2, Columns>(terms, row, column, out, out_stride);
    if (row < rows) outer_block<1, Columns>(terms, row, column, out, out_stride);
}

// out[i][n] += sum of the terms, i < rows, n < padded(width); the right factors' rows are readable up to padded(width).
template <int Terms>
inline void outer(const OuterTerm (&terms)[Terms], int64_t rows, int64_t width, float* out) {
    const int64_t columns = padded(width);
    int64_t column = 0;
    for (; column + kMaxColumns * kLanes <= columns; column += kMaxColumns * kLanes)
        outer_columns<kMaxColumns>(terms, rows, column, out, columns);
    const int64_t left = (columns - column) / kLanes;
    if (left == 1) outer_columns<1>(terms, rows, column, out, columns);
    if constexpr (kMaxColumns > 2) {
        if (left == 2) outer_columns<2>(terms, rows, column, out, columns);
        if (left == 3) outer_columns<3>(terms, rows, column, out, columns);
    }
}

}  // namespace neurfield
