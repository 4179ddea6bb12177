#pragma once

#include <stdint.h>

// Bytes free for this user where a file lies, and the type of its file system (linux/magic.h); 0, or -1.
int cordee_volume(const char *path, int64_t *free_bytes, int64_t *all_bytes, int64_t *type);
