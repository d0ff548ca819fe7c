// Runs float16_layers.cu on the CPU.
// g++ -O2 -march=native -std=c++17 -shared -fPIC -I../compute -DSOURCE=\"float16_layers.cu\" emulate_layers.cpp -o layers.so
#include "emulated_warps.h"
#include SOURCE
#define RUN(NAME, THREADS) extern "C" void run_##NAME(int blocks, const uint4* image, const uint4* weights, const uint4* added, const float* bias, uint4* result, int h, int w) { launch(blocks, THREADS, [=] { NAME(image, weights, added, bias, result, h, w); }); }
RUN(layer_8_24, 256) RUN(layer_24_24, 256) RUN(layer_24_48, 128) RUN(layer_48_48, 128)
extern "C" void run_last_24(int blocks, const uint4* image, const uint4* weights, const float* bias, float* result, int h, int w) { launch(blocks, 256, [=] { last_24(image, weights, bias, result, h, w); }); }
