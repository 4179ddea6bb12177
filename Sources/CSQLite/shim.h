#pragma once
// The session extension's declarations are hidden unless both are defined (sqlite.org/sessionintro.html).
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>
