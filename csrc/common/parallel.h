// Loops over chunks on the OpenMP threads that torch already runs: the module links the same libgomp.so.1 that torch's wheel
// brings, so both share one pool of threads instead of fighting over the cores.
#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace neurfield {

inline int max_threads() { return omp_get_max_threads(); }

// What the threads of a region threw: an exception that left a region would end the process. The first is thrown again by the thread
// that asked for the region, behind it; what has not begun by then is left undone.
class Thrown {
public:
    template <class Work>
    void guard(Work&& work) noexcept {
        if (any_.load(std::memory_order_relaxed)) return;
        try {
            work();
        } catch (...) {
            if (!any_.exchange(true)) first_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (first_) std::rethrow_exception(first_);
    }

private:
    std::atomic<bool> any_{false};
    std::exception_ptr first_;
};

// Calls body(begin, end) for consecutive chunks of [0, count), handed out dynamically. Which thread gets a chunk must not matter
// to the result.
template <class Body>
void parallel_chunks(int64_t count, int64_t chunk, Body&& body) {
    const int64_t chunks = (count + chunk - 1) / chunk;
    if (chunks <= 1) {
        if (count > 0) body(int64_t{0}, count);
        return;
    }
    Thrown thrown;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < chunks; ++i) thrown.guard([&] { body(i * chunk, std::min(count, (i + 1) * chunk)); });
    thrown.rethrow();
}

// Calls body(thread, begin, end) once per thread, thread t owning the t-th of equal parts of [0, count): the same split for the same
// number of threads, for sums that must come out the same every time.
template <class Body>
void parallel_parts(int64_t count, int64_t align, Body&& body) {
    const int threads = max_threads();
    const int64_t blocks = (count + align - 1) / align;
    Thrown thrown;
#pragma omp parallel num_threads(threads)
    {
        const int64_t t = omp_get_thread_num(), n = omp_get_num_threads();
        const int64_t begin = std::min(count, blocks * t / n * align);
        const int64_t end = std::min(count, blocks * (t + 1) / n * align);
        thrown.guard([&] { body(static_cast<int>(t), begin, end); });
    }
    thrown.rethrow();
}

}  // namespace neurfield
