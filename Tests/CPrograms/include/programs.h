#ifndef CORDEE_PROGRAMS_H
#define CORDEE_PROGRAMS_H

#include <sys/types.h>

/// Starts a program with no signal blocked, every signal at its default, and no open file but the three named.
///
/// `files` are what it reads, and what takes its output and its errors, made or emptied; the last two may be the same.
/// Returns 0 or an errno.
int cordee_program_start(pid_t *process, const char *path, char *const words[],
                         char *const variables[], const char *const files[3], const char *folder);

#endif
