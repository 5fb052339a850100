// The two precisions in which a network's derivatives are multiplied, as the products see them.
//
// A `Unit` is what a lane multiplies in one step: a float32 number, or a pair of bfloat16 numbers that follow each other along the
// depth of the product. A `Factor` is a tile of numbers [kTile, width] in the order in which both products read it: `rows` with units
// along the width (left factor of `product`), `columns` with units along the points (both factors of `outer`).
#pragma once

#include <cstdint>

#include "common/bf16.h"
#include "common/simd.h"

namespace neurfield {

// Points a tile.
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr int kTile = 24;
#else
constexpr int kTile = 32;
#endif

constexpr int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Rows of a float32 tensor, or of a tile.
struct Rows {
    const float* data;
    int64_t stride;
};

template <class Unit>
struct Factor {
    const Unit *rows, *columns;
    int64_t row_stride, column_stride;  // units
};

struct Float32 {
    using Unit = float;
    static constexpr int kDepth = 1;  // numbers a unit

    static Unit unit(float x, float) { return x; }
    static Vec multiply_add(const Unit* x, const Unit* m, Vec sums) { return fma(Vec(*x), Vec::load(m), sums); }

    // A tile of our own, kTile * stride floats of memory.
    struct Tile {
        Unit* data;
        int64_t stride;

        Tile(float* memory, int64_t stride_) : data(memory), stride(stride_) {}
        operator Factor<Unit>() const { return {data, data, stride, stride}; }
        // Lanes column .. of the points row and row + 1; row is even.
        void put(int row, int64_t column, Vec even, Vec odd) const {
            even.store(data + row * stride + column);
            odd.store(data + (row + 1) * stride + column);
        }
    };

    // float32 is read where it lies.
    static Factor<Unit> read(Rows from, int64_t, const Tile&) { return {from.data, from.data, from.stride, from.stride}; }
    // The same where only `outer` reads it.
    static Factor<Unit> read_columns(Rows from, int64_t width, const Tile& to) { return read(from, width, to); }
};

#if defined(__AVX512F__)

struct Bfloat16 {
    using Unit = Bf16Pair;
    static constexpr int kDepth = 2;

    static Unit unit(float x, float next) { return bf16_pair(x, next); }
    static Vec multiply_add(const Unit* x, const Unit* m, Vec sums) { return neurfield::multiply_add(x, load_pairs(m), sums); }

    // As much memory as in float32: the numbers are kept twice, paired along the width and paired along the points.
    struct Tile {
        Unit *by_width, *by_point;
        int64_t stride;

        Tile(float* memory, int64_t stride_)
            : by_width(reinterpret_cast<Unit*>(memory)), by_point(by_width + kTile / 2 * stride_), stride(stride_) {}
        operator Factor<Unit>() const { return {by_width, by_point, stride / 2, stride}; }
        void put(int row, int64_t column, Vec even, Vec odd) const {
            const HalfLanes both = round_to_bf16(even, odd);
            Unit* to = by_width + (row * stride + column) / 2;
            store_halves(both, to, to + stride / 2);
            store_pairs(pair_up(both), by_point + row / 2 * stride + column);
        }
        void put_columns(int row, int64_t column, Vec even, Vec odd) const {
            store_pairs(pair_up(round_to_bf16(even, odd)), by_point + row / 2 * stride + column);
        }
    };

    static Factor<Unit> read(Rows from, int64_t width, const Tile& to) {
        each(from, width, [&](auto... x) { to.put(x...); });
        return to;
    }
    static Factor<Unit> read_columns(Rows from, int64_t width, const Tile& to) {
        each(from, width, [&](auto... x) { to.put_columns(x...); });
        return to;
    }

private:
    template <class Put>
    static void each(Rows from, int64_t width, Put&& put) {
        for (int row = 0; row < kTile; row += 2) {
            const float* even = from.data + row * from.stride;
            for (int64_t n = 0; n < width; n += kLanes)
                put(row, n, load_first(even + n, width - n), load_first(even + from.stride + n, width - n));
        }
    }
};

#endif

}  // namespace neurfield
