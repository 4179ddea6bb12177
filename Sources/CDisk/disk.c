#define _POSIX_C_SOURCE 200809L
#include "cordee_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// What one file holds.
struct image {
  uint8_t *bytes;
  int64_t size, room;
};

// A write, or a truncation when `bytes` is NULL, that no sync has made lasting yet.
struct op {
  struct op *next;
  int64_t offset, count;
  uint8_t *bytes;
};

// The index of a write-ahead log, which connections share; gone with the last of them.
struct shared {
  void *regions[64];
  int readers[SQLITE_SHM_NLOCK];
  const void *writers[SQLITE_SHM_NLOCK];
  int users;
};

struct file {
  struct file *next;
  struct cordee_disk *disk;
  char *path;
  struct image now, synced;
  struct op *ops, **last;
  uint64_t writes;
  int handles, shared;
  const void *reserved, *exclusive;
  // A deleted file lives on for the handles that have it open.
  int is_deleted;
  struct shared shared_index;
};

struct cordee_disk {
  struct cordee_disk *next;
  char *folder;
  size_t folder_length;
  struct file *files;
  char *prefix;
  int kind, has_struck, is_paused;
  uint64_t left, calls;
  // A disk whose owner is done with it lives on for the handles that are still open.
  int handles, is_left;
};

struct handle {
  sqlite3_file base;
  struct cordee_disk *disk;
  struct file *file;
  int level;
  int uses_index;
  // The places of the index that this handle has a shared lock on.
  unsigned reads;
};

static pthread_mutex_t disks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cordee_disk *disks;
static sqlite3_vfs *real_vfs;

// Images

static int image_grow(struct image *image, int64_t size) {
  if (size > image->room) {
    int64_t room = image->room ? image->room : 8192;
    while (room < size) room *= 2;
    uint8_t *bytes = realloc(image->bytes, (size_t)room);
    if (!bytes) return 0;
    image->bytes = bytes;
    image->room = room;
  }
  if (size > image->size) {
    memset(image->bytes + image->size, 0, (size_t)(size - image->size));
    image->size = size;
  }
  return 1;
}

static int image_write(struct image *image, int64_t offset, const uint8_t *bytes, int64_t count) {
  if (!image_grow(image, offset + count)) return 0;
  memcpy(image->bytes + offset, bytes, (size_t)count);
  return 1;
}

static int image_copy(struct image *target, const struct image *source) {
  target->size = 0;
  if (!image_grow(target, source->size)) return 0;
  if (source->size) memcpy(target->bytes, source->bytes, (size_t)source->size);
  return 1;
}

static int image_apply(struct image *image, const struct op *op) {
  if (op->bytes) return image_write(image, op->offset, op->bytes, op->count);
  if (op->offset > image->size) return image_grow(image, op->offset);
  image->size = op->offset;
  return 1;
}

// Files

static void file_forget_ops(struct file *file) {
  while (file->ops) {
    struct op *op = file->ops;
    file->ops = op->next;
    free(op->bytes);
    free(op);
  }
  file->last = &file->ops;
}

static int file_note(struct file *file, int64_t offset, const uint8_t *bytes, int64_t count) {
  struct op *op = calloc(1, sizeof *op);
  if (!op) return 0;
  file->writes++;
  op->offset = offset;
  op->count = count;
  if (bytes) {
    op->bytes = malloc(count ? (size_t)count : 1);
    if (!op->bytes) return free(op), 0;
    memcpy(op->bytes, bytes, (size_t)count);
  }
  *file->last = op;
  file->last = &op->next;
  return image_apply(&file->now, op);
}

static void file_free(struct file *file) {
  file_forget_ops(file);
  free(file->now.bytes);
  free(file->synced.bytes);
  free(file->path);
  free(file);
}

static struct file *file_find(struct cordee_disk *disk, const char *path) {
  for (struct file *file = disk->files; file; file = file->next)
    if (!file->is_deleted && strcmp(file->path, path) == 0) return file;
  return NULL;
}

static struct file *file_make(struct cordee_disk *disk, const char *path) {
  struct file *file = calloc(1, sizeof *file);
  if (!file) return NULL;
  file->path = strdup(path);
  if (!file->path) return free(file), NULL;
  file->last = &file->ops;
  file->disk = disk;
  file->next = disk->files;
  disk->files = file;
  return file;
}

static void file_unlink(struct cordee_disk *disk, struct file *file) {
  for (struct file **place = &disk->files; *place; place = &(*place)->next)
    if (*place == file) {
      *place = file->next;
      return file_free(file);
    }
}

static void file_delete(struct cordee_disk *disk, struct file *file) {
  if (file->handles) file->is_deleted = 1;
  else file_unlink(disk, file);
}

// Faults

