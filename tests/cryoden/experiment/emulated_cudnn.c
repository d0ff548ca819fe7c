/* The functions of libcudart and libcudnn that examples/fortran calls, on the processor.

What lies "on the GPU" is ordinary memory that is remembered: a pointer to anything else ends the
program. Copies wait in their stream until something waits for it, as they may on a GPU. Of each
convolution's algorithms only the last measured can be run; with TensorFloat-32 products both
factors lose 13 bits. EMULATED_WITHOUT_FUSION refuses convolution, bias and ReLU in one call. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM 3
#define WORKSPACE 4096
#define REFUSED 3000

typedef struct { int n, c, h, w; } Sides;
typedef struct { int math, complete; } Convolution;
typedef struct { void *stream; } Event;
typedef struct { int algorithm, status; float time; size_t memory; int determinism, math, reserved[3]; } Performance;
typedef struct { char *to; const char *from; size_t bytes; void *stream; } Copy;

static struct { const char *begin; size_t bytes; } held[1000];
static int holding, waiting;
static Copy copies[1000];

static void demand(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "emulated cuDNN: %s\n", what);
    _Exit(99);
}

static void on_gpu(const void *address, size_t bytes) {
    for (int i = 0; i < holding; i++) {
        ptrdiff_t offset = (const char *)address - held[i].begin;
        if (offset >= 0 && (size_t)offset + bytes <= held[i].bytes) return;
    }
    demand(0, "an operand is not in memory of the GPU");
}

static size_t size(Sides s) { return (size_t)s.n * s.c * s.h * s.w; }
static void tensor(const Sides *s, const void *values) { on_gpu(values, 4 * size(*s)); }

static void flush(void *stream) {
    int left = 0;
    for (int i = 0; i < waiting; i++)
        if (copies[i].stream == stream) memcpy(copies[i].to, copies[i].from, copies[i].bytes);
        else copies[left++] = copies[i];
    waiting = left;
}

/* libcudart */

int cudaMalloc(void **made, size_t bytes) {
    *made = malloc(bytes);
    memset(*made, 0xff, bytes); /* NaN */
    held[holding].begin = *made;
    held[holding++].bytes = bytes;
    return 0;
}

int cudaMallocHost(void **made, size_t bytes) { return (*made = malloc(bytes)) == NULL; }
int cudaStreamCreate(void **made) { return (*made = malloc(1)) == NULL; }
int cudaEventCreate(void **made) { return (*made = calloc(1, sizeof(Event))) == NULL; }
int cudaStreamSynchronize(void *stream) { flush(stream); return 0; }
int cudaEventRecord(void *event, void *stream) { ((Event *)event)->stream = stream; return 0; }
int cudaEventSynchronize(void *event) { flush(((Event *)event)->stream); return 0; }

int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) {
    demand(stream != NULL && flags == 0, "a wait in no stream");
    flush(((Event *)event)->stream);
    return 0;
}

int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
    demand(kind == 1 || kind == 2, "a copy of another kind");
    on_gpu(kind == 1 ? to : from, bytes);
    demand(waiting < 1000, "too many copies");
    copies[waiting++] = (Copy){to, from, bytes, stream};
    return 0;
}

int cudaGetDeviceCount(int *count) { *count = getenv("EMULATED_WITHOUT_GPU") == NULL; return 0; }
int cudaGetDeviceProperties(char *properties, int device) { strcpy(properties, "emulated GPU"); return device; }
const char *cudaGetErrorString(int status) { return status ? "failed" : "no error"; }

/* libcudnn: descriptors */

