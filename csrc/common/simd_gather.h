// Vectors put together from entries of a table that lie apart, and taken apart again.
//
// Processors gather no faster by their gather instructions than by single loads. What counts is the number of loads: entries'
// numbers are read two at a time, and whole entries by one load each. (The instructions are named here because the compiler's own
// way from loads to vectors takes twice as many.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "common/simd.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace neurfield {

// Entries' numbers 0 and 1 of a list, by one load. Volatile: read where they are used, not all ahead of all uses, for which there
// are not registers enough.
struct TwoEntries {
    typedef uint64_t Both __attribute__((may_alias));
    uint64_t both;
    explicit TwoEntries(const uint32_t* entries) : both(*reinterpret_cast<const volatile Both*>(entries)) {}
    size_t first() const { return static_cast<uint32_t>(both); }
    size_t second() const { return both >> 32; }
};

// Two floats from table + Stride * entries[i] for kLanes / 2 of i.
template <int Stride>
[[gnu::always_inline]] inline Vec gather_pairs(const float* table, const uint32_t* entries) {
#if defined(__SSE2__)
    const auto four = [&](int i) {
        const TwoEntries at(entries + i);
        const __m128d low = _mm_load_sd(reinterpret_cast<const double*>(table + Stride * at.first()));
        return _mm_castpd_ps(_mm_loadh_pd(low, reinterpret_cast<const double*>(table + Stride * at.second())));
    };
#if defined(__AVX2__)
    const auto eight = [&](int i) {
        const __m128 low = four(i);
        return _mm256_insertf128_ps(_mm256_castps128_ps256(low), four(i + 2), 1);
    };
#if defined(__AVX512F__)
    const __m256 low = eight(0);
    return Vec(_mm512_insertf32x8(_mm512_castps256_ps512(low), eight(4), 1));
#else
    return Vec(eight(0));
#endif
#else
    return Vec(four(0));
#endif
#else
    Vec out;
    for (int i = 0; i < kLanes / 2; ++i) {
        const float* pair = table + Stride * static_cast<size_t>(entries[i]);
        out.v[2 * i] = pair[0];
        out.v[2 * i + 1] = pair[1];
    }
    return out;
#endif
}

// Four floats from table + Stride * entries[i] for kLanes / 4 of i.
template <int Stride>
[[gnu::always_inline]] inline Vec gather_quads(const float* table, const uint32_t* entries) {
#if defined(__AVX2__)
    const auto eight = [&](int i) {
        const TwoEntries at(entries + i);
        const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(table + Stride * at.first()));
        return _mm256_insertf128_ps(low, _mm_loadu_ps(table + Stride * at.second()), 1);
    };
#if defined(__AVX512F__)
    const __m256 low = eight(0);
    return Vec(_mm512_insertf32x8(_mm512_castps256_ps512(low), eight(2), 1));
#else
    return Vec(eight(0));
#endif
#else
    return Vec::load(table + Stride * static_cast<size_t>(entries[0]));
#endif
}

// Count floats, 1, 2 or 4, from table + Stride * entries[i] for kLanes / Count of i.
template <int Count, int Stride>
[[gnu::always_inline]] inline Vec gather_entries(const float* table, const uint32_t* entries) {
    if constexpr (Count == 1) {
        return [&]<size_t... I>(std::index_sequence<I...>) {
            return Vec(FloatLanes{table[Stride * static_cast<size_t>(entries[I])]...});
        }(std::make_index_sequence<kLanes>());
    } else if constexpr (Count == 2) {
        return gather_pairs<Stride>(table, entries);
    } else {
        return gather_quads<Stride>(table, entries);
    }
}

// table[at] of words of four bytes, for every lane; `at` must name words that are there.
template <class Word>
[[gnu::always_inline]] inline IntLanes gather_words(const Word* table, IntLanes at) {
    static_assert(sizeof(Word) == 4);
#if defined(__AVX2__)
    const auto word = [&](uint64_t i) {
        int32_t found;
        std::memcpy(&found, table + i, sizeof found);
        return found;
    };
    const auto four = [&](__m128i entries) {  // numbers are moved out two at a time
        const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(entries)), high = static_cast<uint64_t>(_mm_extract_epi64(entries, 1));
        __m128i found = _mm_cvtsi32_si128(word(static_cast<uint32_t>(low)));
        found = _mm_insert_epi32(found, word(low >> 32), 1);
        found = _mm_insert_epi32(found, word(static_cast<uint32_t>(high)), 2);
        return _mm_insert_epi32(found, word(high >> 32), 3);
    };
    const auto eight = [&](__m256i entries) {
        const __m256i low = _mm256_castsi128_si256(four(_mm256_castsi256_si128(entries)));
        return _mm256_inserti128_si256(low, four(_mm256_extracti128_si256(entries, 1)), 1);
    };
#if defined(__AVX512F__)
    const __m256i low = eight(_mm512_castsi512_si256((__m512i)at)), high = eight(_mm512_maskz_extracti64x4_epi64(0xff, (__m512i)at, 1));
    return (IntLanes)_mm512_maskz_inserti64x4(0xff, _mm512_castsi256_si512(low), high, 1);
#else
    return (IntLanes)eight((__m256i)at);
#endif
#else
    IntLanes found;
    for (int i = 0; i < kLanes; ++i) std::memcpy(reinterpret_cast<char*>(&found) + 4 * i, table + at[i], 4);
    return found;
#endif
}
inline Vec gather_floats(const float* table, IntLanes at) { return Vec((FloatLanes)gather_words(table, at)); }

}  // namespace neurfield
