#pragma once

#include <stdint.h>

// A disk in memory that can fail, for the simulator: a SQLite VFS (sqlite.org/vfs.html) that keeps what was written and
// what was synced apart. Only databases in folders that were given to `cordee_disk_make` lie on it, and only files whose
// names end in .sqlite, -journal or -wal; everything else goes to the real file system. One disk, one thread.
struct cordee_disk;

enum {
  // One call fails with SQLITE_IOERR; the disk works on afterwards.
  CORDEE_DISK_ERROR = 1,
  // Writes that make a file grow fail with SQLITE_FULL until the fault is lifted.
  CORDEE_DISK_FULL = 2,
  // That call, a write by half, and every later one fail until the fault is lifted: the process is dead.
  CORDEE_DISK_CRASH = 3,
  // A statement is stopped after so many steps of its program (sqlite.org/c3ref/progress_handler.html), give or take 16.
  CORDEE_DISK_INTERRUPT = 4,
  // That sync and every later one say that they are done and save nothing until the fault is lifted: a power cut shows it.
  CORDEE_DISK_LYING = 5,
  // One write says that it is done, and nothing changes.
  CORDEE_DISK_LOST = 6,
  // One write lands on another page of the file, which the salt names.
  CORDEE_DISK_MISDIRECTED = 7
};

// Makes this VFS the process's default, once; 0, or SQLite's code.
int cordee_disk_install(void);
// NULL when memory ran out. The folder exists, and its path holds no symbolic link.
struct cordee_disk *cordee_disk_make(const char *folder);
// Every connection to its files is closed before.
void cordee_disk_free(struct cordee_disk *disk);

// Bytes of a file, -1 when there is none.
int64_t cordee_disk_size(struct cordee_disk *disk, const char *path);
// Writes to a file and truncations of it so far; 0 when there is none.
uint64_t cordee_disk_writes(struct cordee_disk *disk, const char *path);
// Puts a copy of a file and of its companions in another's place, synced; 0, or -1.
int cordee_disk_copy(struct cordee_disk *disk, const char *path, const char *target);
// Removes a file and its companions.
void cordee_disk_remove(struct cordee_disk *disk, const char *path);

// The `after`-th write, sync, truncation or deletion (1 is the next, 0 is now) of a file whose path begins with
// `prefix` fails; of the faults that lie, only what they lie about is counted: syncs, or writes.
void cordee_disk_arm(struct cordee_disk *disk, const char *prefix, int kind, uint64_t after);
// What decides where a misdirected write lands.
void cordee_disk_salt(struct cordee_disk *disk, uint64_t salt);
// Whether the armed fault has struck.
int cordee_disk_struck(struct cordee_disk *disk);

// Whether the fault armed last, a crash, struck a write, half of which arrived; known after it was disarmed, too.
int cordee_disk_torn(struct cordee_disk *disk);
// Holds interrupts back while an onlooker reads.
void cordee_disk_pause(struct cordee_disk *disk, int is_paused);
// Lifts the fault.
void cordee_disk_disarm(struct cordee_disk *disk);
// The power fails: of what was not synced below `prefix`, each write is kept or lost as the seed draws.
// Returns how many writes were lost.
uint64_t cordee_disk_cut_power(struct cordee_disk *disk, const char *prefix, uint64_t seed);
// What was written below `prefix` reaches the disk without having been asked to, as it does in time.
void cordee_disk_settle(struct cordee_disk *disk, const char *prefix);
// Writes, syncs, truncations and deletions so far.
uint64_t cordee_disk_calls(struct cordee_disk *disk);
