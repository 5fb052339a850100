// The corners of a large lattice of cubes, kept only where they were asked for, in blocks of 8^3 points. A point's value may be
// known, or only on which side of the level it is: a field that nowhere changes faster than `slope` keeps its side within
// |value - level| / slope of a known point. Point (x, y, z) belongs to block (x / 8, y / 8, z / 8); its place in the block is
// x % 8 * 64 + y % 8 * 8 + z % 8.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "surface/settling.h"

namespace neurfield {

using Cell3 = std::array<int32_t, 3>;

// A place in blocks as one number, for up to 2^21 blocks along each axis.
inline uint64_t key_of(const Cell3& at) {
    return static_cast<uint64_t>(at[0]) << 42 | static_cast<uint64_t>(at[1]) << 21 | static_cast<uint64_t>(at[2]);
}

struct Block {
    Cell3 at;  // in blocks
    int64_t index = 0;  // among the sorted blocks while a surface is extracted
    bool dirty = false;  // got values since the surface's edge was last looked for
    // Bit y * 8 + z of word x. `above`, `below`: said so by a known point nearby; where both are, the field is steeper than it
    // should be, and nothing is settled. `positive`: not below the level.
    uint64_t known[8] = {}, wanted[8] = {}, above[8] = {}, below[8] = {}, positive[8] = {};
    float values[512];

    uint64_t settled(int x) const { return known[x] | (above[x] ^ below[x]); }

    // `positive` of the settled points for a level.
    void classify(float level) {
        for (int x = 0; x < 8; ++x) {
            uint64_t bits = 0;
            for (int i = 0; i < 64; ++i) bits |= static_cast<uint64_t>(values[x * 64 + i] >= level) << i;
            positive[x] = (bits & known[x]) | (above[x] & ~below[x] & ~known[x]);
        }
    }
};

// Blocks by their place; open addressing, never removed.
class BlockMap {
public:
    Block* find(const Cell3& at) const {
        if (slots_.empty()) return nullptr;
        for (size_t slot = hash(at) & mask();; slot = (slot + 1) & mask()) {
            Block* block = slots_[slot];
            if (block == nullptr || key_of(block->at) == key_of(at)) return block;
        }
    }

    Block& find_or_add(const Cell3& at) {
        if (Block* block = find(at)) return *block;
        if (2 * (blocks_.size() + 1) > slots_.size()) grow();
        blocks_.push_back(std::make_unique<Block>());
        blocks_.back()->at = at;
        insert(blocks_.back().get());
        return *blocks_.back();
    }

    const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }

private:
    static size_t hash(const Cell3& at) { return static_cast<size_t>(key_of(at) * 0x9e3779b97f4a7c15u >> 20); }
    size_t mask() const { return slots_.size() - 1; }

    void insert(Block* block) {
        size_t slot = hash(block->at) & mask();
        while (slots_[slot] != nullptr) slot = (slot + 1) & mask();
        slots_[slot] = block;
    }

    void grow() {
        slots_.assign(std::max<size_t>(1024, 2 * slots_.size()), nullptr);
        for (const auto& block : blocks_) insert(block.get());
    }

    std::vector<std::unique_ptr<Block>> blocks_;
    std::vector<Block*> slots_;
};

class BlockLattice {
public:
    // `first`: the lattice begins with this block along x; cells count from 0 all the same.
    BlockLattice(Cell3 cells, float level, float slope, int32_t first = 0) : cells_(cells), level_(level), slope_(slope), first_(first) {}

    const Cell3& cells() const { return cells_; }
    int32_t first() const { return first_; }
    float level() const { return level_; }
    const BlockMap& map() const { return map_; }
    Block* find(const Cell3& block) const { return map_.find(block); }

    // Makes a point known.
    void put(const Cell3& point, float value) {
        Block& block = map_.find_or_add({point[0] >> 3, point[1] >> 3, point[2] >> 3});
        set(block, (point[0] & 7) * 64 + (point[1] & 7) * 8 + (point[2] & 7), value);
    }

    // Settles the points nearer than `reach` + 1 that are on the same side as a known one for sure, in blocks that exist.
    void settle(const Cell3& point, float value, int reach) {
        const float radius = settled_radius(value, level_, slope_, reach);
        if (!(radius > 1.0f)) return;
        const int r = static_cast<int>(std::ceil(radius)) - 1;
        const float square = radius * radius;
        Cell3 low, high, first;
        for (int a = 0; a < 3; ++a) {
            low[a] = std::max(0, point[a] - r), high[a] = std::min(cells_[a], point[a] + r);
            first[a] = low[a] >> 3;
        }
        Cell3 at;
        for (at[0] = first[0]; at[0] <= high[0] >> 3; ++at[0])
            for (at[1] = first[1]; at[1] <= high[1] >> 3; ++at[1])
                for (at[2] = first[2]; at[2] <= high[2] >> 3; ++at[2])
                    if (Block* block = map_.find(at)) settle_in(*block, point, square, low, high, value >= level_);
    }

    // Wants the points with multiples of `step` (1, 2 or 4) for coordinates that are not settled, in the blocks that exist; or only
    // every other of them, as the black squares of a board.
    void want_unsettled(int step, bool every_other) {
        uint64_t planes[2] = {0, 0};  // of even and of odd places along x
        for (int y = 0; y < 8; y += step)
            for (int z = 0; z < 8; z += step)
                for (int odd = 0; odd < 2; ++odd)
                    if (!every_other || ((y + z) / step + odd) % 2 == 0) planes[odd] |= uint64_t{1} << (8 * y + z);
        for (const auto& block : map_.blocks())
            for (int x = 0; x < 8; x += step) add_wanted(*block, x, planes[x / step % 2] & inside(*block, x) & ~block->settled(x));
    }

