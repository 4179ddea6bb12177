// The way SQLite reaches a disk: methods of open files, of the index of a write-ahead log, and of the VFS.
#define _POSIX_C_SOURCE 200809L
#include "disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static sqlite3_vfs *real_vfs;

static int shm_unmap(sqlite3_file *base, int deletes);

// Methods of an open file

static int io_close(sqlite3_file *base) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  shm_unmap(base, 0);
  if (handle->level >= SQLITE_LOCK_SHARED) file->shared--;
  if (file->reserved == handle) file->reserved = NULL;
  if (file->exclusive == handle) file->exclusive = NULL;
  if (--file->handles == 0 && file->is_deleted) disk_file_unlink(handle->disk, file);
  handle->disk->handles--;
  disk_free_when_done(handle->disk);
  return SQLITE_OK;
}

static int io_read(sqlite3_file *base, void *into, int count, sqlite3_int64 offset) {
  struct handle *handle = (struct handle *)base;
  struct image *image = &handle->file->now;
  if (disk_is_dead(handle->disk, handle->file->path)) return SQLITE_IOERR_READ;
  int64_t there = image->size - offset;
  if (there > count) there = count;
  if (there > 0) memcpy(into, image->bytes + offset, (size_t)there);
  if (there == count) return SQLITE_OK;
  if (there < 0) there = 0;
  memset((uint8_t *)into + there, 0, (size_t)(count - there));
  return SQLITE_IOERR_SHORT_READ;
}

static int io_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  int dead = disk_is_dead(handle->disk, file->path);
  switch (disk_strike(handle->disk, file->path, CALL_WRITE, offset + count > file->now.size)) {
    case CORDEE_DISK_FULL: return SQLITE_FULL;
    case CORDEE_DISK_ERROR: return SQLITE_IOERR_WRITE;
    case CORDEE_DISK_CRASH:
      // Torn: half of it arrives.
      if (!dead) {
        disk_file_note(file, offset, bytes, count / 2);
        handle->disk->has_torn = 1;
      }
      return SQLITE_IOERR_WRITE;
    case CORDEE_DISK_LOST: return SQLITE_OK;
    case CORDEE_DISK_MISDIRECTED:
      offset = disk_elsewhere(file, offset);
      if (offset < 0) return SQLITE_OK;
  }
  return disk_file_note(file, offset, bytes, count) ? SQLITE_OK : SQLITE_NOMEM;
}

static int io_truncate(sqlite3_file *base, sqlite3_int64 size) {
  struct handle *handle = (struct handle *)base;
  if (disk_strike(handle->disk, handle->file->path, CALL_OTHER, 0)) return SQLITE_IOERR_TRUNCATE;
  return disk_file_note(handle->file, size, NULL, 0) ? SQLITE_OK : SQLITE_NOMEM;
}

static int io_sync(sqlite3_file *base, int flags) {
  (void)flags;
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  int fault = disk_strike(handle->disk, file->path, CALL_SYNC, 0);
  if (fault == CORDEE_DISK_LYING) return SQLITE_OK;
  // As on Linux: what a failed sync was to save is still read, and no later one saves it (Rebello et al., ATC 2020).
  if (fault == CORDEE_DISK_ERROR) disk_file_forget_ops(file);
  if (fault) return SQLITE_IOERR_FSYNC;
  for (struct op *op = file->ops; op; op = op->next)
    if (!disk_image_apply(&file->synced, op)) return SQLITE_NOMEM;
  disk_file_forget_ops(file);
  return SQLITE_OK;
}

static int io_size(sqlite3_file *base, sqlite3_int64 *size) {
  struct handle *handle = (struct handle *)base;
  if (disk_is_dead(handle->disk, handle->file->path)) return SQLITE_IOERR_FSTAT;
  *size = handle->file->now.size;
  return SQLITE_OK;
}