size_t cudnnGetVersion(void) { return 99999; }
const char *cudnnGetErrorString(int status) { return status ? "CUDNN_STATUS_FAILED" : "CUDNN_STATUS_SUCCESS"; }
int cudnnCreate(void **made) { return (*made = malloc(1)) == NULL; }
int cudnnSetStream(void *handle, void *stream) { return handle == NULL || stream == NULL; }
int cudnnCreateTensorDescriptor(void **made) { return (*made = malloc(sizeof(Sides))) == NULL; }
int cudnnCreateFilterDescriptor(void **made) { return (*made = malloc(sizeof(Sides))) == NULL; }
int cudnnCreateConvolutionDescriptor(void **made) { return (*made = calloc(1, sizeof(Convolution))) == NULL; }
int cudnnCreateActivationDescriptor(void **made) { return (*made = malloc(sizeof(int))) == NULL; }
int cudnnCreateReduceTensorDescriptor(void **made) { return (*made = malloc(sizeof(int))) == NULL; }

int cudnnSetTensor4dDescriptor(void *descriptor, int format, int type, int n, int c, int h, int w) {
    *(Sides *)descriptor = (Sides){n, c, h, w};
    return format || type;
}

int cudnnSetFilter4dDescriptor(void *descriptor, int type, int format, int k, int c, int h, int w) {
    *(Sides *)descriptor = (Sides){k, c, h, w};
    return format || type || h != 3 || w != 3;
}

int cudnnSetConvolution2dDescriptor(void *descriptor, int ph, int pw, int u, int v, int dh, int dw, int mode, int type) {
    ((Convolution *)descriptor)->complete = 1;
    return ph != 1 || pw != 1 || u != 1 || v != 1 || dh != 1 || dw != 1 || mode != 1 || type != 0;
}

int cudnnSetConvolutionMathType(void *descriptor, int math) {
    ((Convolution *)descriptor)->math = math;
    return math != 0 && math != 3;
}

int cudnnSetActivationDescriptor(void *descriptor, int mode, int nan, double ceiling) {
    *(int *)descriptor = mode;
    return mode != 1 || nan || ceiling != 0;
}

int cudnnSetReduceTensorDescriptor(void *descriptor, int op, int type, int nan, int indices, int index_type) {
    *(int *)descriptor = op;
    return op != 7 || type || nan || indices || index_type;
}

/* Algorithms: one of no fixed order, one that needs too much memory, and the one that works. */

static int measured(int asked, int *found, Performance *performances, const Convolution *convolution) {
    demand(asked >= 3 && convolution->complete, "asked for too little");
    performances[0] = (Performance){1, 0, 0.1f, 0, 0, convolution->math, {0}};
    performances[1] = (Performance){2, 0, 0.2f, (size_t)1 << 40, 1, convolution->math, {0}};
    performances[2] = (Performance){ALGORITHM, 0, 0.3f, WORKSPACE, 1, convolution->math, {0}};
    *found = 3;
    return 0;
}

static void fit(const Sides *x, const Sides *w, const Sides *y) {
    demand(w->c == x->c && w->n == y->c && x->n == y->n && x->h == y->h && x->w == y->w, "sides that do not fit");
}

int cudnnFindConvolutionForwardAlgorithm(void *handle, const Sides *x, const Sides *w, const Convolution *conv,
                                         const Sides *y, int asked, int *found, Performance *performances) {
    fit(x, w, y);
    return handle == NULL || measured(asked, found, performances, conv);
}

int cudnnFindConvolutionBackwardFilterAlgorithm(void *handle, const Sides *x, const Sides *dy, const Convolution *conv,
                                                const Sides *dw, int asked, int *found, Performance *performances) {
    fit(x, dw, dy);
    return handle == NULL || measured(asked, found, performances, conv);
}

int cudnnFindConvolutionBackwardDataAlgorithm(void *handle, const Sides *w, const Sides *dy, const Convolution *conv,
                                              const Sides *dx, int asked, int *found, Performance *performances) {
    fit(dx, w, dy);
    return handle == NULL || measured(asked, found, performances, conv);
}

int cudnnGetReductionWorkspaceSize(void *handle, const int *op, const Sides *a, const Sides *c, size_t *bytes) {
    *bytes = 64;
    return handle == NULL || *op != 7 || size(*a) == 0 || size(*c) != 1;
}

