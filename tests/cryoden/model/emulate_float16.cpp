// Runs float16_unet.cu on the CPU, as one thread that has all the work.
// g++ -O2 -march=native -std=c++17 -shared -fPIC -DSOURCE=\"float16_unet.cu\" emulate_float16.cpp -o emulate_float16.so
#include <cstddef>
#include <cstring>
#define EMULATED
#define __device__ static
#define __global__
#define __forceinline__ inline
struct Dim { unsigned x; };
static Dim blockIdx{0}, threadIdx{0}, blockDim{1}, gridDim{1};
struct uint4 { unsigned x, y, z, w; };
static uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static float value(unsigned short bits) { _Float16 half; memcpy(&half, &bits, 2); return (float)half; }
static unsigned bits(float value) { _Float16 half = (_Float16)value; unsigned short found; memcpy(&found, &half, 2); return found; }
static float lower(unsigned both) { return value(both & 0xffff); }
static unsigned pack(float low, float high) { return bits(low) | bits(high) << 16; }
#include SOURCE
