#include "files_shims.h"

#include <sys/statfs.h>

int cordee_volume(const char *path, int64_t *free_bytes, int64_t *all_bytes, int64_t *type) {
  struct statfs found;
  if (statfs(path, &found) != 0) return -1;
  *free_bytes = (int64_t)found.f_bavail * (int64_t)found.f_bsize;
  *all_bytes = (int64_t)found.f_blocks * (int64_t)found.f_bsize;
  *type = (int64_t)found.f_type;
  return 0;
}
