#pragma once
#include <sqlite3.h>
/// Sets one boolean option of a connection: sqlite3_db_config is variadic, which Swift cannot import.
int cordee_sqlite_set_option(sqlite3 *connection, int option, int on);