/* Arithmetic */

static float factor(float value, const Convolution *convolution) {
    uint32_t bits;
    if (convolution->math == 3) return value;
    memcpy(&bits, &value, 4);
    bits = (bits + 0x1000) & 0xffffe000;
    memcpy(&value, &bits, 4);
    return value;
}

static void ready(const Convolution *convolution, int algorithm, const void *workspace, size_t bytes) {
    demand(convolution->complete && algorithm == ALGORITHM && bytes >= WORKSPACE, "an algorithm that was not measured so");
    on_gpu(workspace, bytes);
}

#define EACH_PRODUCT(X, W, Y)                                                                            \
    for (int n = 0; n < (X)->n; n++)                                                                     \
        for (int o = 0; o < (Y)->c; o++)                                                                 \
            for (int i = 0; i < (X)->c; i++)                                                             \
                for (int y = 0; y < (X)->h; y++)                                                         \
                    for (int x = 0; x < (X)->w; x++)                                                     \
                        for (int ky = 0; ky < 3; ky++)                                                   \
                            for (int kx = 0; kx < 3; kx++)                                               \
                                if (y + ky > 0 && y + ky <= (X)->h && x + kx > 0 && x + kx <= (X)->w)
#define AT_X(S) ((((size_t)n * (S)->c + i) * (S)->h + y + ky - 1) * (S)->w + x + kx - 1)
#define AT_Y(S) ((((size_t)n * (S)->c + o) * (S)->h + y) * (S)->w + x)
#define AT_W(S) ((((size_t)o * (S)->c + i) * 3 + ky) * 3 + kx)

static void put(float *into, double *sums, size_t count, float alpha, float beta) {
    for (size_t at = 0; at < count; at++)
        into[at] = (float)(alpha * sums[at]) + (beta ? beta * into[at] : 0);
    free(sums);
}

int cudnnConvolutionForward(void *handle, const float *alpha, const Sides *xs, const float *xv, const Sides *ws,
                            const float *wv, const Convolution *conv, int algorithm, void *workspace, size_t bytes,
                            const float *beta, const Sides *ys, float *yv) {
    ready(conv, algorithm, workspace, bytes);
    fit(xs, ws, ys), tensor(xs, xv), tensor(ws, wv), tensor(ys, yv);
    double *sums = calloc(size(*ys), sizeof(double));
    EACH_PRODUCT(xs, ws, ys) sums[AT_Y(ys)] += factor(xv[AT_X(xs)], conv) * factor(wv[AT_W(ws)], conv);
    put(yv, sums, size(*ys), *alpha, *beta);
    return handle == NULL;
}

int cudnnConvolutionBackwardFilter(void *handle, const float *alpha, const Sides *xs, const float *xv, const Sides *ys,
                                   const float *dy, const Convolution *conv, int algorithm, void *workspace,
                                   size_t bytes, const float *beta, const Sides *ws, float *dw) {
    ready(conv, algorithm, workspace, bytes);
    fit(xs, ws, ys), tensor(xs, xv), tensor(ws, dw), tensor(ys, dy);
    double *sums = calloc(size(*ws), sizeof(double));
    EACH_PRODUCT(xs, ws, ys) sums[AT_W(ws)] += factor(xv[AT_X(xs)], conv) * factor(dy[AT_Y(ys)], conv);
    put(dw, sums, size(*ws), *alpha, *beta);
    return handle == NULL;
}

int cudnnConvolutionBackwardData(void *handle, const float *alpha, const Sides *ws, const float *wv, const Sides *ys,
                                 const float *dy, const Convolution *conv, int algorithm, void *workspace, size_t bytes,
                                 const float *beta, const Sides *xs, float *dx) {
    ready(conv, algorithm, workspace, bytes);
    fit(xs, ws, ys), tensor(xs, dx), tensor(ws, wv), tensor(ys, dy);
    double *sums = calloc(size(*xs), sizeof(double));
    EACH_PRODUCT(xs, ws, ys) sums[AT_X(xs)] += factor(wv[AT_W(ws)], conv) * factor(dy[AT_Y(ys)], conv);
    put(dx, sums, size(*xs), *alpha, *beta);
    return handle == NULL;
}