static int begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What this call meets: 0, or the kind of fault.
static int strike(struct cordee_disk *disk, const char *path, int grows) {
  disk->calls++;
  if (!disk->kind || disk->kind == CORDEE_DISK_INTERRUPT || !begins(path, disk->prefix)) return 0;
  if (!disk->has_struck) {
    if (--disk->left > 0) return 0;
    disk->has_struck = 1;
    if (disk->kind != CORDEE_DISK_FULL) return disk->kind;
  }
  switch (disk->kind) {
    case CORDEE_DISK_FULL: return grows ? disk->kind : 0;
    case CORDEE_DISK_CRASH: return disk->kind;
    default: return 0;
  }
}

static int is_dead(struct cordee_disk *disk, const char *path) {
  return disk->kind == CORDEE_DISK_CRASH && disk->has_struck && begins(path, disk->prefix);
}

enum { steps_a_call = 16 };

// Called after so many steps of a statement's program; stops it when its turn has come.
static int on_steps(void *context) {
  struct file *file = context;
  struct cordee_disk *disk = file->disk;
  if (disk->kind != CORDEE_DISK_INTERRUPT || disk->has_struck || disk->is_paused) return 0;
  if (!begins(file->path, disk->prefix)) return 0;
  if (disk->left > steps_a_call) {
    disk->left -= steps_a_call;
    return 0;
  }
  return disk->has_struck = 1;
}

static int shm_unmap(sqlite3_file *base, int deletes);

static void disk_free_when_done(struct cordee_disk *disk) {
  if (!disk->is_left || disk->handles > 0) return;
  while (disk->files) file_unlink(disk, disk->files);
  free(disk->folder);
  free(disk->prefix);
  free(disk);
}

// Methods of an open file

static int io_close(sqlite3_file *base) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  shm_unmap(base, 0);
  if (handle->level >= SQLITE_LOCK_SHARED) file->shared--;
  if (file->reserved == handle) file->reserved = NULL;
  if (file->exclusive == handle) file->exclusive = NULL;
  if (--file->handles == 0 && file->is_deleted) file_unlink(handle->disk, file);
  handle->disk->handles--;
  disk_free_when_done(handle->disk);
  return SQLITE_OK;
}

static int io_read(sqlite3_file *base, void *into, int count, sqlite3_int64 offset) {
  struct handle *handle = (struct handle *)base;
  struct image *image = &handle->file->now;
  if (is_dead(handle->disk, handle->file->path)) return SQLITE_IOERR_READ;
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
  int dead = is_dead(handle->disk, file->path);
  switch (strike(handle->disk, file->path, offset + count > file->now.size)) {
    case CORDEE_DISK_FULL: return SQLITE_FULL;
    case CORDEE_DISK_ERROR: return SQLITE_IOERR_WRITE;
    case CORDEE_DISK_CRASH:
      // Torn: half of it arrives.
      if (!dead) file_note(file, offset, bytes, count / 2);
      return SQLITE_IOERR_WRITE;
  }
  return file_note(file, offset, bytes, count) ? SQLITE_OK : SQLITE_NOMEM;
}

static int io_truncate(sqlite3_file *base, sqlite3_int64 size) {
  struct handle *handle = (struct handle *)base;
  if (strike(handle->disk, handle->file->path, 0)) return SQLITE_IOERR_TRUNCATE;
  return file_note(handle->file, size, NULL, 0) ? SQLITE_OK : SQLITE_NOMEM;
}

static int io_sync(sqlite3_file *base, int flags) {
  (void)flags;
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  if (strike(handle->disk, file->path, 0)) return SQLITE_IOERR_FSYNC;
  for (struct op *op = file->ops; op; op = op->next)
    if (!image_apply(&file->synced, op)) return SQLITE_NOMEM;
  file_forget_ops(file);
  return SQLITE_OK;
}

static int io_size(sqlite3_file *base, sqlite3_int64 *size) {
  struct handle *handle = (struct handle *)base;
  if (is_dead(handle->disk, handle->file->path)) return SQLITE_IOERR_FSTAT;
  *size = handle->file->now.size;
  return SQLITE_OK;
}

