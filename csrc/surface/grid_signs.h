// Which points of a dense grid are not below a level, as bits: 32 times less to read than the values, so that after one look at
// these everything else happens in the cache.
//
// A word holds 64 points along z of which the last is the first of the next word: each cube, from one point to the next, finds
// both in one word. Bits behind the end of a row repeat its last point.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "common/parallel.h"
#include "common/simd_mask.h"

namespace neurfield {

class GridSigns {
public:
    static constexpr int64_t kCubesPerWord = 63;

    static int64_t words_for(int64_t points) { return (points - 2) / kCubesPerWord + 1; }

    // `shape`: points along x, y, z, two at least; `positive`: room for shape[0] * shape[1] * words_for(shape[2]) words.
    GridSigns(const float* values, std::array<int64_t, 3> shape, float level, uint64_t* positive)
        : shape_(shape), words_(words_for(shape[2])), positive_(positive) {
        const std::unique_ptr<bool[]> whole = std::make_unique<bool[]>(shape[0]);
        parallel_chunks(shape[0], 1, [&](int64_t x, int64_t) {
            whole[x] = fill(values, x, positive_, [&](Vec v) { return bits_at_least(v, Vec(level)); });
        });
        if (!std::all_of(whole.get(), whole.get() + shape[0], [](bool finite) { return finite; })) find_complete(values);
    }

    int64_t shape(int axis) const { return shape_[axis]; }
    int64_t words() const { return words_; }

    // The words of row (x, y).
    const uint64_t* row(int64_t x, int64_t y) const { return positive_ + (x * shape_[1] + y) * words_; }

    // Bits of the cubes in word w of a row.
    uint64_t cubes(int64_t w) const { return ones(std::min(kCubesPerWord, shape_[2] - 1 - w * kCubesPerWord)); }

    // Bits of the points that belong to word w of a row: all but the last, save where the row ends.
    uint64_t points(int64_t w) const { return w + 1 < words_ ? ones(kCubesPerWord) : ones(shape_[2] - w * kCubesPerWord); }

    // Whether all values are finite. If not, `complete` says of which cubes all corners are.
    bool whole() const { return complete_ == nullptr; }

    // Word w of the cubes whose lowest corners are in row (x, y); none outside of the grid.
    uint64_t complete(int64_t x, int64_t y, int64_t w) const {
        if (x < 0 || y < 0 || w < 0 || x + 1 >= shape_[0] || y + 1 >= shape_[1]) return 0;
        return complete_[(x * shape_[1] + y) * words_ + w];
    }

private:
    static uint64_t ones(int64_t count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }

    std::unique_ptr<uint64_t[]> every_word() const { return std::make_unique_for_overwrite<uint64_t[]>(shape_[0] * shape_[1] * words_); }

    // The bits of plane x, by `bits_of_lanes`; says whether all its values are finite.
    template <class BitsOfLanes>
    bool fill(const float* values, int64_t x, uint64_t* out, BitsOfLanes&& bits_of_lanes) const {
        bool finite = true;
        for (int64_t row = x * shape_[1]; row < (x + 1) * shape_[1]; ++row) {
            for (int64_t w = 0; w < words_; ++w) {
                const float* from = values + row * shape_[2] + w * kCubesPerWord;
                const int64_t count = shape_[2] - w * kCubesPerWord;
                float last[64];
                if (count < 64) {
                    std::fill(std::copy(from, from + count, last), last + 64, from[count - 1]);
                    from = last;
                }
                uint64_t bits = 0, good = 0;
                for (int i = 0; i < 64; i += Vec::width) {
                    const Vec v = Vec::load(from + i);
                    bits |= uint64_t{bits_of_lanes(v)} << i;
                    good |= uint64_t{bits_finite(v)} << i;
                }
                out[row * words_ + w] = bits;
                finite &= good == ~uint64_t{0};
            }
        }
        return finite;
    }

    void find_complete(const float* values) {
        const std::unique_ptr<uint64_t[]> finite = every_word();
        parallel_chunks(shape_[0], 1, [&](int64_t x, int64_t) { fill(values, x, finite.get(), [](Vec v) { return bits_finite(v); }); });
        complete_ = every_word();
        parallel_chunks(shape_[0] - 1, 1, [&](int64_t x, int64_t) {
            for (int64_t y = 0; y + 1 < shape_[1]; ++y)
                for (int64_t w = 0; w < words_; ++w) {
                    const int64_t at = (x * shape_[1] + y) * words_ + w, next = at + shape_[1] * words_;
                    const uint64_t all = finite[at] & finite[at + words_] & finite[next] & finite[next + words_];
                    complete_[at] = all & all >> 1 & cubes(w);
                }
        });
    }

    std::array<int64_t, 3> shape_;
    int64_t words_;
    uint64_t* positive_;
    std::unique_ptr<uint64_t[]> complete_;
};

}  // namespace neurfield
