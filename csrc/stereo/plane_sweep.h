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
    bool holds(Span other) const { return begin <= other.begin && other.end <= end; }
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

// 1 / x.
inline Vec inverse_of(Vec x) {
#if defined(__AVX512F__)
    const Vec rough(_mm512_maskz_rcp14_ps(0xffff, x.v));
    return rough * (Vec(2.0f) - x * rough);  // Newton's step: to the last bit or two
#else
    return Vec(1.0f) / x;
#endif
}

// kLanes planes through one source.
class SourceSweep {
public:
    // Costs [height][width][kLanes], bytes of kCostSteps, of the pixels inside at the columns `wanted` [height]; elsewhere nothing is written.
    void run(const ReferenceWindows& reference, const Picture& source, const Pair& pair, float gain, const float* inverse_depth,
             const Span* wanted, uint8_t* costs) {
        reference_ = &reference, source_ = source, masked_ = source.has_background(), gain_ = Vec(gain),
        shift_ = Vec(kMiddle - gain * kMiddle), tolerance_ = Vec(source.tolerance);
        const Vec planes = Vec::load(inverse_depth);
        for (int i = 0; i < 3; ++i) {
            moved_[i] = fma(Vec(pair.b[i]), planes, Vec(pair.a[3 * i + 2]));
            along_[i] = Vec(pair.a[3 * i]), down_[i] = Vec(pair.a[3 * i + 1]);
        }
        const int32_t height = reference.height, radius = reference.radius;
        slots_ = 2 * radius + 2, past_ = 2 * radius + 1;
        const int64_t columns = reference.width + past_ + radius, ring = slots_ * columns;
        if (ring > static_cast<int64_t>(is_marked_.size())) {
            samples_ = reserve(sample_memory_, ring), marks_ = reserve(mark_memory_, ring);
            std::fill_n(samples_, ring, Vec(0.0f)), is_marked_.assign(static_cast<size_t>(ring), 0);
            columns_ = reserve(column_memory_, 4 * columns), marked_columns_ = reserve(marked_memory_, 3 * columns);
            nothing_.assign(static_cast<size_t>(columns), 0.0f), marked_counts_.resize(static_cast<size_t>(columns));
        }
        Span touched;
        for (int32_t y = 0; y < height; ++y) touched.include(wanted[y]);
        if (touched.empty()) return;
        const int64_t begin = touched.begin - radius + past_, end = touched.end + radius + past_;
        std::fill(columns_ + 4 * begin, columns_ + 4 * end, Vec(0.0f)),
            std::fill(marked_columns_ + 3 * begin, marked_columns_ + 3 * end, Vec(0.0f));
        std::fill(marked_counts_.begin() + begin, marked_counts_.begin() + end, 0);
        for (int32_t y = 0; y < height + radius; ++y) {
            forget_row(y);
            if (y < height) take_row(y, wanted);
            bool marks = false;
            for (int i = 0; i < slots_; ++i) marks |= rows_[i].marked;
            const Span out = y >= radius ? wanted[y - radius] : Span{};
            if (marks)
                add_row<true>(y);
            else
                add_row<false>(y);
            if (out.empty()) continue;
            uint8_t* costs_row = costs + static_cast<int64_t>(y - radius) * reference.width * kLanes;
            if (marks)
                write_row<true>(y - radius, out, costs_row);
            else
                write_row<false>(y - radius, out, costs_row);
        }
        for (int32_t y = 0; y < slots_; ++y) forget_row(y);
    }

private:
    static constexpr int32_t kPiece = 24;  // columns of which is asked at once whether they leave the source
    static constexpr float kLeaves = 256.0f;  // more than the taps of a window: marks are 1, and for what leaves the source 1 + this

    static Vec* reserve(AlignedFloats& memory, int64_t count) { return reinterpret_cast<Vec*>(memory.reserve(count * kLanes)); }
    struct Row {
        Span span;  // the columns that were sampled; samples of the others are 0
        bool marked = false;
    };

