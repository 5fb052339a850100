// What marching cubes asks about a block of 8^3 cubes, a row of eight cubes along z at a time as bits.
//
// A cube takes part if all its corners are settled and the ends of its crossed edges known.
#pragma once

#include <cstdint>

#include "common/point_maths.h"

namespace neurfield {

// The 9^3 corners of the block's cubes. Bit z of [x][y].
struct WindowRows {
    uint16_t known[9][9], settled[9][9], positive[9][9];
    int32_t cubes[3];  // how many of the eight cubes along each axis are in the lattice

    // Bits of edges whose ends differ in sign, divided by whether both ends are known.
    struct EdgeRow {
        unsigned crossed, loose;
        NEURFIELD_POINT_MATHS EdgeRow operator|(const EdgeRow& other) const { return {crossed | other.crossed, loose | other.loose}; }
    };

    // The rows of edges along x, y, z from the points of row (x, y).
    NEURFIELD_POINT_MATHS EdgeRow edges_x(int x, int y) const { return edges(x, y, x + 1, y); }
    NEURFIELD_POINT_MATHS EdgeRow edges_y(int x, int y) const { return edges(x, y, x, y + 1); }
    NEURFIELD_POINT_MATHS EdgeRow edges_z(int x, int y) const {
        const unsigned s = settled[x][y], p = positive[x][y], k = known[x][y];
        const unsigned differ = (p ^ p >> 1) & s & s >> 1 & 0xff;
        return {differ & k & k >> 1, differ & ~(k & k >> 1)};
    }

    // The row of cubes (x, y): bits of those with a crossed edge, divided by whether they take part; and of those with a corner
    // that is not settled.
    struct CubeRow {
        unsigned complete, loose, open;
    };
    NEURFIELD_POINT_MATHS CubeRow cube_row(int x, int y) const {
        if (x >= cubes[0] || y >= cubes[1]) return {0, 0, 0};
        const unsigned s = settled[x][y] & settled[x][y + 1] & settled[x + 1][y] & settled[x + 1][y + 1];
        const EdgeRow across = edges_x(x, y) | edges_x(x, y + 1) | edges_y(x, y) | edges_y(x + 1, y);
        const EdgeRow along = edges_z(x, y) | edges_z(x, y + 1) | edges_z(x + 1, y) | edges_z(x + 1, y + 1);
        const unsigned inside = (1u << cubes[2]) - 1;
        const unsigned loose = (across.loose | across.loose >> 1 | along.loose) & inside;
        const unsigned any = (across.crossed | across.crossed >> 1 | along.crossed) & inside;
        return {any & ~loose & s & s >> 1, loose, (any | loose) & ~(s & s >> 1)};
    }

    NEURFIELD_POINT_MATHS int pattern(int x, int y, int z) const {
        return (positive[x][y] >> z & 3) | (positive[x][y + 1] >> z & 3) << 2 | (positive[x + 1][y] >> z & 3) << 4 |
               (positive[x + 1][y + 1] >> z & 3) << 6;
    }

private:
    NEURFIELD_POINT_MATHS EdgeRow edges(int x, int y, int x2, int y2) const {
        const unsigned differ = (positive[x][y] ^ positive[x2][y2]) & settled[x][y] & settled[x2][y2];
        const unsigned both = known[x][y] & known[x2][y2];
        return {differ & both, differ & ~both};
    }
};

// Where between the values at an edge's ends the level is, 0 to 1.
NEURFIELD_POINT_MATHS double crossing(double level, double low, double high) { return (level - low) / (high - low); }

}  // namespace neurfield
