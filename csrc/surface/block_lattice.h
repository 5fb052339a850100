// The corners of a large lattice of cubes, kept only where they were asked for: blocks of 8^3 points with a bit for "known" and
// one for "wanted". Point (x, y, z) belongs to block (x / 8, y / 8, z / 8); its place in the block is x % 8 * 64 + y % 8 * 8 + z
// % 8.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

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
    uint64_t known[8] = {}, wanted[8] = {}, positive[8] = {};  // bit y * 8 + z of word x; positive: not below the level
    float values[512];

    // `positive` of the known points for a level.
    void classify(float level) {
        for (int x = 0; x < 8; ++x) {
            uint64_t bits = 0;
            for (int i = 0; i < 64; ++i) bits |= static_cast<uint64_t>(values[x * 64 + i] >= level) << i;
            positive[x] = bits & known[x];
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
            if (block == nullptr || block->at == at) return block;
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
    static size_t hash(const Cell3& at) {
        return static_cast<size_t>(key_of(at) * 0x9e3779b97f4a7c15u >> 20);
    }
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
    explicit BlockLattice(Cell3 cells) : cells_(cells) {}

    const Cell3& cells() const { return cells_; }
    const BlockMap& map() const { return map_; }
    Block* find(const Cell3& block) const { return map_.find(block); }

    // Makes a point known.
    void put(const Cell3& point, float value) {
        Block& block = map_.find_or_add({point[0] >> 3, point[1] >> 3, point[2] >> 3});
        set(block, (point[0] & 7) * 64 + (point[1] & 7) * 8 + (point[2] & 7), value);
    }

    // Wants all points low..high (inclusive) that are in the lattice and not known.
    void want(const Cell3& low, const Cell3& high_) {
        Cell3 high, at;
        for (int a = 0; a < 3; ++a) high[a] = std::min(high_[a], cells_[a]);
        for (at[0] = low[0] >> 3; at[0] <= high[0] >> 3; ++at[0])
            for (at[1] = low[1] >> 3; at[1] <= high[1] >> 3; ++at[1])
                for (at[2] = low[2] >> 3; at[2] <= high[2] >> 3; ++at[2]) {
                    Block& block = map_.find_or_add(at);
                    const uint64_t rows = bits(low[1] - 8 * at[1], high[1] - 8 * at[1]);
                    const uint64_t row = bits(low[2] - 8 * at[2], high[2] - 8 * at[2]);
                    uint64_t plane = 0;
                    for (int y = 0; y < 8; ++y) plane |= (rows >> y & 1) * row << (8 * y);
                    const int last = std::min(7, high[0] - 8 * at[0]);
                    for (int x = std::max(0, low[0] - 8 * at[0]); x <= last; ++x) {
                        const uint64_t fresh = plane & ~block.known[x] & ~block.wanted[x];
                        block.wanted[x] |= fresh;
                        wanted_ += std::popcount(fresh);
                    }
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

    // The values of the points that `take` handed out, in its order.
    void give(const float* values) {
        for (size_t i = 0; i < pending_.size(); ++i) set(*pending_[i].block, pending_[i].place, values[i]);
        wanted_ -= static_cast<int64_t>(pending_.size());
        pending_.clear();
    }

private:
    struct Pending { Block* block; int place; };

    static uint64_t bits(int32_t low, int32_t high) {
        const int32_t from = std::max(0, low), to = std::min(7, high);
        return (uint64_t{2} << to) - (uint64_t{1} << from);
    }

    static void set(Block& block, int place, float value) {
        block.values[place] = value;
        block.known[place >> 6] |= uint64_t{1} << (place & 63);
        block.dirty = true;
    }

    Cell3 cells_;
    BlockMap map_;
    std::vector<Pending> pending_;
    size_t cursor_ = 0;  // blocks before it have nothing wanted, until `take` comes to the end
    int64_t wanted_ = 0;
};

}  // namespace neurfield