    // Where entry x of row y's ring begins; rows 2 radius + 2 apart share it. x counts from -(2 radius + 1).
    int64_t slot(int32_t y) const { return static_cast<int64_t>(y % slots_) * (reference_->width + past_ + reference_->radius) + past_; }

    void forget_row(int32_t y) {
        Row& row = rows_[y % slots_];
        std::fill(samples_ + slot(y) + row.span.begin, samples_ + slot(y) + row.span.end, Vec(0.0f));
        if (row.marked) std::fill(is_marked_.begin() + slot(y) + row.span.begin, is_marked_.begin() + slot(y) + row.span.end, uint8_t{0});
        row = Row{};
    }

    // Samples of the source at the pixels of the reference's row y that wanted windows touch.
    void take_row(int32_t y, const Span* wanted) {
        const int32_t radius = reference_->radius, width = reference_->width;
        Row& row = rows_[y % slots_];
        Span span;
        for (int32_t near = std::max(0, y - radius); near <= std::min(reference_->height - 1, y + radius); ++near)
            span.include(wanted[near]);
        if (span.empty()) return;
        span = row.span = {std::max(0, span.begin - radius), std::min(width, span.end + radius)};
        Track track;
        for (int i = 0; i < 3; ++i) track.start[i] = fma(down_[i], Vec(static_cast<float>(y) + 0.5f), moved_[i]), track.step[i] = along_[i];
        for (int32_t begin = span.begin; begin < span.end; begin += kPiece) {
            const Span piece{begin, std::min(begin + kPiece, span.end)};
            if (!track.stays(source_, piece))
                row.marked |= take<false, true>(track, piece, y);
            else if (masked_)
                row.marked |= take<true, true>(track, piece, y);
            else
                take<true, false>(track, piece, y);
        }
    }

    // Where a row of the reference lies in the source, a plane a lane.
    struct Track {
        Vec start[3], step[3];
        Vec u, v;
        IntLanes behind;

        [[gnu::always_inline]] void go_to(int32_t x) {
            const Vec along(static_cast<float>(x) + 0.5f), ahead = fma(step[2], along, start[2]), inverse = inverse_of(ahead);
            behind = ~(ahead.v > 0.0f);
            u = fma(step[0], along, start[0]) * inverse, v = fma(step[1], along, start[1]) * inverse;
        }

        // Whether all of it lies between the centres of the source's pixels: a straight line does where its ends do.
        bool stays(const Picture& source, Span span) {
            IntLanes leaves{};
            const float right = static_cast<float>(source.width) - 0.5f, bottom = static_cast<float>(source.height) - 0.5f;
            for (const int32_t x : {span.begin, span.end - 1}) {
                go_to(x);
                leaves |= behind | ~((u.v >= 0.5f) & (v.v >= 0.5f) & (u.v <= right) & (v.v <= bottom));
            }
            return !any(leaves);
        }
    };

    static Vec rounded(Vec grey) {
        constexpr float kQuarters = 3145728.0f;  // 1.5 * 2^21: what is added to it is rounded to quarters
        return (grey + Vec(kQuarters)) - Vec(kQuarters + kMiddle);
    }

    // A piece of a row, kWithin if all of it lies within the source. With kMarks some may leave or fall on background; whether some does.
    template <bool kWithin, bool kMarks>
    bool take(Track track, Span piece, int32_t y) {
        const Picture source = source_;
        const float* inside = reference_->inside_row(y);
        Vec *const samples = samples_ + slot(y), *const marks = marks_ + slot(y);
        uint8_t* const is_marked = is_marked_.data() + slot(y);
        bool found_some = false;
        for (int32_t x = piece.begin; x < piece.end; ++x) {
            if (!(inside[x] > 0.0f)) continue;
            track.go_to(x);
            const Sample found = sample<kWithin, kMarks>(source, track.u, track.v);
            samples[x] = rounded(found.value);
            if constexpr (kMarks) {
                const IntLanes leaves = kWithin ? IntLanes{} : found.leaves | track.behind, marked = leaves | found.background;
                if (!any_bit(marked)) continue;
                found_some = true, is_marked[x] = 1;
                samples[x] = choose(marked, Vec(0.0f), samples[x]);
                marks[x] = choose(leaves, Vec(kLeaves + 1.0f), choose(marked, Vec(1.0f), Vec(0.0f)));
            }
        }
        return found_some;
    }

