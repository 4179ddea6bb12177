#define _GNU_SOURCE
#include "terminal_shims.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <wchar.h>

int cordee_terminal_width(int descriptor) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

void cordee_line_buffer_stdout(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

int cordee_write(int to_stderr, const uint8_t *bytes, size_t count) {
  FILE *stream = to_stderr ? stderr : stdout;
  if (count > 0 && fwrite(bytes, 1, count, stream) != count) return errno ? errno : EIO;
  if (to_stderr && fflush(stream) != 0) return errno;
  return 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t utf8;

static void load(void) { utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }

int cordee_scalar_width(uint32_t scalar) {
  pthread_once(&once, load);
  if (!utf8) return scalar < 0x20 || (scalar >= 0x7F && scalar < 0xA0) ? -1 : 1;
  locale_t before = uselocale(utf8);
  int width = wcwidth((wchar_t)scalar);
  uselocale(before);
  return width;
}
