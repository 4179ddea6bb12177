#pragma once
#include <sqlite3.h>
// Typed entry points for SQLite calls that Swift cannot import: variadic functions and function-like constants.

/// Switches a boolean SQLITE_DBCONFIG option; returns the result code.
int cordee_sqlite_configure(sqlite3 *connection, int option, int on);
/// Binds text that SQLite copies.
int cordee_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
/// Binds bytes that SQLite copies; an empty blob is not NULL.
int cordee_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);