static int io_lock(sqlite3_file *base, int level) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  if (disk_is_dead(handle->disk, file->path)) return SQLITE_IOERR_LOCK;
  if (level <= handle->level) return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED) {
    if (file->exclusive) return SQLITE_BUSY;
    file->shared++;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (file->reserved) return SQLITE_BUSY;
    file->reserved = handle;
  } else {
    if (file->exclusive && file->exclusive != handle) return SQLITE_BUSY;
    if (file->reserved && file->reserved != handle) return SQLITE_BUSY;
    file->exclusive = handle;  // pending: nobody new may read
    handle->level = SQLITE_LOCK_PENDING;
    if (file->shared > 1) return SQLITE_BUSY;
  }
  handle->level = level;
  return SQLITE_OK;
}

static int io_unlock(sqlite3_file *base, int level) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  if (level >= handle->level) return SQLITE_OK;
  if (file->reserved == handle) file->reserved = NULL;
  if (file->exclusive == handle) file->exclusive = NULL;
  if (level == SQLITE_LOCK_NONE && handle->level >= SQLITE_LOCK_SHARED) file->shared--;
  handle->level = level;
  return SQLITE_OK;
}

static int io_reserved(sqlite3_file *base, int *is_reserved) {
  struct file *file = ((struct handle *)base)->file;
  *is_reserved = file->reserved || file->exclusive;
  return SQLITE_OK;
}

static int io_control(sqlite3_file *base, int code, void *argument) {
  (void)base, (void)code, (void)argument;
  return SQLITE_NOTFOUND;
}

static int io_sector(sqlite3_file *base) {
  (void)base;
  return 4096;
}

