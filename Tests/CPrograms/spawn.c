#define _GNU_SOURCE
#include "programs.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>

int cordee_program_start(pid_t *process, const char *path, char *const words[],
                         char *const variables[], const char *const files[3], const char *folder) {
  const int writing = O_WRONLY | O_CREAT | O_APPEND | O_TRUNC;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);

  int code = posix_spawn_file_actions_init(&actions);
  if (code) return code;
  code = posix_spawnattr_init(&attributes);
  if (code) {
    posix_spawn_file_actions_destroy(&actions);
    return code;
  }
  code = posix_spawnattr_setsigmask(&attributes, &none);
  if (!code) code = posix_spawnattr_setsigdefault(&attributes, &all);
  if (!code)
    code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!code) code = posix_spawn_file_actions_addopen(&actions, 0, files[0], O_RDONLY, 0);
  if (!code) code = posix_spawn_file_actions_addopen(&actions, 1, files[1], writing, 0600);
  if (!code)
    code = strcmp(files[1], files[2]) == 0
               ? posix_spawn_file_actions_adddup2(&actions, 1, 2)
               : posix_spawn_file_actions_addopen(&actions, 2, files[2], writing, 0600);
  if (!code) code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!code) code = posix_spawn_file_actions_addchdir_np(&actions, folder);
  if (!code) code = posix_spawn(process, path, &actions, &attributes, words, variables);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}
