#pragma once
#include <sqlite3.h>
/// Sets one boolean option of a connection: sqlite3_db_config is variadic, which Swift cannot import.
int cordee_sqlite_set_option(sqlite3 *connection, int option, int on);

/// Stops SQLite from counting its memory, which it does under one lock for the whole process; nothing here asks for the counts.
/// Call it before the first connection; where SQLite runs already it does nothing.
void cordee_sqlite_stop_counting_memory(void);

/// The name of a VFS that writes a rollback journal in large pieces, over the default one; null where it cannot be had.
const char *cordee_sqlite_gathering_vfs(void);

// Keeps in `frames` how many frames the write-ahead log had after the last commit; SQLite checkpoints by itself no more.
void cordee_sqlite_count_log(sqlite3 *db, int *frames);

// Writes the write-ahead log over itself and syncs it: what an earlier sync failed to save is saved. SQLite's code.
int cordee_sqlite_renew_log(sqlite3 *db);