int cudnnConvolutionBackwardBias(void *handle, const float *alpha, const Sides *ys, const float *dy, const float *beta,
                                 const Sides *bs, float *db) {
    tensor(ys, dy), tensor(bs, db);
    demand(size(*bs) == (size_t)ys->c, "a bias of another size");
    double *sums = calloc(ys->c, sizeof(double));
    for (size_t at = 0; at < size(*ys); at++) sums[at / ys->h / ys->w % ys->c] += dy[at];
    put(db, sums, ys->c, *alpha, *beta);
    return handle == NULL;
}

int cudnnAddTensor(void *handle, const float *alpha, const Sides *as, const float *av, const float *beta,
                   const Sides *cs, float *cv) {
    tensor(as, av), tensor(cs, cv);
    int same = size(*as) == size(*cs);
    demand(same || (size(*as) == (size_t)cs->c), "sides that do not fit");
    for (size_t at = 0; at < size(*cs); at++)
        cv[at] = *alpha * av[same ? at : at / cs->h / cs->w % cs->c] + *beta * cv[at];
    return handle == NULL;
}

int cudnnActivationForward(void *handle, const int *mode, const float *alpha, const Sides *xs, const float *xv,
                           const float *beta, const Sides *ys, float *yv) {
    tensor(xs, xv), tensor(ys, yv);
    for (size_t at = 0; at < size(*xs); at++) yv[at] = xv[at] > 0 ? xv[at] : 0;
    return handle == NULL || *mode != 1 || *alpha != 1 || *beta != 0;
}

int cudnnActivationBackward(void *handle, const int *mode, const float *alpha, const Sides *ys, const float *yv,
                            const Sides *dys, const float *dy, const Sides *xs, const float *xv, const float *beta,
                            const Sides *dxs, float *dx) {
    tensor(ys, yv), tensor(dys, dy), tensor(xs, xv), tensor(dxs, dx);
    for (size_t at = 0; at < size(*xs); at++) dx[at] = xv[at] > 0 ? dy[at] : 0;
    return handle == NULL || *mode != 1 || *alpha != 1 || *beta != 0;
}

int cudnnConvolutionBiasActivationForward(void *handle, const float *alpha, const Sides *xs, const float *xv,
                                          const Sides *ws, const float *wv, const Convolution *conv, int algorithm,
                                          void *workspace, size_t bytes, const float *alpha2, const Sides *zs,
                                          const float *zv, const Sides *bs, const float *bv, const int *mode,
                                          const Sides *ys, float *yv) {
    const float zero = 0, one = 1;
    if (getenv("EMULATED_WITHOUT_FUSION")) return REFUSED;
    tensor(zs, zv);
    demand(*alpha2 == 0, "another tensor to add");
    return cudnnConvolutionForward(handle, alpha, xs, xv, ws, wv, conv, algorithm, workspace, bytes, &zero, ys, yv) ||
           cudnnAddTensor(handle, &one, bs, bv, &one, ys, yv) ||
           cudnnActivationForward(handle, mode, &one, ys, yv, &zero, ys, yv);
}

int cudnnReduceTensor(void *handle, const int *op, void *indices, size_t index_bytes, void *workspace, size_t bytes,
                      const float *alpha, const Sides *as, const float *av, const float *beta, const Sides *cs,
                      float *cv) {
    double sum = 0;
    tensor(as, av), tensor(cs, cv), on_gpu(workspace, bytes);
    demand(bytes >= 64 && index_bytes == 0 && indices == NULL, "another reduction");
    for (size_t at = 0; at < size(*as); at++) sum += (double)av[at] * av[at];
    *cv = (float)sqrt(sum);
    return handle == NULL || *op != 7 || *alpha != 1 || *beta != 0;
}
