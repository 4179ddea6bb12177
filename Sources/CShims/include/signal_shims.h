#pragma once

// SIGINT and SIGTERM through a pipe: the handler only writes one byte, the pipe stays readable.
// 0, or the errno. The second signal of a kind has its default effect, so Ctrl-C twice always ends.
int cordee_signals_catch(void);
// Waits until a stop was asked for (1) or `milliseconds` have passed (0); -1 waits without end.
int cordee_signals_wait(int milliseconds);
// Asks for a stop, as a signal would.
void cordee_signals_stop(void);
