// The columns that a network sees of a point beside the grid's features, and derivatives through them: coordinates, then frequencies.
#pragma once

#include <cstdint>

namespace neurfield::field {

struct PlainColumns {
    bool coordinates;
    int frequencies;

    constexpr int width() const { return (coordinates ? 3 : 0) + 6 * frequencies; }
    constexpr int frequencies_at() const { return coordinates ? 3 : 0; }
};

// Rows of all arrays but points, gradient and tangents [count][3] are `row` floats apart; the plain columns are their first.

// Writes the columns of points.
void put_plain_columns(const PlainColumns& columns, int64_t count, const float* points, int64_t row, float* inputs);

// gradient = slope through the columns; zeros where there are none.
void pull_plain_columns(const PlainColumns& columns, int64_t count, const float* inputs, const float* slope, int64_t row, float* gradient);

// change = of the columns, as points move along tangents.
void push_plain_columns(const PlainColumns& columns, int64_t count, const float* inputs, const float* tangents, int64_t row, float* change);

}  // namespace neurfield::field