static int io_lock(sqlite3_file *base, int level) {
  struct handle *handle = (struct handle *)base;
  struct file *file = handle->file;
  if (is_dead(handle->disk, file->path)) return SQLITE_IOERR_LOCK;
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

static int ends(const char *text, const char *suffix) {
  size_t length = strlen(text), tail = strlen(suffix);
  return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

static struct cordee_disk *disk_of(const char *path) {
  if (!path) return NULL;
  if (!ends(path, ".sqlite") && !ends(path, ".sqlite-journal") && !ends(path, ".sqlite-wal")) {
    return NULL;
  }
  pthread_mutex_lock(&disks_lock);
  struct cordee_disk *disk = disks;
  while (disk && (!begins(path, disk->folder) || path[disk->folder_length] != '/')) disk = disk->next;
  pthread_mutex_unlock(&disks_lock);
  return disk;
}

static int vfs_open(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *flags_out) {
  (void)vfs;
  struct cordee_disk *disk = disk_of(path);
  if (!disk) return real_vfs->xOpen(real_vfs, path, base, flags, flags_out);
  base->pMethods = NULL;
  if (is_dead(disk, path)) return SQLITE_IOERR;
  struct file *file = file_find(disk, path);
  if (!file && (flags & SQLITE_OPEN_CREATE)) file = file_make(disk, path);
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
  if (strike(disk, path, 0)) return SQLITE_IOERR_DELETE;
  struct file *file = file_find(disk, path);
  if (!file) return SQLITE_IOERR_DELETE_NOENT;
  file_delete(disk, file);
  return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer) {
  (void)vfs;
  struct cordee_disk *disk = disk_of(path);
  if (!disk) return real_vfs->xAccess(real_vfs, path, flags, answer);
  if (is_dead(disk, path)) return SQLITE_IOERR_ACCESS;
  struct file *file = file_find(disk, path);
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
  const char *path = sqlite3_db_filename(db, "main");
  struct cordee_disk *disk = disk_of(path);
  struct file *file = disk ? file_find(disk, path) : NULL;
  if (file) sqlite3_progress_handler(db, steps_a_call, on_steps, file);
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

// Disks

struct cordee_disk *cordee_disk_make(const char *folder) {
  struct cordee_disk *disk = calloc(1, sizeof *disk);
  if (!disk) return NULL;
  disk->folder = strdup(folder);
  if (!disk->folder) return free(disk), NULL;
  disk->folder_length = strlen(folder);
  pthread_mutex_lock(&disks_lock);
  disk->next = disks;
  disks = disk;
  pthread_mutex_unlock(&disks_lock);
  return disk;
}

void cordee_disk_free(struct cordee_disk *disk) {
  pthread_mutex_lock(&disks_lock);
  for (struct cordee_disk **place = &disks; *place; place = &(*place)->next)
    if (*place == disk) {
      *place = disk->next;
      break;
    }
  pthread_mutex_unlock(&disks_lock);
  disk->is_left = 1;
  disk_free_when_done(disk);
}

int64_t cordee_disk_size(struct cordee_disk *disk, const char *path) {
  struct file *file = file_find(disk, path);
  return file ? file->now.size : -1;
}

uint64_t cordee_disk_writes(struct cordee_disk *disk, const char *path) {
  struct file *file = file_find(disk, path);
  return file ? file->writes : 0;
}

static char *companion(const char *path, const char *suffix) {
  char *name = malloc(strlen(path) + strlen(suffix) + 1);
  if (name) strcat(strcpy(name, path), suffix);
  return name;
}

static const char *const suffixes[] = {"", "-journal", "-wal"};

int cordee_disk_copy(struct cordee_disk *disk, const char *path, const char *target) {
  if (!file_find(disk, path)) return -1;
  cordee_disk_remove(disk, target);
  for (int i = 0; i < 3; i++) {
    char *from = companion(path, suffixes[i]), *to = companion(target, suffixes[i]);
    struct file *source = from ? file_find(disk, from) : NULL;
    struct file *copy = source && to ? file_make(disk, to) : NULL;
    int fits = !source || (copy && image_copy(&copy->now, &source->now)
                           && image_copy(&copy->synced, &source->now));
    free(from);
    free(to);
    if (!fits) return -1;
  }
  return 0;
}

void cordee_disk_remove(struct cordee_disk *disk, const char *path) {
  for (int i = 0; i < 3; i++) {
    char *name = companion(path, suffixes[i]);
    struct file *file = name ? file_find(disk, name) : NULL;
    if (file) file_delete(disk, file);
    free(name);
  }
}

void cordee_disk_arm(struct cordee_disk *disk, const char *prefix, int kind, uint64_t after) {
  cordee_disk_disarm(disk);
  disk->prefix = strdup(prefix);
  if (!disk->prefix) return;
  disk->kind = kind;
  disk->left = after;
  disk->has_struck = after == 0;
}

int cordee_disk_struck(struct cordee_disk *disk) { return disk->has_struck; }

void cordee_disk_disarm(struct cordee_disk *disk) {
  free(disk->prefix);
  disk->prefix = NULL;
  disk->kind = disk->has_struck = 0;
}

void cordee_disk_pause(struct cordee_disk *disk, int is_paused) { disk->is_paused = is_paused; }

uint64_t cordee_disk_cut_power(struct cordee_disk *disk, const char *prefix, uint64_t seed) {
  uint64_t lost = 0;
  for (struct file *file = disk->files; file; file = file->next) {
    if (file->is_deleted || !begins(file->path, prefix)) continue;
    for (struct op *op = file->ops; op; op = op->next) {
      // SplitMix64 (Steele, Lea, Flood 2014).
      uint64_t z = (seed += 0x9E3779B97F4A7C15u);
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      if ((z ^ (z >> 31)) & 1) image_apply(&file->synced, op);
      else lost++;
    }
    if (file->ops) file->writes++;
    file_forget_ops(file);
    image_copy(&file->now, &file->synced);
  }
  return lost;
}

uint64_t cordee_disk_calls(struct cordee_disk *disk) { return disk->calls; }
