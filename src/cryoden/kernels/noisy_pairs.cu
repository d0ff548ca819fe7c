// Pairs of patches: each cut from a micrograph in memory, scaled, and given the noise of (seed, epoch, index).
// Compiled at run time; no includes. The bits are those of noise.py, which explains them: integers, and
// single roundings, none of them fused.
//
// One thread makes two neighboring pixels from the four words of one counter.

typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef EMULATED
static u64 high_product(u64 a, u64 b) { return static_cast<u64>(static_cast<unsigned __int128>(a) * b >> 64); }
static int octave_of(u32 number) { return 32 - __builtin_clz(number); }
static float times(float a, float b) { return a * b; }
static float plus(float a, float b) { return a + b; }
static float over(float a, float b) { return a / b; }
#else
__device__ __forceinline__ u64 high_product(u64 a, u64 b) { return __umul64hi(a, b); }
__device__ __forceinline__ int octave_of(u32 number) { return 32 - __clz(number); }
__device__ __forceinline__ float times(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float plus(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float over(float a, float b) { return __fdiv_rn(a, b); }
#endif

constexpr u32 UNITS = 64, PARTS = 8;

// Where a patch is cut, how it is scaled, and which pair it is.
struct Patch {
    const float* pixels;
    long long pitch;
    float offset, divisor;
    u64 index;
};

struct Row { u32 begin, shift, first, none; };
struct Slot { u32 least, other; };
struct Cubic { float a, b, c, d; };

struct Tables {
    const Row* rows;
    const Slot* slots;
    const Cubic* normal;
};

struct Noise {
    u64 seed, epoch;
    float poisson, gaussian;
    int positive, clip;
};

__device__ __forceinline__ void philox(u64 (&counter)[4], u64 key0, u64 key1)
{
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const u64 a = 0xD2E7470EE14C6C93ull, b = 0xCA5A826395121157ull;
        const u64 high0 = high_product(a, counter[0]), low0 = a * counter[0];
        const u64 high1 = high_product(b, counter[2]), low1 = b * counter[2];
        counter[0] = high1 ^ counter[1] ^ key0;
        counter[1] = low1;
        counter[2] = high0 ^ counter[3] ^ key1;
        counter[3] = low0;
        key0 += 0x9E3779B97F4A7C15ull;
        key1 += 0xBB67AE8584CAA73Bull;
    }
}

__device__ __forceinline__ u32 drawn(const Tables& tables, u32 which, u32 word)
{
    const Row row = tables.rows[which];
    const u32 own = word >> row.shift, rest = word << (32 - row.shift);
    const Slot slot = tables.slots[row.begin + own];
    return row.first + (rest < slot.least ? own : slot.other);
}

// A Poisson count of a mean below 1, which is given in 2^-32.
__device__ __forceinline__ u32 few(u32 word, u64 mean)
{
    u64 chance = 9;  // 2^32 / 12!
    chance = 108 - (mean * chance >> 32);
    chance = 1184 - (mean * chance >> 32);
    chance = 11836 - (mean * chance >> 32);
    chance = 106522 - (mean * chance >> 32);
    chance = 852176 - (mean * chance >> 32);
    chance = 5965232 - (mean * chance >> 32);
    chance = 35791394 - (mean * chance >> 32);
    chance = 178956971 - (mean * chance >> 32);
    chance = 715827883 - (mean * chance >> 32);
    chance = 2147483648ull - (mean * chance >> 32);
    chance = 4294967296ull - (mean * chance >> 32);
    chance = 4294967296ull - (mean * chance >> 32);
    u64 reached = chance;
    u32 found = 0;
    while (word >= reached) {
        found++;
        chance = static_cast<u32>(chance * mean >> 32) / found;
        reached += chance;
        if (chance == 0) break;
    }
    return found;
}

__device__ __forceinline__ float normal(const Tables& tables, u32 word)
{
    const u32 number = word & 0x7fffffffu, some = number ? number : 1u;
    const int octave = octave_of(some);
    const u32 shifted = some << (32 - octave);
    const Cubic c = tables.normal[(octave - 1) * PARTS + (shifted >> 28 & (PARTS - 1))];
    const float place = times(static_cast<float>(shifted >> 4 & 0xffffffu), 0x1p-24f);
    const float size = plus(times(plus(times(plus(times(c.a, place), c.b), place), c.c), place), c.d);
    return word >> 31 ? -size : size;
}

__device__ __forceinline__ float within(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

__device__ __forceinline__ float noised(float value, u64 one, u64 other, const Tables& tables, const Noise& noise)
{
    if (noise.poisson > 0.0f) {
        const float mean = times(value, noise.poisson);
        const u32 units = static_cast<u32>(mean);
        u32 electrons = drawn(tables, units % UNITS, static_cast<u32>(one));
        if (units >= UNITS) electrons += drawn(tables, units / UNITS + UNITS - 1, static_cast<u32>(one >> 32));
        const float part = times(plus(mean, -static_cast<float>(units)), 0x1p32f);
        electrons += few(static_cast<u32>(other), static_cast<u64>(part));
        value = over(static_cast<float>(electrons), noise.poisson);
    }
    value = plus(value, times(noise.gaussian, normal(tables, static_cast<u32>(other >> 32))));
    return noise.clip ? within(value) : value;
}

extern "C" __global__ void __launch_bounds__(256)
make_pairs(const Patch* patches, int edge, Tables tables, Noise noise, float* noisy, float* target)
{
    const Patch patch = patches[blockIdx.y];
    const u32 size = static_cast<u32>(edge) * edge, number = blockIdx.x * 256 + threadIdx.x, first = 2 * number;
    if (first >= size) return;
    u64 words[4] = {number + 1ull, 0, patch.index, noise.epoch};  // as numpy counts
    philox(words, noise.seed, 0);
    const u64 begin = static_cast<u64>(blockIdx.y) * size;
#pragma unroll
    for (u32 k = 0; k < 2; k++) {
        const u32 at = first + k;
        if (at >= size) return;
        const u32 y = at / edge;
        float value = patch.pixels[y * patch.pitch + (at - y * edge)];
        value = over(plus(value, -patch.offset), patch.divisor);
        if (noise.positive) value = within(value);
        target[begin + at] = value;
        noisy[begin + at] = noised(value, words[2 * k], words[2 * k + 1], tables, noise);
    }
}