static int io_traits(sqlite3_file *base) {
  (void)base;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

// Methods of the index of a write-ahead log (sqlite.org/walformat.html)

static int shm_map(sqlite3_file *base, int number, int size, int extends, void volatile **region) {
  struct handle *handle = (struct handle *)base;
  struct shared *index = &handle->file->shared_index;
  if (number < 0 || number >= 64) return SQLITE_IOERR_SHMSIZE;
  if (!handle->uses_index) {
    handle->uses_index = 1;
    index->users++;
  }
  if (!index->regions[number] && extends) {
    index->regions[number] = calloc(1, (size_t)size);
    if (!index->regions[number]) return SQLITE_NOMEM;
  }
  *region = index->regions[number];
  return SQLITE_OK;
}

static int shm_lock(sqlite3_file *base, int first, int count, int flags) {
  struct handle *handle = (struct handle *)base;
  struct shared *index = &handle->file->shared_index;
  for (int i = first; i < first + count; i++) {
    unsigned bit = 1u << i;
    int others = index->readers[i] - ((handle->reads & bit) != 0);
    int is_written = index->writers[i] && index->writers[i] != handle;
    if (!(flags & SQLITE_SHM_LOCK)) continue;
    if (is_written || ((flags & SQLITE_SHM_EXCLUSIVE) && others > 0)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; i++) {
    unsigned bit = 1u << i;
    if (flags & SQLITE_SHM_EXCLUSIVE) {
      index->writers[i] = flags & SQLITE_SHM_LOCK ? handle : NULL;
    } else if ((flags & SQLITE_SHM_LOCK) && !(handle->reads & bit)) {
      handle->reads |= bit;
      index->readers[i]++;
    } else if (!(flags & SQLITE_SHM_LOCK) && (handle->reads & bit)) {
      handle->reads &= ~bit;
      index->readers[i]--;
    }
  }
  return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base) { (void)base; }

static int shm_unmap(sqlite3_file *base, int deletes) {
  (void)deletes;
  struct handle *handle = (struct handle *)base;
  struct shared *index = &handle->file->shared_index;
  if (!handle->uses_index) return SQLITE_OK;
  handle->uses_index = 0;
  shm_lock(base, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
  for (int i = 0; i < SQLITE_SHM_NLOCK; i++)
    if (index->writers[i] == handle) index->writers[i] = NULL;
  if (--index->users == 0)
    for (int i = 0; i < 64; i++) {
      free(index->regions[i]);
      index->regions[i] = NULL;
    }
  return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, .xShmMap = shm_map, .xShmLock = shm_lock, .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap, .xClose = io_close, .xRead = io_read, .xWrite = io_write,
    .xTruncate = io_truncate, .xSync = io_sync, .xFileSize = io_size, .xLock = io_lock,
    .xUnlock = io_unlock, .xCheckReservedLock = io_reserved, .xFileControl = io_control,
    .xSectorSize = io_sector, .xDeviceCharacteristics = io_traits};

// The VFS

static int vfs_open(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
  (void)vfs;
  struct cordee_disk *disk = disk_of(path);
  if (!disk) return real_vfs->xOpen(real_vfs, path, base, flags, flags_out);
  base->pMethods = NULL;
  if (disk_is_dead(disk, path)) return SQLITE_IOERR;
  struct file *file = disk_file_find(disk, path);
  if (!file && (flags & SQLITE_OPEN_CREATE)) file = disk_file_make(disk, path);
  if (!file) return SQLITE_CANTOPEN;
  struct handle *handle = (struct handle *)base;
  memset(handle, 0, sizeof *handle);
  handle->disk = disk;
  handle->file = file;
  file->handles++;
  disk->handles++;
  base->pMethods = &methods;
  if (flags_out) *flags_out = flags;
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync) {
  (void)vfs;
  struct cordee_disk *disk = disk_of(path);
  if (!disk) return real_vfs->xDelete(real_vfs, path, sync);
  if (disk_strike(disk, path, CALL_OTHER, 0)) return SQLITE_IOERR_DELETE;
  struct file *file = disk_file_find(disk, path);
  if (!file) return SQLITE_IOERR_DELETE_NOENT;
  disk_file_delete(disk, file);
  return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
  (void)vfs;
  struct cordee_disk *disk = disk_of(path);
  if (!disk) return real_vfs->xAccess(real_vfs, path, flags, answer);
  if (disk_is_dead(disk, path)) return SQLITE_IOERR_ACCESS;
  struct file *file = disk_file_find(disk, path);
  // As the real one: an empty file does not count as existing.
  *answer = file && (flags != SQLITE_ACCESS_EXISTS || file->now.size > 0);
  return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int room, char *into) {
  (void)vfs;
  if (!disk_of(path)) return real_vfs->xFullPathname(real_vfs, path, room, into);
  if (strlen(path) >= (size_t)room) return SQLITE_CANTOPEN;
  strcpy(into, path);
  return SQLITE_OK;
}

static sqlite3_vfs the_vfs;

// Every connection to a file on a disk can be stopped in the midst of a statement.
static int on_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
  (void)message, (void)api;
  if (disk_of(sqlite3_db_filename(db, "main"))) sqlite3_progress_handler(db, steps_a_call, disk_on_steps, db);
  return SQLITE_OK;
}

static void install(void) {
  // Counting memory takes a lock at every allocation, which runs side by side would wait for; refused when it is too late.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  real_vfs = sqlite3_vfs_find(NULL);
  if (!real_vfs) return;
  the_vfs = *real_vfs;
  the_vfs.pNext = NULL;
  the_vfs.zName = "cordee-disk";
  if ((size_t)the_vfs.szOsFile < sizeof(struct handle)) the_vfs.szOsFile = sizeof(struct handle);
  the_vfs.xOpen = vfs_open;
  the_vfs.xDelete = vfs_delete;
  the_vfs.xAccess = vfs_access;
  the_vfs.xFullPathname = vfs_full_path;
  if (sqlite3_auto_extension((void (*)(void))on_connection) != SQLITE_OK
      || sqlite3_vfs_register(&the_vfs, 1) != SQLITE_OK) {
    real_vfs = NULL;
  }
}

int cordee_disk_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  return real_vfs ? 0 : SQLITE_ERROR;
}
