// The walk that the backward of every field query takes: spans of points, in which threads first run the network over parts and lay
// down what the table is asked, then scatter it level by level.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "field/table_scatter.h"
#include "network/mlp_arguments.h"

namespace neurfield::field {

constexpr int64_t kPart = 1024 / kTile * kTile;  // points of a task, whose weight gradients have a buffer of their own
constexpr int64_t kParts = 32;                   // of a span

// What is kept of a span between its phases; grown and never shrunk.
struct Span {
    std::optional<Points> points, tangents;
    AlignedFloats d_features_storage, sums_storage;
    LevelRows d_features;

    static Span& own() {
        static thread_local Span span;
        return span;
    }

    // Notes the chunk's points, which begin at `first` of the span.
    static void note(std::optional<Points>& span, const Points& chunk, int64_t first, int64_t count) {
        const int64_t whole = whole_vectors(count);
        for (int k = 0; k < 3; ++k) std::copy_n(chunk.axis(k), whole, span->coordinates.data() + k * span->stride + first);
        std::copy_n(chunk.inside.data(), whole / kLanes, span->inside.data() + first / kLanes);
    }
};

// Calls run(span, first, begin, end, sums) for parts [begin, end) of each span, which starts at point `first`; it notes their points and
// d_features, and adds the weights' derivatives to `sums`. Then calls scatter(span, first, count), count being filled up to whole
// vectors. The parts' sums are added in their order: whichever thread takes a part, and however many there are, they come out the
// same.
template <class Run, class Scatter>
void walk_spans(const Network& network, const Grid& grid, int64_t points, bool tangents, const Derivatives& to, Run&& run,
                Scatter&& scatter) {
    Span& span = Span::own();
    const int64_t size = network.gradient_size, longest = std::min(whole_vectors(points), kPart * kParts);
    float* sums = span.sums_storage.reserve(((longest + kPart - 1) / kPart + 1) * size);
    float* total = sums + (longest + kPart - 1) / kPart * size;
    grown(span.points, longest);
    if (tangents) grown(span.tangents, longest);
    span.d_features = {span.d_features_storage.reserve(LevelRows::floats(grid, longest)), LevelRows::stride_of(grid, longest)};
    std::fill_n(total, size, 0.0f);
    for (int64_t first = 0; first < points; first += kPart * kParts) {
        const int64_t count = std::min(points - first, kPart * kParts);
        parallel_chunks(count, kPart, [&](int64_t begin, int64_t end) {
            float* own = sums + begin / kPart * size;
            std::fill_n(own, size, 0.0f);
            run(span, first, begin, end, own);
        });
        for (int64_t begin = 0; begin < count; begin += kPart)
            for (int64_t n = 0; n < size; n += kLanes) (Vec::load(total + n) + Vec::load(sums + begin / kPart * size + n)).store(total + n);
        scatter(span, first, whole_vectors(count));
    }
    unpack(network, total, to);
}

}  // namespace neurfield::field
