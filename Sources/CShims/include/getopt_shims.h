#pragma once

// One reading of a command line by glibc's getopt_long, with its globals kept out of sight.
// Not thread-safe, as getopt_long is not: one parse at a time.
struct cordee_getopt;

enum {
  CORDEE_GETOPT_END = -1,
  CORDEE_GETOPT_UNKNOWN = -2,
  CORDEE_GETOPT_VALUE_MISSING = -3,
  CORDEE_GETOPT_VALUE_UNWANTED = -4,
  CORDEE_GETOPT_HELP = -5,
  CORDEE_GETOPT_NO_MEMORY = -6
};

// `stops` ends the parse at the first word that is no option; else words are permuted.
struct cordee_getopt *cordee_getopt_create(int stops);
void cordee_getopt_free(struct cordee_getopt *parser);
// Both copy their text; 0 when memory ran out.
int cordee_getopt_add_word(struct cordee_getopt *parser, const char *word);
int cordee_getopt_add_option(struct cordee_getopt *parser, const char *name, int takes_value);
// The index of the option met, in the order they were added, or one of the values above.
int cordee_getopt_next(struct cordee_getopt *parser);
// The value of the option met, or the word that was not understood; lives until the next call.
const char *cordee_getopt_text(const struct cordee_getopt *parser);
// The words left over after END, in their order; NULL past the last one.
const char *cordee_getopt_rest(const struct cordee_getopt *parser, int index);
