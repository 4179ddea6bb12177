#pragma once
#include <sqlite3.h>
// Typed entry points for SQLite calls that Swift cannot import (variadic).
