// Unordered pairs of numbers, grouped: equal ones come together, and rise by their lesser and then their greater number. Counting puts
// them by the lesser number; what is left to be sorted are the few of one number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/parallel.h"

namespace neurfield {

class PairGroups {
public:
    struct Entry {
        int64_t greater, pair;
    };

    // ends(i) are the two numbers of pair i, 0 to numbers - 1.
    template <class Ends>
    PairGroups(int64_t pairs, int64_t numbers, Ends&& ends) : start_(numbers + 1, 0), entries_(pairs) {
        for (int64_t i = 0; i < pairs; ++i) {
            const auto [a, b] = ends(i);
            ++start_[std::min(a, b) + 1];
        }
        for (int64_t n = 0; n < numbers; ++n) start_[n + 1] += start_[n];
        std::vector<int64_t> next(start_.begin(), start_.end() - 1);
        for (int64_t i = 0; i < pairs; ++i) {
            const auto [a, b] = ends(i);
            entries_[next[std::min(a, b)]++] = {std::max(a, b), i};
        }
        parallel_chunks(numbers, kChunk, [&](int64_t begin, int64_t end) {
            for (int64_t n = begin; n < end; ++n) {
                Entry *from = entries_.data() + start_[n], *to = entries_.data() + start_[n + 1];
                std::sort(from, to, [](const Entry& a, const Entry& b) {
                    return a.greater < b.greater || (a.greater == b.greater && a.pair < b.pair);
                });
            }
        });
    }

    // body(first entry, behind the last one) for each group of equal pairs, rising.
    template <class Body>
    void for_each(Body&& body) const {
        const Entry* at = entries_.data();
        for (size_t n = 0; n + 1 < start_.size(); ++n)
            for (const Entry* last = entries_.data() + start_[n + 1]; at < last;) {
                const Entry* from = at;
                while (at < last && at->greater == from->greater) ++at;
                body(from, at);
            }
    }

private:
    static constexpr int64_t kChunk = 4096;
    std::vector<int64_t> start_;
    std::vector<Entry> entries_;  // by their lesser number
};

}  // namespace neurfield
