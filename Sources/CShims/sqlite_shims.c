#include "sqlite_shims.h"

#include <stdlib.h>

int cordee_sqlite_set_option(sqlite3 *connection, int option, int on) {
  return sqlite3_db_config(connection, option, on, (int *)0);
}

void cordee_sqlite_stop_counting_memory(void) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int keep_count(void *frames, sqlite3 *db, const char *name, int count) {
  (void)db, (void)name;
  *(int *)frames = count;
  return SQLITE_OK;
}

void cordee_sqlite_count_log(sqlite3 *db, int *frames) { sqlite3_wal_hook(db, keep_count, frames); }

int cordee_sqlite_renew_log(sqlite3 *db) {
  enum { block = 1 << 16 };  // SQLite writes less than 128 KiB at once
  sqlite3_file *log = NULL;
  sqlite3_int64 size = 0;
  int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code != SQLITE_OK || !log || !log->pMethods) return code;
  code = log->pMethods->xFileSize(log, &size);
  if (code != SQLITE_OK || size == 0) return code;
  char *bytes = malloc(block);
  if (!bytes) return SQLITE_NOMEM;
  for (sqlite3_int64 place = 0; place < size && code == SQLITE_OK; place += block) {
    int count = size - place < block ? (int)(size - place) : block;
    code = log->pMethods->xRead(log, bytes, count, place);
    if (code == SQLITE_OK) code = log->pMethods->xWrite(log, bytes, count, place);
  }
  free(bytes);
  return code == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}
