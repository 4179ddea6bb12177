// Preloaded into the program under test (LD_PRELOAD): counts its calls on files below one folder, writes them down, and
// makes one of them fail, come short, or be its last. Only what the dynamic linker binds is seen; the part `kill-points`
// compares the counts with strace's.
//
//   FAULTS_UNDER   the folder whose files count
//   FAULTS_ON      which calls are counted, letters of below; all that write when unset
//   FAULTS_LOG     a file that every counted call is added to, with its number, whether it failed, and how many allocations
//                  went before; FAULTS_DATA=1: with what it wrote
//   FAULTS_AT      the number of the call that fails, from 1
//   FAULTS_DO      how: kill, torn (half of it is written, then kill), short, or the number of an errno
//   FAULTS_MALLOC  the number of the allocation that gives nothing
//   FAULTS_NORMAL  1: SQLite is told synchronous=NORMAL wherever the program says FULL
//
// Letters: o open that may make a file, p any other open, w write, s sync, t truncate, u unlink, r rename, m mkdir,
// R read, n send on a socket.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char under[4096], on[32] = "owsturm";
static size_t under_length;
static long at, count;
static int log_file = -1, with_data, kills, torn, comes_short, number;
static long allocation_at;
static _Atomic long allocations;
static int normal;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *text;
  if ((text = getenv("FAULTS_NORMAL"))) normal = atoi(text);
  if ((text = getenv("FAULTS_UNDER"))) under_length = strlen(strncpy(under, text, sizeof under - 1));
  if ((text = getenv("FAULTS_ON"))) strncpy(on, text, sizeof on - 1);
  if ((text = getenv("FAULTS_LOG"))) log_file = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if ((text = getenv("FAULTS_DATA"))) with_data = atoi(text);
  if ((text = getenv("FAULTS_AT"))) at = atol(text);
  if ((text = getenv("FAULTS_DO"))) {
    kills = !strcmp(text, "kill");
    torn = !strcmp(text, "torn");
    comes_short = !strcmp(text, "short");
    number = atoi(text);
  }
  if ((text = getenv("FAULTS_MALLOC"))) allocation_at = atol(text);
}

// What a line begins with: 8 bits of the letter, 8 of flags, 24 of the number of calls so far, 24 of that of allocations.
static uint64_t heading(char letter, int failed) {
  return (uint64_t)allocations << 40 | (uint64_t)(count & 0xffffff) << 16 | (failed ? 0x200 : 0) | (uint64_t)letter;
}

__attribute__((destructor)) static void end(void) {
  if (log_file < 0) return;
  uint64_t head[4] = {heading('a', 0), 0, 0, 0};
  syscall(SYS_write, log_file, head, sizeof head);
}

// The path as it counts, or 0 when it lies elsewhere.
static const char *counted(char letter, const char *path, char *whole) {
  if (!under_length || !path || !strchr(on, letter)) return 0;
  if (path[0] != '/') {
    if (!getcwd(whole, 4096)) return 0;
    size_t length = strlen(whole);
    snprintf(whole + length, 4096 - length, "/%s", path);
    path = whole;
  }
  return strncmp(path, under, under_length) == 0 ? path : 0;
}

static const char *counted_fd(char letter, int fd, char *whole) {
  if (!under_length || !strchr(on, letter)) return 0;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, whole, 4095);
  if (length < 0 || whole[0] != '/') return 0;  // a pipe or a socket has no path
  whole[length] = 0;
  return counted(letter, whole, whole);
}

// A call that fails has its number, too: without its line a log would end before the last call that can be struck.
static void note(char letter, const char *path, uint64_t offset, const void *data, uint64_t length, int failed) {
  if (log_file < 0) return;
  uint64_t head[4] = {heading(letter, failed), strlen(path), offset, length};
  int is_written = data && (with_data || letter == 'r' || letter == 'l');
  struct iovec parts[3] = {{head, sizeof head}, {(void *)path, head[1]}, {(void *)data, is_written ? length : 0}};
  if (!is_written) head[0] |= 0x100;  // the data is left out
  syscall(SYS_writev, log_file, parts, 3);
}

