// Planes of one inverse depth swept through a reference picture: what each pixel's window costs on each plane, in one source.
//
// Lanes are planes. A plane's samples of the source lie on the reference's pixels, so sums over windows are kept as they move: down in
// sums of columns, to the right in one sum. Samples are rounded to quarters of a grey level, which makes all these sums exact.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/aligned_floats.h"
#include "stereo/pictures.h"

namespace neurfield::stereo {

constexpr int kMostRadius = 5;
constexpr float kMiddle = 128.0f;  // greys are counted from it
constexpr float kCostSteps = 255.0f;  // of a source's cost, 0 to 1, as a byte

struct Span {
    int32_t begin = 0, end = 0;  // of columns

    bool empty() const { return begin >= end; }
    void include(Span other) {
        if (other.empty()) return;
        if (empty()) *this = other;
        begin = std::min(begin, other.begin), end = std::max(end, other.end);
    }
};

// What is known of a reference pixel's window before any source is looked at.
struct Window {
    float share;  // 1 / the number of its taps, those inside mask and picture; 0 for a pixel of the background
    float a, aa;  // sums of the taps' greys and their squares
    float mean;
    float kappa;
    float constant, of_difference,
        of_correlation;  // cost = constant + of_difference * sum |a - g b| - of_correlation * covariance / deviation
    float least;  // sum of squares below which a window of a source is plain
};

// A reference picture made ready for sweeping.
class ReferenceWindows {
public:
    int32_t height = 0, width = 0, radius = 0;

    void prepare(const Picture& picture, int window_radius) {
        height = picture.height, width = picture.width, radius = window_radius;
        stride_ = width + 2 * radius + kLanes;
        const int64_t padded = static_cast<int64_t>(height + 2 * radius) * stride_;
        grey_.assign(static_cast<size_t>(padded), 0.0f), inside_.assign(static_cast<size_t>(padded), 0.0f);
        windows_.resize(static_cast<size_t>(height) * width);
        for (int64_t y = 0; y < height; ++y)
            for (int64_t x = 0; x < width; ++x)
                if (const int32_t grey = picture.grey(y, x)) {
                    grey_[at(y, x)] = static_cast<float>(grey) - kMiddle;
                    inside_[at(y, x)] = 1.0f;
                }
        for (int32_t y = 0; y < height; ++y)
            for (int32_t x = 0; x < width; x += kLanes) measure(y, x);
    }

    bool inside(int64_t y, int64_t x) const { return inside_[at(y, x)] > 0.0f; }
    const float* grey_row(int64_t y) const { return grey_.data() + at(y, 0); }  // from kMiddle; 0 in the background
    const float* inside_row(int64_t y) const { return inside_.data() + at(y, 0); }
    const Window* window_row(int64_t y) const { return windows_.data() + y * width; }

private:
    size_t at(int64_t y, int64_t x) const { return static_cast<size_t>((y + radius) * stride_ + x + radius); }

    // kLanes windows from (y, x) on.
    void measure(int32_t y, int32_t x) {
        const Vec middle = Vec::load(&grey_[at(y, x)]);
        ReferenceSums about;  // the middle's grey
        Vec a(0.0f), aa(0.0f);
        for (int dy = -radius; dy <= radius; ++dy)
            for (int dx = -radius; dx <= radius; ++dx) {
                const Vec grey = Vec::load(&grey_[at(y + dy, x + dx)]), weight = Vec::load(&inside_[at(y + dy, x + dx)]);
                about.add(static_cast<float>(dx), static_cast<float>(dy), grey - middle, weight);
                a += grey, aa = fma(grey, grey, aa);
            }
        const Vec kappa = about.texture(), share = Vec(1.0f) / max(about.weight, Vec(1.0f)), mean = a * share;
        const Vec variance = max(aa * share - mean * mean, Vec(kLeastVariance));
        const Vec of_correlation = Vec(0.5f) * kappa / PairSums::square_root(variance * max(about.weight, Vec(1.0f)));
        const Vec of_difference = (Vec(1.0f) - kappa) * share * Vec(1.0f / kMostDifference);
        Window* windows = windows_.data() + static_cast<int64_t>(y) * width + x;
        for (int i = 0; i < std::min(kLanes, width - x); ++i)
            windows[i] = {inside(y, x + i) ? share.v[i] : 0.0f,
                          a.v[i],
                          aa.v[i],
                          mean.v[i],
                          kappa.v[i],
                          0.5f * kappa.v[i],
                          of_difference.v[i],
                          of_correlation.v[i],
                          kLeastVariance * about.weight.v[i]};
    }

