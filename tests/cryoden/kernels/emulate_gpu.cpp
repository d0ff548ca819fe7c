// Runs fused_baseline.cu on the CPU.
// g++ -O2 -march=native -std=c++17 -shared -fPIC -DSOURCE=\"fused_baseline.cu\" emulate_gpu.cpp -o emulate_gpu.so
#include "emulated_warps.h"
#include SOURCE
extern "C" void run_train(int blocks, const float* n, const float* t, const float* w, float* sums, int b, int hh, int ww) { launch(blocks, 512, [=] { train(n, t, w, sums, b, hh, ww); }); }
extern "C" void run_denoise(int blocks, const float* n, const float* w, float* o, int b, int hh, int ww) { launch(blocks, 256, [=] { denoise(n, w, o, b, hh, ww); }); }
extern "C" void run_reduce(const float* s, int blocks, float* w, float* g, float* loss, float rate, float pixels) { launch((SUMS + 31) / 32, 256, [=] { reduce(s, blocks, w, g, loss, rate, pixels); }); }
