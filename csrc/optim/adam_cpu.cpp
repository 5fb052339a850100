// Adam in one pass over parameter, gradient and both moments; hash tables skip the entries that got no gradient.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd.h"
#include "optim/adam_arguments.h"

namespace neurfield {
namespace {

constexpr int64_t kChunk = 1 << 16;  // entries per task
constexpr int kLine = 16;            // floats in a cache line: what is touched or left alone together
constexpr int kLines = 16;           // lines looked through ahead of their update
static_assert(kLine % kLanes == 0);

struct Streams {
    float *parameter, *gradient, *first, *second;
};

inline Vec root(Vec a) {
    for (int i = 0; i < kLanes; ++i) a.v[i] = std::sqrt(a.v[i]);
    return a;
}

// +0 or -0 throughout
inline bool line_is_zero(const float* values) {
    uint64_t words[kLine / 2], any = 0;
    std::memcpy(words, values, sizeof words);
    for (uint64_t word : words) any |= word;
    return (any & 0x7fffffff7fffffff) == 0;
}

inline void update_lanes(const AdamStep& step, float* parameter, float* gradient, float* first, float* second) {
    const Vec g = Vec::load(gradient), p = Vec::load(parameter), m0 = Vec::load(first), v0 = Vec::load(second);
    Vec m = m0, v = v0, moved = p;
    adam_update(step, g, moved, m, v, [](Vec a) { return root(a); });
    if (step.skip_zero) {
        const IntLanes touched = g.v != 0.0f;
        m = touched ? m.v : m0.v;
        v = touched ? v.v : v0.v;
        moved = touched ? moved.v : p.v;
    }
    m.store(first);
    v.store(second);
    moved.store(parameter);
    if (step.clear_gradient) Vec(0.0f).store(gradient);
}

inline void update_line(const AdamStep& step, const Streams& s, int64_t at) {
    for (int64_t j = at; j < at + kLine; j += kLanes) update_lanes(step, s.parameter + j, s.gradient + j, s.first + j, s.second + j);
}

// The lines of a short stretch whose gradients are not all zero. When they are few, they are fetched ahead: no hardware prefetcher
// foresees scattered lines, and an update of one in a hundred would cost more than of all. When they are many, the stretch is
// updated from end to end, which the hardware foresees best.
class TouchedLines {
public:
    void find(const Streams& s, int64_t begin, int64_t end) {
        count_ = 0;
        for (int64_t at = begin; at < end; at += kLine) {  // no branch: whether a line is touched cannot be foreseen
            at_[count_] = at;
            count_ += !line_is_zero(s.gradient + at);
        }
        if (count_ * kLine * 8 > end - begin) {
            count_ = 0;
            for (int64_t at = begin; at < end; at += kLine) at_[count_++] = at;
            return;
        }
        for (int i = 0; i < count_; ++i)
            for (const float* stream : {s.parameter, s.first, s.second}) __builtin_prefetch(stream + at_[i], 1);
    }
    void update(const AdamStep& step, const Streams& s) const {
        for (int i = 0; i < count_; ++i) update_line(step, s, at_[i]);
    }

private:
    int count_ = 0;
    int64_t at_[kLines];
};

void update_touched(const AdamStep& step, const Streams& s, int64_t begin, int64_t end) {
    TouchedLines lines[2];
    int turn = 0;
    for (int64_t at = begin; at < end; at += kLines * kLine, turn ^= 1) {
        lines[turn].find(s, at, std::min<int64_t>(at + kLines * kLine, end));
        lines[turn ^ 1].update(step, s);
    }
    lines[turn ^ 1].update(step, s);
}

void update_range(const AdamStep& step, const Streams& s, int64_t begin, int64_t end) {
    int64_t i = begin + (end - begin) / kLine * kLine;
    if (step.skip_zero)
        update_touched(step, s, begin, i);
    else
        for (int64_t at = begin; at < i; at += kLine) update_line(step, s, at);
    while (i < end) {
        const int64_t count = std::min<int64_t>(end - i, kLanes);
        float lanes[4][kLanes] = {};
        float* const streams[4] = {s.parameter, s.gradient, s.first, s.second};
        for (int k = 0; k < 4; ++k) std::copy_n(streams[k] + i, count, lanes[k]);
        update_lanes(step, lanes[0], lanes[1], lanes[2], lanes[3]);
        for (int k = 0; k < 4; ++k) std::copy_n(lanes[k], count, streams[k] + i);
        i += count;
    }
}

void adam_step(const AdamCall& call) {
    const Streams streams{call.parameter, call.gradient, call.first, call.second};
    py::gil_scoped_release release;
    parallel_chunks(call.size, kChunk, [&](int64_t begin, int64_t end) { update_range(call.step, streams, begin, end); });
}

}  // namespace

void bind_adam(py::module_& module) { define(module, "adam_step", adam_step_of, adam_step); }

}  // namespace neurfield