    int64_t stride_ = 0;
    std::vector<float> grey_, inside_;
    std::vector<Window> windows_;
};

// 1 / sqrt(x), relative error below 1e-4.
inline Vec rough_inverse_root(Vec x) {
#if defined(__AVX512F__)
    return Vec(_mm512_maskz_rsqrt14_ps(0xffff, x.v));
#else
    return Vec(1.0f) / PairSums::square_root(x);
#endif
}

// kLanes planes through one source.
class SourceSweep {
public:
    // Costs [height][width][kLanes], bytes of kCostSteps, of the pixels inside at the columns `wanted` [height]; elsewhere nothing is written.
    void run(const ReferenceWindows& reference, const Picture& source, const Pair& pair, float gain, const float* inverse_depth,
             const Span* wanted, uint8_t* costs) {
        reference_ = &reference, source_ = source, pair_ = pair, gain_ = Vec(gain), shift_ = Vec(kMiddle - gain * kMiddle);
        const Vec planes = Vec::load(inverse_depth);
        for (int i = 0; i < 3; ++i) moved_[i] = Vec(pair.b[i]) * planes;
        const int32_t height = reference.height, radius = reference.radius;
        slots_ = 2 * radius + 2;
        const int64_t columns = reference.width + 3 * radius + 1;
        samples_ = reserve(sample_memory_, slots_ * reference.width), marks_ = reserve(mark_memory_, slots_ * reference.width);
        columns_ = clear(column_memory_, 4 * columns), marked_ = clear(marked_memory_, 3 * columns);
        std::fill_n(rows_, slots_, Row{});
        for (int32_t y = 0; y < height + radius; ++y) {
            rows_[y % slots_] = Row{};
            if (y < height) take_row(y, wanted);
            bool any_marks = false;
            for (int i = 0; i < slots_; ++i) any_marks |= rows_[i].marked;
            const Span none, &out = y >= radius ? wanted[y - radius] : none;
            uint8_t* costs_row = costs + static_cast<int64_t>(std::max(0, y - radius)) * reference.width * kLanes;
            if (any_marks)
                move_down<true>(y, out, costs_row);
            else
                move_down<false>(y, out, costs_row);
        }
    }

private:
    struct Row {
        Span span;  // the columns that were sampled
        bool marked = false;  // some lie in the background or leave the source
    };
    static constexpr float kLeaves = 256.0f;  // more than the taps of a window: marks are 1, and for what leaves the source 1 + this

    static Vec* reserve(AlignedFloats& memory, int64_t count) { return reinterpret_cast<Vec*>(memory.reserve(count * kLanes)); }
    static Vec* clear(AlignedFloats& memory, int64_t count) {
        Vec* data = reserve(memory, count);
        std::fill_n(data, count, Vec(0.0f));
        return data;
    }

