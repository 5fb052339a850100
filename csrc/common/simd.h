// One portable float vector: `Vec` holds `Vec::width` lanes. The width follows the instruction set that the file is compiled for;
// the compiler's vector extensions turn it into AVX-512, AVX2, SSE2 or NEON code, so no kernel names an intrinsic (this header does, where the compiler does not see it).
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstdint>
#include <cstring>

namespace neurfield {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float FloatLanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(kLanes * sizeof(float))));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(kLanes * sizeof(float))));

struct Vec {
    static constexpr int width = kLanes;
    FloatLanes v;

    Vec() = default;
    Vec(FloatLanes lanes) : v(lanes) {}
    Vec(float x) { v = x - FloatLanes{}; }  // minus: x + 0 is not x for -0, so the compiler would have to keep the addition

    static Vec load(const float* p) {
        Vec r;
        std::memcpy(&r.v, p, sizeof r.v);
        return r;
    }
    void store(float* p) const { std::memcpy(p, &v, sizeof v); }

    Vec& operator+=(Vec b) {
        v += b.v;
        return *this;
    }
    Vec& operator-=(Vec b) {
        v -= b.v;
        return *this;
    }
    Vec& operator*=(Vec b) {
        v *= b.v;
        return *this;
    }
    friend Vec operator+(Vec a, Vec b) { return a.v + b.v; }
    friend Vec operator-(Vec a, Vec b) { return a.v - b.v; }
    friend Vec operator*(Vec a, Vec b) { return a.v * b.v; }
    friend Vec operator/(Vec a, Vec b) { return a.v / b.v; }
};

// Where a and b do not compare (NaN), the result is b. Named instructions where the compiler would compare and blend instead; the
// AVX-512 ones in their masked form with all lanes on, since GCC 12 warns of uninitialised values inside its plain ones.
#if defined(__AVX512F__)
inline Vec max(Vec a, Vec b) { return Vec(_mm512_maskz_max_ps(0xffff, a.v, b.v)); }
inline Vec min(Vec a, Vec b) { return Vec(_mm512_maskz_min_ps(0xffff, a.v, b.v)); }
#elif defined(__AVX2__)
inline Vec max(Vec a, Vec b) { return Vec(_mm256_max_ps(a.v, b.v)); }
inline Vec min(Vec a, Vec b) { return Vec(_mm256_min_ps(a.v, b.v)); }
#else
inline Vec max(Vec a, Vec b) { return Vec(a.v > b.v ? a.v : b.v); }
inline Vec min(Vec a, Vec b) { return Vec(a.v < b.v ? a.v : b.v); }
#endif
inline Vec abs(Vec a) { return max(a, Vec(0.0f) - a); }
// a * b + c; contracted to one instruction where the target has it (-ffp-contract=fast).
inline Vec fma(Vec a, Vec b, Vec c) { return Vec(a.v * b.v + c.v); }
inline float sum(Vec a) {
    float total = 0.0f;
    for (int i = 0; i < Vec::width; ++i) total += a.v[i];
    return total;
}

}  // namespace neurfield
