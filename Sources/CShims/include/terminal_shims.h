#pragma once

#include <stddef.h>
#include <stdint.h>

// Columns of the terminal behind a descriptor, 0 when there is none (TIOCGWINSZ).
int cordee_terminal_width(int descriptor);
// Makes standard output appear line by line, piped or not.
void cordee_line_buffer_stdout(void);
// Writes through stdio, so that the order with `print` is kept; 0, or the errno.
int cordee_write(int to_stderr, const uint8_t *bytes, size_t count);
// Columns of one scalar by glibc's tables, whatever the user's locale; -1 for controls.
int cordee_scalar_width(uint32_t scalar);
