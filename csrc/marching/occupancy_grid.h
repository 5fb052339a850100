// A grid of occupied cells as a ray looks it up: one bit a cell, in bricks of 8^3 cells that fill one cache line each.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace neurfield {

// x, y, z of a point, a direction or a size.
using Vec3f = std::array<float, 3>;

class OccupancyBits {
public:
    // size: cells along x, y, z; box: xmin ymin zmin xmax ymax zmax.
    OccupancyBits(std::array<int64_t, 3> size, const float* box) : size_(size) {
        for (int a = 0; a < 3; ++a) {
            low_[a] = box[a];
            cells_per_length_[a] = static_cast<float>(size[a]) / (box[3 + a] - box[a]);
            bricks_[a] = (size[a] + 7) / 8;
        }
        bits_.resize(bricks_[0] * bricks_[1] * bricks_[2]);
        any_.resize(bits_.size());
    }

    int64_t slabs() const { return bricks_[0]; }

    // Packs one x-slab of bricks of cells, uint8 [X, Y, Z], z fastest; slabs are independent.
    void pack(int64_t slab, const uint8_t* cells) {
        for (int64_t by = 0; by < bricks_[1]; ++by)
            for (int64_t bz = 0; bz < bricks_[2]; ++bz) {
                const int64_t brick = (slab * bricks_[1] + by) * bricks_[2] + bz;
                bits_[brick] = packed(slab * 8, by * 8, bz * 8, cells);
                uint64_t any = 0;
                for (uint64_t plane : bits_[brick].planes) any |= plane;
                any_[brick] = any != 0;
            }
    }

    // A coordinate of the box's frame in cells.
    float cells_from(int axis, float coordinate) const { return (coordinate - low_[axis]) * cells_per_length_[axis]; }
    float cells_per_length(int axis) const { return cells_per_length_[axis]; }
    int64_t size(int axis) const { return size_[axis]; }

    // Whether the cell is occupied; `edge` (1, 4 or 8) becomes that of the aligned cube around it for which the answer holds.
    bool occupied(const std::array<int32_t, 3>& cell, int& edge) const {
        const int64_t brick = ((cell[0] >> 3) * bricks_[1] + (cell[1] >> 3)) * bricks_[2] + (cell[2] >> 3);
        edge = 8;
        if (!any_[brick]) return false;
        edge = 1;
        const uint64_t* planes = bits_[brick].planes;
        if (planes[cell[0] & 7] >> ((cell[1] & 7) * 8 + (cell[2] & 7)) & 1) return true;
        const uint64_t* half = planes + (cell[0] & 4);
        const uint64_t around = uint64_t{0x0f0f0f0f} << ((cell[1] & 4) * 8 + (cell[2] & 4));
        if (((half[0] | half[1] | half[2] | half[3]) & around) == 0) edge = 4;
        return false;
    }

private:
    struct alignas(64) Brick {
        uint64_t planes[8];
    };  // bit y * 8 + z of planes[x]

    Brick packed(int64_t x0, int64_t y0, int64_t z0, const uint8_t* cells) const {
        Brick brick{};
        const int64_t nx = std::min<int64_t>(8, size_[0] - x0), ny = std::min<int64_t>(8, size_[1] - y0);
        const int64_t nz = std::min<int64_t>(8, size_[2] - z0);
        for (int64_t x = 0; x < nx; ++x)
            for (int64_t y = 0; y < ny; ++y) {
                const uint8_t* row = cells + ((x0 + x) * size_[1] + y0 + y) * size_[2] + z0;
                uint64_t word = 0;
                if (nz == 8)
                    std::memcpy(&word, row, 8);
                else
                    std::memcpy(&word, row, static_cast<size_t>(nz));
                brick.planes[x] |= bits_of_bytes(word) << (y * 8);
            }
        return brick;
    }

    // Bit i of the result: whether byte i is not zero.
    static uint64_t bits_of_bytes(uint64_t word) {
        constexpr uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
        const uint64_t ones = ((((word & low7) + low7) | word) & ~low7) >> 7;
        return ones * 0x0102040810204080 >> 56;
    }

    std::array<int64_t, 3> size_, bricks_;
    Vec3f low_, cells_per_length_;
    std::vector<Brick> bits_;
    std::vector<uint8_t> any_;
};

}  // namespace neurfield