    // Wants all points low..high (inclusive) that are in the lattice and not known.
    void want(Cell3 low, const Cell3& high_) {
        Cell3 high, at;
        low[0] = std::max(low[0], 8 * first_);
        for (int a = 0; a < 3; ++a) high[a] = std::min(high_[a], cells_[a]);
        for (at[0] = low[0] >> 3; at[0] <= high[0] >> 3; ++at[0])
            for (at[1] = low[1] >> 3; at[1] <= high[1] >> 3; ++at[1])
                for (at[2] = low[2] >> 3; at[2] <= high[2] >> 3; ++at[2]) {
                    Block& block = map_.find_or_add(at);
                    const uint64_t plane = plane_of(at, low, high);
                    const int last = std::min(7, high[0] - 8 * at[0]);
                    for (int x = std::max(0, low[0] - 8 * at[0]); x <= last; ++x) add_wanted(block, x, plane);
                }
    }

    int64_t wanted() const { return wanted_; }

    // Hands out up to `limit` wanted points, block by block; they count as wanted until `give`, which must follow.
    template <class Emit>
    void take(int64_t limit, Emit&& emit) {
        pending_.clear();
        const auto& blocks = map_.blocks();
        for (; cursor_ < blocks.size(); ++cursor_) {
            Block& block = *blocks[cursor_];
            for (int x = 0; x < 8; ++x)
                for (; block.wanted[x] != 0; block.wanted[x] &= block.wanted[x] - 1) {
                    if (static_cast<int64_t>(pending_.size()) == limit) return;
                    const int bit = std::countr_zero(block.wanted[x]);
                    if (block.known[x] >> bit & 1) {  // became known by `put` meanwhile
                        --wanted_;
                        continue;
                    }
                    pending_.push_back({&block, x * 64 + bit});
                    emit(Cell3{block.at[0] * 8 + x, block.at[1] * 8 + bit / 8, block.at[2] * 8 + bit % 8});
                }
        }
        cursor_ = 0;
    }

    int64_t pending() const { return static_cast<int64_t>(pending_.size()); }

    // The values of the points that `take` handed out, in its order; each settles points around it up to `reach`.
    void give(const float* values, int reach) {
        for (size_t i = 0; i < pending_.size(); ++i) {
            const auto& [block, place] = pending_[i];
            set(*block, place, values[i]);
            const Cell3 &at = block->at, point = {8 * at[0] + (place >> 6), 8 * at[1] + (place >> 3 & 7), 8 * at[2] + (place & 7)};
            if (reach > 0) settle(point, values[i], reach);
        }
        wanted_ -= static_cast<int64_t>(pending_.size());
        pending_.clear();
    }

private:
    struct Pending {
        Block* block;
        int place;
    };

    // The points of a block's plane within low..high along y and z.
    static uint64_t plane_of(const Cell3& at, const Cell3& low, const Cell3& high) {
        const uint64_t rows = bits_between(low[1] - 8 * at[1], high[1] - 8 * at[1]);
        const uint64_t row = bits_between(low[2] - 8 * at[2], high[2] - 8 * at[2]);
        uint64_t plane = 0;
        for (int y = 0; y < 8; ++y) plane |= (rows >> y & 1) * row << (8 * y);
        return plane;
    }

    // The points of plane x of a block that are in the lattice.
    uint64_t inside(const Block& block, int x) const { return 8 * block.at[0] + x > cells_[0] ? 0 : plane_of(block.at, {0, 0, 0}, cells_); }

    void add_wanted(Block& block, int x, uint64_t points) {
        const uint64_t fresh = points & ~block.known[x] & ~block.wanted[x];
        block.wanted[x] |= fresh;
        wanted_ += std::popcount(fresh);
    }

    static void settle_in(Block& block, const Cell3& point, float square, const Cell3& low, const Cell3& high, bool positive) {
        const auto [x0, y0, z0] = Cell3{point[0] - 8 * block.at[0], point[1] - 8 * block.at[1], point[2] - 8 * block.at[2]};
        const auto end = [&](int axis) { return std::min(7, high[axis] - 8 * block.at[axis]); };
        const int x_end = end(0), y_end = end(1), z_end = end(2);
        uint64_t* side = positive ? block.above : block.below;
        for (int x = std::max(0, low[0] - 8 * block.at[0]); x <= x_end; ++x)
            for (int y = std::max(0, low[1] - 8 * block.at[1]); y <= y_end; ++y) {
                const int half = half_chord(square, x - x0, y - y0);
                if (half < 0) continue;
                const int from = std::max(0, z0 - half), to = std::min(z_end, z0 + half);
                if (from <= to) side[x] |= bits_between(from, to) << (8 * y);
            }
    }

    static void set(Block& block, int place, float value) {
        block.values[place] = value;
        block.known[place >> 6] |= uint64_t{1} << (place & 63);
        block.dirty = true;
    }

    Cell3 cells_;
    float level_, slope_;
    int32_t first_;
    BlockMap map_;
    std::vector<Pending> pending_;
    size_t cursor_ = 0;  // blocks before it have nothing wanted, until `take` comes to the end
    int64_t wanted_ = 0;
};

}  // namespace neurfield