    // Row y into the sums of columns, row y - 2 radius - 1 out of them: each where it was sampled, so that what goes out had come in.
    template <bool kMarks>
    void add_row(int32_t y) {
        const Span added = rows_[y % slots_].span, taken = rows_[(y + 1) % slots_].span;  // the oldest of the ring
        int32_t ends[4] = {added.begin, added.end, taken.begin, taken.end};
        std::sort(ends, ends + 4);
        for (int i = 0; i < 3; ++i) {
            const Span piece{ends[i], ends[i + 1]};
            const bool in = added.holds(piece), out = taken.holds(piece);
            if (!piece.empty() && (in || out)) add_piece<kMarks>(y, piece, in, out);
        }
    }

    // A piece of that; whether the new row was sampled there, and the old one.
    template <bool kMarks>
    void add_piece(int32_t y, Span piece, bool added, bool taken) {
        const int32_t old = y - past_;
        const float *grey_new = added ? reference_->grey_row(y) : nothing_.data(),
                    *grey_old = taken ? reference_->grey_row(old) : nothing_.data();
        const float *inside_new = added ? reference_->inside_row(y) : nothing_.data(),
                    *inside_old = taken ? reference_->inside_row(old) : nothing_.data();
        const Vec *samples_new = samples_ + slot(y), *samples_old = samples_ + slot(y + 1);
        const Vec *marks_new = marks_ + slot(y), *marks_old = marks_ + slot(y + 1);
        const uint8_t *is_marked_new = is_marked_.data() + slot(y), *is_marked_old = is_marked_.data() + slot(y + 1);
        const Vec shift = shift_, gain = gain_, tolerance = tolerance_;
        for (int32_t x = piece.begin; x < piece.end; ++x) {
            Vec* sums = columns_ + 4 * (x + past_);
            const Vec a_new(grey_new[x]), b_new = samples_new[x], a_old(grey_old[x]), b_old = samples_old[x];
            Vec apart_new = difference_of(a_new + shift, gain * b_new, tolerance) * Vec(inside_new[x]);
            Vec apart_old = difference_of(a_old + shift, gain * b_old, tolerance) * Vec(inside_old[x]);
            if (kMarks && is_marked_new[x]) apart_new = mark<1>(x, a_new, marks_new[x], apart_new);
            if (kMarks && is_marked_old[x]) apart_old = mark<-1>(x, a_old, marks_old[x], apart_old);
            sums[0] = sums[0] + (b_new - b_old);
            sums[1] = sums[1] + b_new * b_new - b_old * b_old;
            sums[2] = sums[2] + a_new * b_new - a_old * b_old;
            sums[3] = sums[3] + (apart_new - apart_old);
        }
    }

    // A marked sample in or out of the sums of its column; `apart` without it.
    template <int kSign>
    Vec mark(int32_t x, Vec mine, Vec mark, Vec apart) {
        Vec* sums = marked_columns_ + 3 * (x + past_);
        marked_counts_[static_cast<size_t>(x + past_)] += kSign;
        const Vec sign(static_cast<float>(kSign)), dropped = choose(mark.v > 0.0f, mine, Vec(0.0f));
        sums[0] = fma(sign, mark, sums[0]), sums[1] = fma(sign, dropped, sums[1]), sums[2] = fma(sign * dropped, dropped, sums[2]);
        return choose(mark.v > 0.0f, Vec(0.0f), apart);
    }