// Counts a call; true when it is the one that fails. With the lock held. What cannot be torn is the last call.
static int falls(int can_be_torn) {
  if (++count != at) return 0;
  if (kills || (torn && !can_be_torn)) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
  return 1;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int opening(int dir, const char *path, int flags, mode_t mode) {
  char whole[4096];
  const char *name = dir == AT_FDCWD || path[0] == '/' ? counted(flags & O_CREAT ? 'o' : 'p', path, whole) : 0;
  if (!name) return syscall(SYS_openat, dir, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat found;
  int result, reason = 0, is_new = stat(name, &found) != 0;
  if (falls(0) && number) {
    result = -1;
    reason = number;
  } else {
    result = syscall(SYS_openat, dir, path, flags, mode);
    reason = errno;
  }
  // The offset says whether it made the file (1), emptied it (2), or neither (0).
  note(flags & O_CREAT ? 'o' : 'p', name, is_new ? 1 : flags & O_TRUNC ? 2 : 0, 0, 0, result < 0);
  pthread_mutex_unlock(&lock);
  if (result < 0) errno = reason;
  return result;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
    return opening(AT_FDCWD, path, flags, mode); \
  }
OPEN(open) OPEN(open64)
#define OPENAT(name) \
  int name(int dir, const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
    return opening(dir, path, flags, mode); \
  }
OPENAT(openat) OPENAT(openat64)
int creat(const char *path, mode_t mode) { return opening(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t put(int fd, const void *data, size_t length, off_t offset, int is_placed) {
  char whole[4096];
  const char *name = counted_fd('w', fd, whole);
  if (!name) return is_placed ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
  pthread_mutex_lock(&lock);
  if (!is_placed) {
    struct stat found;
    int flags = fcntl(fd, F_GETFL);
    offset = flags & O_APPEND ? (fstat(fd, &found), found.st_size) : lseek(fd, 0, SEEK_CUR);
  }
  ssize_t result;
  int reason = 0, fails = falls(1);
  if (fails && number) {
    result = -1;
    reason = number;
  } else {
    size_t share = fails && (torn || comes_short) ? length / 2 : length;
    result = is_placed ? syscall(SYS_pwrite64, fd, data, share, offset) : syscall(SYS_write, fd, data, share);
    reason = errno;
    if (fails && torn) syscall(SYS_kill, getpid(), SIGKILL);
  }
  note('w', name, (uint64_t)offset, data, (uint64_t)(result < 0 ? 0 : result), result < 0);
  pthread_mutex_unlock(&lock);
  if (result < 0) errno = reason;
  return result;
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return put(fd, data, length, offset, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return put(fd, data, length, offset, 1); }

static ssize_t sending(int fd, const struct iovec *parts, size_t pieces) {
  // What a socket is given is written down before it goes, so that nobody can have heard of it earlier.
  char joined[65536];
  size_t length = 0;
  for (size_t i = 0; i < pieces && length < sizeof joined; i++) {
    size_t share = parts[i].iov_len < sizeof joined - length ? parts[i].iov_len : sizeof joined - length;
    memcpy(joined + length, parts[i].iov_base, share);
    length += share;
  }
  pthread_mutex_lock(&lock);
  note('n', "", (uint64_t)fd, joined, length, 0);
  pthread_mutex_unlock(&lock);
  return 0;
}
static int is_socket(int fd) {
  struct stat found;
  return strchr(on, 'n') && log_file >= 0 && fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode);
}
ssize_t write(int fd, const void *data, size_t length) {
  struct iovec part = {(void *)data, length};
  if (is_socket(fd)) sending(fd, &part, 1);
  return put(fd, data, length, 0, 0);
}
ssize_t writev(int fd, const struct iovec *parts, int pieces) {
  if (is_socket(fd)) sending(fd, parts, (size_t)pieces);
  return syscall(SYS_writev, fd, parts, pieces);
}
ssize_t send(int fd, const void *data, size_t length, int flags) {
  struct iovec part = {(void *)data, length};
  if (is_socket(fd)) sending(fd, &part, 1);
  return syscall(SYS_sendto, fd, data, length, flags, 0, 0);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  if (is_socket(fd)) sending(fd, message->msg_iov, message->msg_iovlen);
  return syscall(SYS_sendmsg, fd, message, flags);
}

static ssize_t get(int fd, void *data, size_t length, off_t offset, int is_placed) {
  char whole[4096];
  const char *name = counted_fd('R', fd, whole);
  int reason = 0;
  if (name) {
    pthread_mutex_lock(&lock);
    int fails = falls(0);
    note('R', name, (uint64_t)offset, 0, length, fails && number);
    pthread_mutex_unlock(&lock);
    if (fails && number) reason = number;
    if (fails && comes_short) length /= 2;
  }
  if (reason) {
    errno = reason;
    return -1;
  }
  return is_placed ? syscall(SYS_pread64, fd, data, length, offset) : syscall(SYS_read, fd, data, length);
}
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) { return get(fd, data, length, offset, 1); }
ssize_t pread(int fd, void *data, size_t length, off_t offset) { return get(fd, data, length, offset, 1); }
ssize_t read(int fd, void *data, size_t length) { return get(fd, data, length, 0, 0); }

#define PLAIN(letter, name, path_of, offset, other, call) \
  { \
    char whole[4096], second[4096]; \
    (void)second; \
    const char *name_ = path_of; \
    if (!name_) return call; \
    pthread_mutex_lock(&lock); \
    int result, reason = 0; \
    const char *more = other; \
    if (falls(0) && number) { \
      result = -1; \
      reason = number; \
    } else { \
      result = call; \
      reason = errno; \
    } \
    note(letter, name_, offset, more, more ? strlen(more) : 0, result < 0); \
    pthread_mutex_unlock(&lock); \
    if (result < 0) errno = reason; \
    return result; \
  }
int fdatasync(int fd) PLAIN('s', fdatasync, counted_fd('s', fd, whole), 0, 0, syscall(SYS_fdatasync, fd))
int fsync(int fd) PLAIN('s', fsync, counted_fd('s', fd, whole), 0, 0, syscall(SYS_fsync, fd))
int ftruncate(int fd, off_t length) PLAIN('t', ftruncate, counted_fd('t', fd, whole), (uint64_t)length, 0, syscall(SYS_ftruncate, fd, length))
int ftruncate64(int fd, off64_t length) PLAIN('t', ftruncate64, counted_fd('t', fd, whole), (uint64_t)length, 0, syscall(SYS_ftruncate, fd, length))
int unlink(const char *path) PLAIN('u', unlink, counted('u', path, whole), 0, 0, syscall(SYS_unlink, path))
int mkdir(const char *path, mode_t mode) PLAIN('m', mkdir, counted('m', path, whole), 0, 0, syscall(SYS_mkdir, path, mode))
int rename(const char *path, const char *to)
    PLAIN('r', rename, counted('r', path, whole), 0, counted('r', to, second), syscall(SYS_rename, path, to))
int link(const char *path, const char *to)
    PLAIN('l', link, counted('r', path, whole), 0, counted('r', to, second), syscall(SYS_link, path, to))

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
static int starves(void) { return atomic_fetch_add(&allocations, 1) + 1 == allocation_at; }
void *malloc(size_t size) { return starves() ? (errno = ENOMEM, (void *)0) : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return starves() ? (errno = ENOMEM, (void *)0) : __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return starves() ? (errno = ENOMEM, (void *)0) : __libc_realloc(old, size); }
void *aligned_alloc(size_t align, size_t size) { return starves() ? (errno = ENOMEM, (void *)0) : __libc_memalign(align, size); }
int posix_memalign(void **place, size_t align, size_t size) {
  if (starves()) return ENOMEM;
  void *made = __libc_memalign(align, size);
  if (!made) return ENOMEM;
  *place = made;
  return 0;
}

// A statement with synchronous=FULL, as it would be with NORMAL (1); of the same length, so that its tail stays in place.
static const char *weakened(const char *sql, int length, char *room, size_t size) {
  static const char full[] = "synchronous=FULL";
  size_t n = length < 0 ? strlen(sql) : strnlen(sql, (size_t)length);
  char *found;
  if (!normal || n >= size) return sql;
  memcpy(room, sql, n);
  room[n] = 0;
  if (!(found = strcasestr(room, full))) return sql;
  memcpy(found + sizeof full - 5, "1   ", 4);
  return room;
}
#define PREPARE(name, ...) \
  { \
    char room[4096]; \
    const char *text = weakened(sql, length, room, sizeof room), *rest = 0; \
    int result = real(db, text, length, __VA_ARGS__ statement, &rest); \
    if (tail) *tail = rest ? sql + (rest - text) : 0; \
    return result; \
  }
int sqlite3_prepare_v2(void *db, const char *sql, int length, void *statement, const char **tail) {
  REAL(int, sqlite3_prepare_v2, void *, const char *, int, void *, const char **);
  PREPARE(sqlite3_prepare_v2, )
}
int sqlite3_prepare_v3(void *db, const char *sql, int length, unsigned flags, void *statement, const char **tail) {
  REAL(int, sqlite3_prepare_v3, void *, const char *, int, unsigned, void *, const char **);
  PREPARE(sqlite3_prepare_v3, flags,)
}
int sqlite3_exec(void *db, const char *sql, void *row, void *context, char **message) {
  REAL(int, sqlite3_exec, void *, const char *, void *, void *, char **);
  char room[4096];
  return real(db, sql ? weakened(sql, -1, room, sizeof room) : sql, row, context, message);
}
