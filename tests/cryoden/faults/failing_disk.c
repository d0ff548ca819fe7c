/* A disk on which the n-th call fails: loaded before the C library, and armed by the test through ctypes.
 *
 *     cc -shared -fPIC -o failing_disk.so failing_disk.c -ldl
 *     FAILING_DISK=/folder LD_PRELOAD=failing_disk.so python ...
 *
 * Only calls about files below the folder count, whoever makes them: Python, numpy, a library in Rust.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE = 2, FLUSH = 4, RENAME = 8, REMOVE = 16, MAKE = 32, CLOSE = 64, READ = 128 };
enum { KILL = -1, HALF = -2 }; /* in place of an error: the process dies; a write takes half of its bytes */

static atomic_long left = 0, seen = 0; /* calls until one fails; calls so far */
static int error_number = 0, kinds = 0, stays = 0;
static char failed[160];

void arm(long n, int error, int which, int from_then_on) {
    error_number = error, kinds = which, stays = from_then_on;
    if (n) failed[0] = 0;
    atomic_store(&seen, 0);
    atomic_store(&left, n);
}
long calls(void) { return atomic_load(&seen); }
const char *failing(void) { return failed; }

static int below(const char *path) {
    const char *root = getenv("FAILING_DISK");
    char whole[4096];
    if (!root || !path) return 0;
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole - 1)) return 0;
        return !strncmp(whole, root, strlen(root));
    }
    return !strncmp(path, root, strlen(root));
}

static int below_descriptor(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return below(path);
}

/* Whether this call is the one that fails, and with what: 0 for none. */
static int fails(int kind, const char *name, int is_below) {
    int kept = errno, found = 0;
    if ((kinds & kind) && atomic_load(&left) && is_below) {
        atomic_fetch_add(&seen, 1);
        long now = atomic_fetch_sub(&left, 1);
        if (now == 1 || (stays && now < 1)) {
            if (!failed[0]) snprintf(failed, sizeof failed, "%s", name);
            if (error_number == KILL) kill(getpid(), SIGKILL);
            found = error_number;
        }
        if (atomic_load(&left) == 0 && stays) atomic_store(&left, -1);
    }
    errno = kept;
    return found;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, #name)
#define FAIL(kind, name, where) do { int e = fails(kind, name, where); if (e > 0) { errno = e; return -1; } } while (0)

static int opens(int flags) { return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT) ? READ : OPEN; }

#define OPENS(name) \
int name(const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
    REAL(int, name, const char *, int, ...); FAIL(opens(flags), #name, below(path)); return real(path, flags, mode); }
OPENS(open) OPENS(open64)
#define OPENS_AT(name) \
int name(int at, const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
    REAL(int, name, int, const char *, int, ...); FAIL(opens(flags), #name, below(path)); return real(at, path, flags, mode); }
OPENS_AT(openat) OPENS_AT(openat64)

FILE *fopen(const char *path, const char *mode) {
    REAL(FILE *, fopen, const char *, const char *);
    int e = fails(strpbrk(mode, "wa+") ? OPEN : READ, "fopen", below(path));
    if (e > 0) { errno = e; return NULL; }
    return real(path, mode);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    REAL(ssize_t, write, int, const void *, size_t);
    int e = fails(WRITE, "write", kinds && below_descriptor(descriptor));
    if (e > 0) { errno = e; return -1; }
    return real(descriptor, bytes, e == HALF && count > 1 ? count / 2 : count);
}
#define WRITES_AT(name) \
ssize_t name(int descriptor, const void *bytes, size_t count, off64_t at) { \
    REAL(ssize_t, name, int, const void *, size_t, off64_t); \
    FAIL(WRITE, #name, kinds && below_descriptor(descriptor)); return real(descriptor, bytes, count, at); }
WRITES_AT(pwrite) WRITES_AT(pwrite64)
ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    FAIL(WRITE, "writev", kinds && below_descriptor(descriptor)); return real(descriptor, parts, count);
}
ssize_t read(int descriptor, void *bytes, size_t count) {
    REAL(ssize_t, read, int, void *, size_t);
    FAIL(READ, "read", kinds && below_descriptor(descriptor)); return real(descriptor, bytes, count);
}
#define READS_AT(name) \
ssize_t name(int descriptor, void *bytes, size_t count, off64_t at) { \
    REAL(ssize_t, name, int, void *, size_t, off64_t); \
    FAIL(READ, #name, kinds && below_descriptor(descriptor)); return real(descriptor, bytes, count, at); }
READS_AT(pread) READS_AT(pread64)
#define READS_PARTS(name) \
ssize_t name(int descriptor, const struct iovec *parts, int count, off64_t at) { \
    REAL(ssize_t, name, int, const struct iovec *, int, off64_t); \
    FAIL(READ, #name, kinds && below_descriptor(descriptor)); return real(descriptor, parts, count, at); }
READS_PARTS(preadv) READS_PARTS(preadv64)
ssize_t preadv2(int d, const struct iovec *parts, int count, off64_t at, int flags) {
    REAL(ssize_t, preadv2, int, const struct iovec *, int, off64_t, int);
    FAIL(READ, "preadv2", kinds && below_descriptor(d)); return real(d, parts, count, at, flags);
}
ssize_t preadv64v2(int d, const struct iovec *parts, int count, off64_t at, int flags) {
    REAL(ssize_t, preadv64v2, int, const struct iovec *, int, off64_t, int);
    FAIL(READ, "preadv64v2", kinds && below_descriptor(d)); return real(d, parts, count, at, flags);
}

#define OF_DESCRIPTOR(name, kind) \
int name(int descriptor) { REAL(int, name, int); FAIL(kind, #name, kinds && below_descriptor(descriptor)); return real(descriptor); }
OF_DESCRIPTOR(fsync, FLUSH) OF_DESCRIPTOR(fdatasync, FLUSH)
int ftruncate64(int descriptor, off64_t length) {
    REAL(int, ftruncate64, int, off64_t);
    FAIL(WRITE, "ftruncate", kinds && below_descriptor(descriptor)); return real(descriptor, length);
}

/* What a network share says of bytes that it had taken; the descriptor is closed all the same. */
int close(int descriptor) {
    REAL(int, close, int);
    int mode = kinds & CLOSE ? fcntl(descriptor, F_GETFL) : -1;
    int e = mode >= 0 && (mode & O_ACCMODE) != O_RDONLY ? fails(CLOSE, "close", below_descriptor(descriptor)) : 0;
    int ended = real(descriptor);
    if (e > 0) { errno = e; return -1; }
    return ended;
}

#define OF_PATH(name, kind) \
int name(const char *path) { REAL(int, name, const char *); FAIL(kind, #name, below(path)); return real(path); }
OF_PATH(unlink, REMOVE) OF_PATH(rmdir, REMOVE)
int unlinkat(int at, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int); FAIL(REMOVE, "unlinkat", at >= 0 ? below_descriptor(at) : below(path));
    return real(at, path, flags);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t); FAIL(MAKE, "mkdir", below(path)); return real(path, mode);
}
int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *); FAIL(RENAME, "rename", below(to)); return real(from, to);
}
int renameat(int at, const char *from, int to_at, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *); FAIL(RENAME, "renameat", below(to)); return real(at, from, to_at, to);
}
int link(const char *from, const char *to) {
    REAL(int, link, const char *, const char *); FAIL(MAKE, "link", below(to)); return real(from, to);
}