    // The costs of row y, from the sums of columns.
    template <bool kMarks>
    void write_row(int32_t y, Span out, uint8_t* costs) const {
        const int32_t radius = reference_->radius;
        const Window* windows = reference_->window_row(y);
        Vec b(0.0f), bb(0.0f), ab(0.0f), apart(0.0f), marks[3] = {b, b, b};
        int32_t count = 0;  // of the window's pixels that have a mark on some plane
        const auto slide = [&](int32_t x, int sign) {
            const Vec *sums = columns_ + 4 * (x + past_), *marked = marked_columns_ + 3 * (x + past_);
            if (sign > 0)
                b += sums[0], bb += sums[1], ab += sums[2], apart += sums[3];
            else
                b -= sums[0], bb -= sums[1], ab -= sums[2], apart -= sums[3];
            if constexpr (kMarks)
                if (const int32_t here = marked_counts_[static_cast<size_t>(x + past_)]; here > 0) {
                    count += sign * here;
                    for (int i = 0; i < 3; ++i) marks[i] = sign > 0 ? marks[i] + marked[i] : marks[i] - marked[i];
                }
        };
        for (int32_t x = out.begin - radius; x < out.begin + radius; ++x) slide(x, 1);
        for (int32_t x = out.begin; x < out.end; ++x) {
            slide(x + radius, 1);
            if (x > out.begin) slide(x - radius - 1, -1);
            const Window& window = windows[x];
            if (!(window.share > 0.0f)) continue;
            const Vec spread = max(bb - b * b * Vec(window.share), Vec(window.least)), together = ab - b * Vec(window.mean);
            Vec cost = fma(Vec(window.of_difference), apart, Vec(window.constant)) -
                       Vec(window.of_correlation) * together * rough_inverse_root(spread);
            if (kMarks && count > 0) cost = marked_cost(window, b, bb, ab, apart, marks, cost);
            typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
            const Vec scaled = min(max(fma(cost, Vec(kCostSteps), Vec(0.5f)), Vec(0.0f)), Vec(kCostSteps));
            const Bytes bytes = __builtin_convertvector(to_int(scaled), Bytes);
            std::memcpy(costs + static_cast<int64_t>(x) * kLanes, &bytes, sizeof bytes);
        }
    }

    // Of windows of which a part falls on background or leaves the source.
    static Vec marked_cost(const Window& window, Vec b, Vec bb, Vec ab, Vec apart, const Vec* marks, Vec cost) {
        const Vec left = to_float(to_int(marks[0] * Vec(1.0f / kLeaves)));
        PairSums sums;
        sums.background = fma(left, Vec(-kLeaves), marks[0]);
        sums.weight = max(Vec(1.0f / window.share) - sums.background, Vec(0.0f));
        sums.a = Vec(window.a) - marks[1], sums.aa = Vec(window.aa) - marks[2];
        sums.b = b, sums.bb = bb, sums.ab = ab, sums.difference = apart;
        const Vec outside = left * Vec((1.0f - kOutside) * window.share);  // the sums have them cost 1
        return choose(marks[0].v > 0.0f, sums.cost(Vec(window.kappa)) - outside, cost);
    }

    const ReferenceWindows* reference_ = nullptr;
    Picture source_{};
    Vec gain_, shift_, tolerance_;
    Vec moved_[3], along_[3], down_[3];  // (u, v, 1) goes to moved + along u + down v
    bool masked_ = false;  // the source has background
    int32_t slots_ = 0, past_ = 0;
    Row rows_[2 * kMostRadius + 2];
    AlignedFloats sample_memory_, mark_memory_, column_memory_, marked_memory_;
    Vec *samples_ = nullptr, *marks_ = nullptr;  // the last rows, a ring; marks count where is_marked_. All 0 between runs
    std::vector<uint8_t> is_marked_;  // some plane's sample lies in the background or leaves the source
    Vec *columns_ = nullptr, *marked_columns_ = nullptr;  // sums of (b, bb, ab, |a - g b|), of (mark, a, aa where marked)
    std::vector<int32_t> marked_counts_;  // of each column
    std::vector<float> nothing_;
};

}  // namespace neurfield::stereo
