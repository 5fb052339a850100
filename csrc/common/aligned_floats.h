// Scratch memory of the kernels.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace neurfield {

// Floats on a cache line's boundary, grown and never shrunk, so that a step allocates nothing once it has been warm.
class AlignedFloats {
public:
    float* reserve(int64_t count) {
        if (count > capacity_) {
            constexpr int64_t line = 64;
            const int64_t bytes = (count * static_cast<int64_t>(sizeof(float)) + line - 1) / line * line;
            capacity_ = 0;  // until there is memory again: without it the next call must not find the old one
            data_.reset(static_cast<float*>(std::aligned_alloc(line, static_cast<size_t>(bytes))));
            if (!data_) throw std::bad_alloc();
            capacity_ = count;
        }
        return data_.get();
    }

private:
    struct Free {
        void operator()(float* p) const { std::free(p); }
    };
    std::unique_ptr<float, Free> data_;
    int64_t capacity_ = 0;
};

}  // namespace neurfield