    // Samples of the source at the pixels of the reference's row y that wanted windows touch.
    void take_row(int32_t y, const Span* wanted) {
        const int32_t radius = reference_->radius, width = reference_->width;
        Row& row = rows_[y % slots_];
        for (int32_t near = std::max(0, y - radius); near <= std::min(reference_->height - 1, y + radius); ++near)
            row.span.include(wanted[near]);
        if (row.span.empty()) return;
        row.span = {std::max(0, row.span.begin - radius), std::min(width, row.span.end + radius)};
        const float* inside = reference_->inside_row(y);
        Vec* samples = samples_ + static_cast<int64_t>(y % slots_) * width;
        Vec* marks = marks_ + static_cast<int64_t>(y % slots_) * width;
        const Vec v(static_cast<float>(y) + 0.5f), one(1.0f);
        Vec start[3], step[3];
        for (int i = 0; i < 3; ++i) {
            start[i] = fma(Vec(pair_.a[3 * i + 1]), v, moved_[i] + Vec(pair_.a[3 * i + 2]));
            step[i] = Vec(pair_.a[3 * i]);
        }
        constexpr float kQuarters = 3145728.0f;  // 1.5 * 2^21: what is added to it is rounded to quarters
        for (int32_t x = row.span.begin; x < row.span.end; ++x) {
            if (!(inside[x] > 0.0f)) continue;
            const Vec u(static_cast<float>(x) + 0.5f);
            const Vec ahead = fma(step[2], u, start[2]), inverse = one / ahead;
            const Sample found = sample(source_, fma(step[0], u, start[0]) * inverse, fma(step[1], u, start[1]) * inverse);
            samples[x] = (found.value + Vec(kQuarters)) - Vec(kQuarters + kMiddle);
            const IntLanes leaves = found.leaves | ~(ahead.v > 0.0f), marked = leaves | found.background;
            if (any(marked)) [[unlikely]] {
                if (!row.marked) std::fill(marks + row.span.begin, marks + row.span.end, Vec(0.0f));
                row.marked = true;
                samples[x] = choose(marked, Vec(0.0f), samples[x]);
                marks[x] = choose(leaves, Vec(kLeaves + 1.0f), choose(marked, one, Vec(0.0f)));
            } else if (row.marked) {
                marks[x] = Vec(0.0f);
            }
        }
    }

    // Adds row y to the sums of columns, takes row y - 2 radius - 1 out of them, and writes the costs of row y - radius.
    template <bool kMarks>
    void move_down(int32_t y, Span out, uint8_t* costs) {
        const int32_t radius = reference_->radius, width = reference_->width, past = 2 * radius + 1, old = y - past;
        const Row& added = rows_[y % slots_];
        const Row nothing, &taken = old >= 0 ? rows_[old % slots_] : nothing;
        Span span = added.span;
        span.include(taken.span);
        if (!out.empty()) span.include({out.begin - radius, out.end + radius});
        if (span.empty()) return;
        const int64_t new_at = static_cast<int64_t>(y % slots_) * width, old_at = static_cast<int64_t>(std::max(0, old) % slots_) * width;
        const int32_t row_new = std::min(y, reference_->height - 1), row_old = std::max(0, old);
        const float *grey_new = reference_->grey_row(row_new), *grey_old = reference_->grey_row(row_old);
        const float *inside_new = reference_->inside_row(row_new), *inside_old = reference_->inside_row(row_old);
        const Window* windows = reference_->window_row(std::max(0, y - radius));
        const auto column = [&](int64_t x) { return columns_ + 4 * (x + past); };
        const auto marked = [&](int64_t x) { return marked_ + 3 * (x + past); };
        Vec box[4], box_marked[3];
        for (Vec& sum : box) sum = Vec(0.0f);
        for (Vec& sum : box_marked) sum = Vec(0.0f);
        for (int32_t x = span.begin; x < span.end; ++x) {
            Vec* sums = column(x);
            Vec* marked_sums = marked(x);
            if (x >= added.span.begin && x < added.span.end && inside_new[x] > 0.0f)
                put<kMarks, 1>(sums, marked_sums, Vec(grey_new[x]), samples_[new_at + x], added.marked ? marks_[new_at + x] : Vec(0.0f));
            if (x >= taken.span.begin && x < taken.span.end && inside_old[x] > 0.0f)
                put<kMarks, -1>(sums, marked_sums, Vec(grey_old[x]), samples_[old_at + x], taken.marked ? marks_[old_at + x] : Vec(0.0f));
            for (int i = 0; i < 4; ++i) box[i] += sums[i];
            if (kMarks)
                for (int i = 0; i < 3; ++i) box_marked[i] += marked_sums[i];
            if (x - past >= span.begin) {
                for (int i = 0; i < 4; ++i) box[i] -= column(x - past)[i];
                if (kMarks)
                    for (int i = 0; i < 3; ++i) box_marked[i] -= marked(x - past)[i];
            }
            const int32_t middle = x - radius;
            if (middle >= out.begin && middle < out.end && windows[middle].share > 0.0f)
                write<kMarks>(windows[middle], box, box_marked, costs + static_cast<int64_t>(middle) * kLanes);
        }
    }

