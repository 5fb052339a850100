// Rows of points to columns of vectors with one point a lane, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "common/simd.h"

namespace neurfield {

// Lanes 0, 2, 4 .. of a then b, and lanes 1, 3, 5 ..
inline Vec even_lanes(Vec a, Vec b) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
        return Vec(FloatLanes(__builtin_shufflevector(a.v, b.v, (2 * static_cast<int>(I))...)));
    }(std::make_index_sequence<kLanes>());
}
inline Vec odd_lanes(Vec a, Vec b) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
        return Vec(FloatLanes(__builtin_shufflevector(a.v, b.v, (2 * static_cast<int>(I) + 1)...)));
    }(std::make_index_sequence<kLanes>());
}
// The reverse: the halves of a0 b0 a1 b1 ..
inline Vec interleave_low(Vec a, Vec b) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
        return Vec(FloatLanes(__builtin_shufflevector(a.v, b.v, static_cast<int>(I / 2 + I % 2 * kLanes)...)));
    }(std::make_index_sequence<kLanes>());
}
inline Vec interleave_high(Vec a, Vec b) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
        return Vec(FloatLanes(__builtin_shufflevector(a.v, b.v, static_cast<int>(kLanes / 2 + I / 2 + I % 2 * kLanes)...)));
    }(std::make_index_sequence<kLanes>());
}

// kLanes rows of Count floats, side by side in Count vectors, to Count columns of kLanes floats; Count is a power of two.
template <int Count>
inline void to_columns(const Vec* rows, Vec* columns) {
    if constexpr (Count == 1) {
        columns[0] = rows[0];
    } else {
        Vec even[Count / 2], odd[Count / 2], even_columns[Count / 2], odd_columns[Count / 2];
        for (int i = 0; i < Count / 2; ++i) {
            even[i] = even_lanes(rows[2 * i], rows[2 * i + 1]);
            odd[i] = odd_lanes(rows[2 * i], rows[2 * i + 1]);
        }
        to_columns<Count / 2>(even, even_columns);
        to_columns<Count / 2>(odd, odd_columns);
        for (int i = 0; i < Count / 2; ++i) {
            columns[2 * i] = even_columns[i];
            columns[2 * i + 1] = odd_columns[i];
        }
    }
}

// The reverse.
template <int Count>
inline void to_rows(const Vec* columns, Vec* rows) {
    if constexpr (Count == 1) {
        rows[0] = columns[0];
    } else {
        Vec even_columns[Count / 2], odd_columns[Count / 2], even[Count / 2], odd[Count / 2];
        for (int i = 0; i < Count / 2; ++i) {
            even_columns[i] = columns[2 * i];
            odd_columns[i] = columns[2 * i + 1];
        }
        to_rows<Count / 2>(even_columns, even);
        to_rows<Count / 2>(odd_columns, odd);
        for (int i = 0; i < Count / 2; ++i) {
            rows[2 * i] = interleave_low(even[i], odd[i]);
            rows[2 * i + 1] = interleave_high(even[i], odd[i]);
        }
    }
}

// kLanes rows of three floats to columns: by two shuffles each, of the first two vectors and of those with the third.
inline void columns_of_three(const float* rows, Vec columns[3]) {
    const Vec a = Vec::load(rows), b = Vec::load(rows + kLanes), c = Vec::load(rows + 2 * kLanes);
    const auto column = [&]<size_t... I>(auto axis, std::index_sequence<I...>) {
        constexpr int k = decltype(axis)::value;
        constexpr auto early = [](int i) { return 3 * i + k < 2 * kLanes; };
        const FloatLanes ab = __builtin_shufflevector(a.v, b.v, (early(I) ? 3 * static_cast<int>(I) + k : 0)...);
        return Vec(FloatLanes(__builtin_shufflevector(ab, c.v, static_cast<int>(early(I) ? I : 3 * I + k - kLanes)...)));
    };
    columns[0] = column(std::integral_constant<int, 0>(), std::make_index_sequence<kLanes>());
    columns[1] = column(std::integral_constant<int, 1>(), std::make_index_sequence<kLanes>());
    columns[2] = column(std::integral_constant<int, 2>(), std::make_index_sequence<kLanes>());
}

// Rows of kLanes points, `row` floats each and apart, to columns [row][kLanes].
inline void rows_to_columns(const float* rows, int64_t row, float* columns) {
    int64_t k = 0;
    for (; k + kLanes <= row; k += kLanes) {
        Vec from[kLanes], to[kLanes];
        for (int i = 0; i < kLanes; ++i) from[i] = Vec::load(rows + i * row + k);
        to_columns<kLanes>(from, to);
        for (int i = 0; i < kLanes; ++i) to[i].store(columns + (k + i) * kLanes);
    }
    for (; k < row; ++k)
        for (int i = 0; i < kLanes; ++i) columns[k * kLanes + i] = rows[i * row + k];
}

// The reverse.
inline void columns_to_rows(const float* columns, int64_t row, float* rows) {
    int64_t k = 0;
    for (; k + kLanes <= row; k += kLanes) {
        Vec from[kLanes], to[kLanes];
        for (int i = 0; i < kLanes; ++i) from[i] = Vec::load(columns + (k + i) * kLanes);
        to_rows<kLanes>(from, to);
        for (int i = 0; i < kLanes; ++i) to[i].store(rows + i * row + k);
    }
    for (; k < row; ++k)
        for (int i = 0; i < kLanes; ++i) rows[i * row + k] = columns[k * kLanes + i];
}

}  // namespace neurfield
