#pragma once

#include "cordee_disk.h"

#include <sqlite3.h>
#include <stddef.h>

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
  int kind, has_struck, has_torn, is_paused;
  uint64_t left, calls, salt;
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

// Every how many steps of a statement `disk_on_steps` is called.
enum { steps_a_call = 16 };

// What is asked of a disk, as far as faults tell it apart.
enum call { CALL_WRITE, CALL_SYNC, CALL_OTHER };

// 0 where there is no memory for it.
int disk_image_apply(struct image *image, const struct op *op);
int disk_file_note(struct file *file, int64_t offset, const uint8_t *bytes, int64_t count);
void disk_file_forget_ops(struct file *file);
struct file *disk_file_find(struct cordee_disk *disk, const char *path);
struct file *disk_file_make(struct cordee_disk *disk, const char *path);
void disk_file_unlink(struct cordee_disk *disk, struct file *file);
void disk_file_delete(struct cordee_disk *disk, struct file *file);
int disk_strike(struct cordee_disk *disk, const char *path, enum call call, int grows);
int64_t disk_elsewhere(const struct file *file, int64_t offset);
int disk_is_dead(struct cordee_disk *disk, const char *path);
int disk_on_steps(void *context);
void disk_free_when_done(struct cordee_disk *disk);
// The disk a path lies on; NULL for the real file system's.
struct cordee_disk *disk_of(const char *path);
