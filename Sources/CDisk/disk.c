// Disks: files as they are and as they were synced, the faults that strike them, power cuts.
#define _POSIX_C_SOURCE 200809L
#include "disk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t disks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cordee_disk *disks;

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

int disk_image_apply(struct image *image, const struct op *op) {
  if (op->bytes) return image_write(image, op->offset, op->bytes, op->count);
  if (op->offset > image->size) return image_grow(image, op->offset);
  image->size = op->offset;
  return 1;
}

// Files

void disk_file_forget_ops(struct file *file) {
  while (file->ops) {
    struct op *op = file->ops;
    file->ops = op->next;
    free(op->bytes);
    free(op);
  }
  file->last = &file->ops;
}

int disk_file_note(struct file *file, int64_t offset, const uint8_t *bytes, int64_t count) {
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
  return disk_image_apply(&file->now, op);
}

static void file_free(struct file *file) {
  disk_file_forget_ops(file);
  free(file->now.bytes);
  free(file->synced.bytes);
  free(file->path);
  free(file);
}

struct file *disk_file_find(struct cordee_disk *disk, const char *path) {
  for (struct file *file = disk->files; file; file = file->next)
    if (!file->is_deleted && strcmp(file->path, path) == 0) return file;
  return NULL;
}

struct file *disk_file_make(struct cordee_disk *disk, const char *path) {
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

void disk_file_unlink(struct cordee_disk *disk, struct file *file) {
  for (struct file **place = &disk->files; *place; place = &(*place)->next)
    if (*place == file) {
      *place = file->next;
      return file_free(file);
    }
}

void disk_file_delete(struct cordee_disk *disk, struct file *file) {
  if (file->handles) file->is_deleted = 1;
  else disk_file_unlink(disk, file);
}

// Faults

static int disk_begins(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

// What this call meets: 0, or the kind of fault.
int disk_strike(struct cordee_disk *disk, const char *path, enum call call, int grows) {
  disk->calls++;
  if (!disk->kind || disk->kind == CORDEE_DISK_INTERRUPT || !disk_begins(path, disk->prefix)) return 0;
  int is_false_write = disk->kind == CORDEE_DISK_LOST || disk->kind == CORDEE_DISK_MISDIRECTED;
  if (is_false_write && call != CALL_WRITE) return 0;
  if (disk->kind == CORDEE_DISK_LYING && call != CALL_SYNC) return 0;
  if (!disk->has_struck) {
    if (--disk->left > 0) return 0;
    disk->has_struck = 1;
    if (disk->kind != CORDEE_DISK_FULL) return disk->kind;
  }
  switch (disk->kind) {
    case CORDEE_DISK_FULL: return grows ? disk->kind : 0;
    case CORDEE_DISK_CRASH: case CORDEE_DISK_LYING: return disk->kind;
    default: return 0;
  }
}

// Where a write lands that was meant for `offset`: on another page of the file; -1 where there is none.
int64_t disk_elsewhere(const struct file *file, int64_t offset) {
  enum { page = 4096 };
  int64_t pages = file->now.size / page, meant = offset / page;
  if (pages < 2) return -1;
  int64_t other = (int64_t)(file->disk->salt % (uint64_t)(pages - 1));
  return (other >= meant ? other + 1 : other) * page;
}

int disk_is_dead(struct cordee_disk *disk, const char *path) {
  return disk->kind == CORDEE_DISK_CRASH && disk->has_struck && disk_begins(path, disk->prefix);
}

// Disks on which a statement waits to be stopped.
static atomic_int interrupts_armed;

// A statement whose program has ended has taken effect; to stop it then would tell a lie about it.
static int runs(sqlite3 *db) {
  for (sqlite3_stmt *statement = sqlite3_next_stmt(db, NULL); statement; statement = sqlite3_next_stmt(db, statement))
    if (sqlite3_stmt_busy(statement)) return 1;
  return 0;
}

// Called after so many steps of a statement's program; stops it when its turn has come.
int disk_on_steps(void *context) {
  if (atomic_load_explicit(&interrupts_armed, memory_order_relaxed) == 0) return 0;
  sqlite3 *db = context;
  const char *path = sqlite3_db_filename(db, "main");
  struct cordee_disk *disk = disk_of(path);
  if (!disk || disk->kind != CORDEE_DISK_INTERRUPT || disk->has_struck || disk->is_paused) return 0;
  if (!disk_begins(path, disk->prefix)) return 0;
  if (disk->left > steps_a_call) {
    disk->left -= steps_a_call;
    return 0;
  }
  return disk->has_struck = runs(db);
}

void disk_free_when_done(struct cordee_disk *disk) {
  if (!disk->is_left || disk->handles > 0) return;
  while (disk->files) disk_file_unlink(disk, disk->files);
  free(disk->folder);
  free(disk->prefix);
  free(disk);
}

// Which disk a path lies on

static int ends(const char *text, const char *suffix) {
  size_t length = strlen(text), tail = strlen(suffix);
  return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

struct cordee_disk *disk_of(const char *path) {
  if (!path) return NULL;
  if (!ends(path, ".sqlite") && !ends(path, ".sqlite-journal") && !ends(path, ".sqlite-wal")) {
    return NULL;
  }
  pthread_mutex_lock(&disks_lock);
  struct cordee_disk *disk = disks;
  while (disk && (!disk_begins(path, disk->folder) || path[disk->folder_length] != '/')) disk = disk->next;
  pthread_mutex_unlock(&disks_lock);
  return disk;
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
  cordee_disk_disarm(disk);
  disk->is_left = 1;
  disk_free_when_done(disk);
}

int64_t cordee_disk_size(struct cordee_disk *disk, const char *path) {
  struct file *file = disk_file_find(disk, path);
  return file ? file->now.size : -1;
}

uint64_t cordee_disk_writes(struct cordee_disk *disk, const char *path) {
  struct file *file = disk_file_find(disk, path);
  return file ? file->writes : 0;
}

static char *companion(const char *path, const char *suffix) {
  char *name = malloc(strlen(path) + strlen(suffix) + 1);
  if (name) strcat(strcpy(name, path), suffix);
  return name;
}

static const char *const suffixes[] = {"", "-journal", "-wal"};

int cordee_disk_copy(struct cordee_disk *disk, const char *path, const char *target) {
  if (!disk_file_find(disk, path)) return -1;
  cordee_disk_remove(disk, target);
  for (int i = 0; i < 3; i++) {
    char *from = companion(path, suffixes[i]), *to = companion(target, suffixes[i]);
    struct file *source = from ? disk_file_find(disk, from) : NULL;
    struct file *copy = source && to ? disk_file_make(disk, to) : NULL;
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
    struct file *file = name ? disk_file_find(disk, name) : NULL;
    if (file) disk_file_delete(disk, file);
    free(name);
  }
}

void cordee_disk_arm(struct cordee_disk *disk, const char *prefix, int kind, uint64_t after) {
  cordee_disk_disarm(disk);
  disk->prefix = strdup(prefix);
  if (!disk->prefix) return;
  disk->kind = kind;
  if (kind == CORDEE_DISK_INTERRUPT) atomic_fetch_add(&interrupts_armed, 1);
  disk->left = after;
  disk->has_struck = after == 0;
  disk->has_torn = 0;
}

void cordee_disk_salt(struct cordee_disk *disk, uint64_t salt) { disk->salt = salt; }

int cordee_disk_struck(struct cordee_disk *disk) { return disk->has_struck; }

int cordee_disk_torn(struct cordee_disk *disk) { return disk->has_torn; }

void cordee_disk_disarm(struct cordee_disk *disk) {
  free(disk->prefix);
  disk->prefix = NULL;
  if (disk->kind == CORDEE_DISK_INTERRUPT) atomic_fetch_sub(&interrupts_armed, 1);
  disk->kind = disk->has_struck = 0;
}

void cordee_disk_pause(struct cordee_disk *disk, int is_paused) { disk->is_paused = is_paused; }

uint64_t cordee_disk_cut_power(struct cordee_disk *disk, const char *prefix, uint64_t seed) {
  uint64_t lost = 0;
  for (struct file *file = disk->files; file; file = file->next) {
    if (file->is_deleted || !disk_begins(file->path, prefix)) continue;
    for (struct op *op = file->ops; op; op = op->next) {
      // SplitMix64 (Steele, Lea, Flood 2014).
      uint64_t z = (seed += 0x9E3779B97F4A7C15u);
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      if ((z ^ (z >> 31)) & 1) disk_image_apply(&file->synced, op);
      else lost++;
    }
    if (file->ops) file->writes++;
    disk_file_forget_ops(file);
    image_copy(&file->now, &file->synced);
  }
  return lost;
}

void cordee_disk_settle(struct cordee_disk *disk, const char *prefix) {
  for (struct file *file = disk->files; file; file = file->next) {
    if (file->is_deleted || !disk_begins(file->path, prefix)) continue;
    image_copy(&file->synced, &file->now);
    disk_file_forget_ops(file);
  }
}

uint64_t cordee_disk_calls(struct cordee_disk *disk) { return disk->calls; }
