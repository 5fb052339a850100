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
#include "network/precision.h"

namespace neurfield {

// Rows x columns of accumulators that fill the vector registers: 32 of them with AVX-512, else 16. Rows are even and divide kTile.
#if defined(__AVX512F__)
constexpr int kMaxColumns = 4;
constexpr int block_rows(int columns) { return columns == 4 ? 4 : 8; }
#elif defined(__AVX2__)
constexpr int kMaxColumns = 2;
constexpr int block_rows(int columns) { return columns == 2 ? 6 : 8; }
#else
constexpr int kMaxColumns = 2;
constexpr int block_rows(int columns) { return columns == 2 ? 4 : 8; }
#endif

template <class P>
constexpr int64_t units(int64_t numbers) {
    return (numbers + P::kDepth - 1) / P::kDepth;
}

// Fills `panel` (units(depth) x padded(width)) with blocks of up to kMaxColumns vectors, each block contiguous over k. Returns its end.
template <class P, class Element>
typename P::Unit* pack_panel(typename P::Unit* panel, int64_t depth, int64_t width, Element&& element) {
    const auto at = [&](int64_t k, int64_t n) { return k < depth && n < width ? element(k, n) : 0.0f; };
    for (int64_t first = 0; first < padded(width); first += kMaxColumns * kLanes) {
        const int64_t last = std::min(first + kMaxColumns * kLanes, padded(width));
        for (int64_t k = 0; k < depth; k += P::kDepth)
            for (int64_t n = first; n < last; ++n) *panel++ = P::unit(at(k, n), at(k + 1, n));
    }
    return panel;
}

// Out of line, as `outer_block` is: inlined into one large function, the rows' addresses would be spilled inside the inner loop.
template <class P, int Rows, int Columns, class Store>
[[gnu::noinline]] void product_block(const typename P::Unit* a, int64_t a_stride, const typename P::Unit* panel, int64_t depth,
                                     const float* bias, int row, int column, Store&& store) {
    Vec sums[Rows][Columns];
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) {
        const Vec start = bias != nullptr ? Vec::load(bias + column + c * kLanes) : Vec(0.0f);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) sums[r][c] = start;
    }
    a += row * a_stride;
    for (int64_t k = 0; k < depth; ++k, panel += Columns * kLanes)
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
            for (int c = 0; c < Columns; ++c) sums[r][c] = P::multiply_add(a + r * a_stride + k, panel + c * kLanes, sums[r][c]);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; r += 2)
#pragma GCC unroll 16
        for (int c = 0; c < Columns; ++c) store(row + r, column + c * kLanes, sums[r][c], sums[r + 1][c]);
}

template <class P, int Columns, class Store>
inline void product_columns(const typename P::Unit* a, int64_t a_stride, const typename P::Unit* panel, int64_t depth, const float* bias,
                            int column, Store&& store) {
    constexpr int rows = block_rows(Columns);
    static_assert(kTile % rows == 0 && rows % 2 == 0);
    for (int row = 0; row < kTile; row += rows) product_block<P, rows, Columns>(a, a_stride, panel, depth, bias, row, column, store);
}

// Calls store(p, n, even, odd) with lanes n .. n+kLanes-1 of the points p and p + 1, for all points of the tile and all
// n < padded(width).
template <class P, class Store>
inline void product(const typename P::Unit* a, int64_t a_stride, const typename P::Unit* panel, int64_t depth, int64_t width,
                    const float* bias, Store&& store) {
    const int columns = static_cast<int>(padded(width));
    depth = units<P>(depth);
    int column = 0;
    for (; column + kMaxColumns * kLanes <= columns; column += kMaxColumns * kLanes) {
        product_columns<P, kMaxColumns>(a, a_stride, panel, depth, bias, column, store);
        panel += depth * kMaxColumns * kLanes;
    }
    const int left = (columns - column) / kLanes;
    if (left == 1) product_columns<P, 1>(a, a_stride, panel, depth, bias, column, store);
    if constexpr (kMaxColumns > 2) {
        if (left == 2) product_columns<P, 2>(a, a_stride, panel, depth, bias, column, store);
        if (left == 3) product_columns<P, 3>(a, a_stride, panel, depth, bias, column, store);
    }
}

// One sum over the tile: left[p][i] right[p][n], from the factors' columns.
template <class P>
struct OuterTerm {
    Factor<typename P::Unit> left, right;
};

template <class P, int Rows, int Columns, int Terms>
[[gnu::noinline]] void outer_block(const OuterTerm<P> (&terms)[Terms], int64_t row, int64_t column, float* out, int64_t out_stride) {
    Vec sums[Rows][Columns];
    out += row * out_stride + column;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < Columns; ++c) sums[r][c] = Vec::load(out + r * out_stride + c * kLanes);
    for (const OuterTerm<P>& term : terms) {
        const typename P::Unit* left = term.left.columns + row;
        const typename P::Unit* right = term.right.columns + column;
        for (int p = 0; p < kTile; p += P::kDepth, left += term.left.column_stride, right += term.right.column_stride)
#pragma GCC unroll 16
            for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
                for (int c = 0; c < Columns; ++c) sums[r][c] = P::multiply_add(left + r, right + c * kLanes, sums[r][c]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < Columns; ++c) sums[r][c].store(out + r * out_stride + c * kLanes);
}

template <class P, int Columns, int Terms>
inline void outer_columns(const OuterTerm<P> (&terms)[Terms], int64_t rows, int64_t column, float* out, int64_t out_stride) {
    constexpr int block = block_rows(Columns);
    int64_t row = 0;
    for (; row + block <= rows; row += block) outer_block<P, block, Columns>(terms, row, column, out, out_stride);
    for (; row + 2 <= rows; row += 2) outer_block<P, 2, Columns>(terms, row, column, out, out_stride);
    if (row < rows) outer_block<P, 1, Columns>(terms, row, column, out, out_stride);
}

// out[i][n] += sum of the terms, i < rows, n < padded(width); the right factors' rows are readable up to padded(width).
template <class P, int Terms>
inline void outer(const OuterTerm<P> (&terms)[Terms], int64_t rows, int64_t width, float* out) {
    const int64_t columns = padded(width);
    int64_t column = 0;
    for (; column + kMaxColumns * kLanes <= columns; column += kMaxColumns * kLanes)
        outer_columns<P, kMaxColumns>(terms, rows, column, out, columns);
    const int64_t left = (columns - column) / kLanes;
    if (left == 1) outer_columns<P, 1>(terms, rows, column, out, columns);
    if constexpr (kMaxColumns > 2) {
        if (left == 2) outer_columns<P, 2>(terms, rows, column, out, columns);
        if (left == 3) outer_columns<P, 3>(terms, rows, column, out, columns);
    }
}

}  // namespace neurfield
