// Runs noisy_pairs.cu on the CPU, one thread after the other.
// g++ -O2 -ffp-contract=off -std=c++17 -shared -fPIC -DSOURCE=\"noisy_pairs.cu\" emulate_pairs.cpp -o pairs.so
#include <cmath>
#define EMULATED
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(...)
struct Place { unsigned x, y; };
static Place blockIdx, threadIdx;
#include SOURCE
extern "C" void run_pairs(const Patch* patches, int count, int edge, const Tables* tables, const Noise* noise, float* noisy, float* target)
{
    const unsigned blocks = (edge * edge + 511) / 512;
    for (blockIdx.y = 0; blockIdx.y < static_cast<unsigned>(count); blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
            for (threadIdx.x = 0; threadIdx.x < 256; threadIdx.x++)
                make_pairs(patches, edge, *tables, *noise, noisy, target);
}
