// A VFS that gathers what SQLite writes to a rollback journal: three small writes a page become a few large ones.
//
// SQLite writes no page of the database before the journal is synced (sqlite.org/atomiccommit.html §3.6), so that nothing
// is promised of a journal until then: what a killed process had gathered and not written, nobody needs. Not for
// synchronous=OFF, where no sync comes before the database is written.
#include "sqlite_shims.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { room = 64 * 1024, inner_file_max = 1024 };

// A journal: the file of the VFS below stands right behind.
struct journal {
  sqlite3_file base;
  unsigned char *bytes;
  // Where in the file the gathered bytes belong, and how many there are.
  sqlite3_int64 start;
  int count;
};

static struct journal *journal_of(sqlite3_file *base) { return (struct journal *)base; }
static sqlite3_file *inner(sqlite3_file *base) { return (sqlite3_file *)(journal_of(base) + 1); }

// What cannot be written stays gathered, so that the pages can be put back from it.
static int flush(sqlite3_file *base) {
  struct journal *journal = journal_of(base);
  if (journal->count == 0) return SQLITE_OK;
  sqlite3_file *file = inner(base);
  int code = file->pMethods->xWrite(file, journal->bytes, journal->count, journal->start);
  if (code == SQLITE_OK) journal->count = 0;
  // SQLite calls a quota or a limit of file sizes a broken disk, and notes no errno of what fails within a commit.
  if (code == SQLITE_IOERR_WRITE && (errno == EFBIG || errno == EDQUOT)) code = SQLITE_FULL;
  return code;
}

static int io_close(sqlite3_file *base) {
  sqlite3_file *file = inner(base);
  sqlite3_free(journal_of(base)->bytes);
  return file->pMethods->xClose(file);
}

static int io_read(sqlite3_file *base, void *into, int count, sqlite3_int64 offset) {
  struct journal *journal = journal_of(base);
  sqlite3_file *file = inner(base);
  sqlite3_int64 end = journal->start + journal->count;
  if (journal->count > 0 && offset >= journal->start && offset + count <= end) {
    memcpy(into, journal->bytes + (offset - journal->start), (size_t)count);
    return SQLITE_OK;
  }
  if (offset < end && offset + count > journal->start) {
    int code = flush(base);
    if (code != SQLITE_OK) return code;
  }
  return file->pMethods->xRead(file, into, count, offset);
}

static int io_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
  struct journal *journal = journal_of(base);
  sqlite3_file *file = inner(base);
  if (offset != journal->start + journal->count || journal->count + count > room) {
    int code = flush(base);
    if (code != SQLITE_OK) return code;
    journal->start = offset;
  }
  if (!journal->bytes) journal->bytes = sqlite3_malloc(room);
  if (!journal->bytes || count > room) {
    return file->pMethods->xWrite(file, bytes, count, offset);
  }
  memcpy(journal->bytes + journal->count, bytes, (size_t)count);
  journal->count += count;
  return SQLITE_OK;
}

static int io_truncate(sqlite3_file *base, sqlite3_int64 size) {
  struct journal *journal = journal_of(base);
  sqlite3_file *file = inner(base);
  if (size <= journal->start) {
    journal->count = 0;
  } else if (size < journal->start + journal->count) {
    journal->count = (int)(size - journal->start);
  }
  return file->pMethods->xTruncate(file, size);
}

static int io_sync(sqlite3_file *base, int flags) {
  sqlite3_file *file = inner(base);
  int code = flush(base);
  return code == SQLITE_OK ? file->pMethods->xSync(file, flags) : code;
}

static int io_size(sqlite3_file *base, sqlite3_int64 *size) {
  struct journal *journal = journal_of(base);
  sqlite3_file *file = inner(base);
  int code = file->pMethods->xFileSize(file, size);
  sqlite3_int64 end = journal->start + journal->count;
  if (code == SQLITE_OK && journal->count > 0 && end > *size) *size = end;
  return code;
}

static int io_lock(sqlite3_file *base, int level) {
  return inner(base)->pMethods->xLock(inner(base), level);
}

static int io_unlock(sqlite3_file *base, int level) {
  return inner(base)->pMethods->xUnlock(inner(base), level);
}

static int io_reserved(sqlite3_file *base, int *answer) {
  return inner(base)->pMethods->xCheckReservedLock(inner(base), answer);
}

static int io_control(sqlite3_file *base, int what, void *argument) {
  return inner(base)->pMethods->xFileControl(inner(base), what, argument);
}

static int io_sector(sqlite3_file *base) {
  return inner(base)->pMethods->xSectorSize(inner(base));
}

static int io_traits(sqlite3_file *base) {
  return inner(base)->pMethods->xDeviceCharacteristics(inner(base));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, .xClose = io_close, .xRead = io_read, .xWrite = io_write,
    .xTruncate = io_truncate, .xSync = io_sync, .xFileSize = io_size, .xLock = io_lock,
    .xUnlock = io_unlock, .xCheckReservedLock = io_reserved, .xFileControl = io_control,
    .xSectorSize = io_sector, .xDeviceCharacteristics = io_traits};

// The VFS below: whichever is the default when it is asked.

static int vfs_open(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
  (void)vfs;
  sqlite3_vfs *below = sqlite3_vfs_find(NULL);
  base->pMethods = NULL;
  if (!below || below->szOsFile > inner_file_max) return SQLITE_CANTOPEN;
  if (!(flags & SQLITE_OPEN_MAIN_JOURNAL)) {
    return below->xOpen(below, path, base, flags, flags_out);
  }
  memset(base, 0, sizeof(struct journal));
  int code = below->xOpen(below, path, inner(base), flags, flags_out);
  // Methods that are set, be it by an opening that failed, ask for a close.
  if (inner(base)->pMethods) base->pMethods = &methods;
  return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync) {
  (void)vfs;
  sqlite3_vfs *below = sqlite3_vfs_find(NULL);
  return below->xDelete(below, path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
  (void)vfs;
  sqlite3_vfs *below = sqlite3_vfs_find(NULL);
  return below->xAccess(below, path, flags, answer);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int space, char *into) {
  (void)vfs;
  sqlite3_vfs *below = sqlite3_vfs_find(NULL);
  return below->xFullPathname(below, path, space, into);
}

static sqlite3_vfs the_vfs;
static int is_there;

static void install(void) {
  sqlite3_vfs *below = sqlite3_vfs_find(NULL);
  if (!below) return;
  the_vfs = *below;
  the_vfs.pNext = NULL;
  the_vfs.zName = "cordee-journal";
  the_vfs.szOsFile = (int)sizeof(struct journal) + inner_file_max;
  the_vfs.xOpen = vfs_open;
  the_vfs.xDelete = vfs_delete;
  the_vfs.xAccess = vfs_access;
  the_vfs.xFullPathname = vfs_full_path;
  is_there = sqlite3_vfs_register(&the_vfs, 0) == SQLITE_OK;
}

const char *cordee_sqlite_gathering_vfs(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  return is_there ? the_vfs.zName : NULL;
}