    template <bool kMarks, int kSign>
    void put(Vec* sums, Vec* marked_sums, Vec mine, Vec theirs, Vec mark) const {
        const Vec sign(static_cast<float>(kSign));
        Vec apart = min(abs(mine + shift_ - gain_ * theirs), Vec(kMostDifference));
        if (kMarks) {
            apart = choose(mark.v > 0.0f, Vec(0.0f), apart);
            const Vec dropped = choose(mark.v > 0.0f, mine, Vec(0.0f));
            marked_sums[0] = fma(sign, mark, marked_sums[0]);
            marked_sums[1] = fma(sign, dropped, marked_sums[1]);
            marked_sums[2] = fma(sign * dropped, dropped, marked_sums[2]);
        }
        sums[0] = fma(sign, theirs, sums[0]);
        sums[1] = fma(sign * theirs, theirs, sums[1]);
        sums[2] = fma(sign * mine, theirs, sums[2]);
        sums[3] = fma(sign, apart, sums[3]);
    }

    template <bool kMarks>
    void write(const Window& window, const Vec* box, const Vec* box_marked, uint8_t* costs) const {
        const Vec spread = max(box[1] - box[0] * box[0] * Vec(window.share), Vec(window.least));
        const Vec together = box[2] - box[0] * Vec(window.mean);
        Vec cost = fma(Vec(window.of_difference), box[3], Vec(window.constant)) -
                   Vec(window.of_correlation) * together * rough_inverse_root(spread);
        if (kMarks) {
            const IntLanes touched = box_marked[0].v > 0.0f;
            if (any(touched)) {
                const Vec left = to_float(to_int(box_marked[0] * Vec(1.0f / kLeaves)));
                PairSums sums;
                sums.background = fma(left, Vec(-kLeaves), box_marked[0]);
                sums.weight = max(Vec(1.0f / window.share) - sums.background, Vec(0.0f));
                sums.a = Vec(window.a) - box_marked[1], sums.aa = Vec(window.aa) - box_marked[2];
                sums.b = box[0], sums.bb = box[1], sums.ab = box[2], sums.difference = box[3];
                const Vec outside = left * Vec((1.0f - kOutside) * window.share);  // the sums have them cost 1
                cost = choose(touched, sums.cost(Vec(window.kappa)) - outside, cost);
            }
        }
        typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
        const Vec scaled = min(max(fma(cost, Vec(kCostSteps), Vec(0.5f)), Vec(0.0f)), Vec(kCostSteps));
        const Bytes bytes = __builtin_convertvector(to_int(scaled), Bytes);
        std::memcpy(costs, &bytes, sizeof bytes);
    }

    const ReferenceWindows* reference_ = nullptr;
    Picture source_{};
    Pair pair_{};
    Vec gain_, shift_, moved_[3];
    int slots_ = 0;
    Row rows_[2 * kMostRadius + 2];
    AlignedFloats sample_memory_, mark_memory_, column_memory_, marked_memory_;
    Vec *samples_ = nullptr, *marks_ = nullptr;  // [slots][width]
    Vec *columns_ = nullptr,
        *marked_ = nullptr;  // [2 radius + 1 + width + radius] of (b, bb, ab, |a - g b|), of (mark, a, aa where marked)
};

}  // namespace neurfield::stereo
