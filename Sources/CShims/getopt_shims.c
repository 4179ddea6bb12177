#define _GNU_SOURCE
#include "getopt_shims.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

// Values of options start here, clear of every character.
#define FIRST 256

struct cordee_getopt {
  int stops, started, words_count, options_count, passed_count;
  char **words;
  // Words passed over that are no options.
  const char **passed;
  struct option *options;
  const char *text;
  char letter[3];
};

struct cordee_getopt *cordee_getopt_create(int stops) {
  struct cordee_getopt *parser = calloc(1, sizeof *parser);
  if (!parser) return NULL;
  parser->stops = stops;
  parser->options = calloc(1, sizeof *parser->options);
  if (!cordee_getopt_add_word(parser, "cordee") || !parser->options) {
    cordee_getopt_free(parser);
    return NULL;
  }
  return parser;
}

void cordee_getopt_free(struct cordee_getopt *parser) {
  if (!parser) return;
  for (int i = 0; i < parser->words_count; i++) free(parser->words[i]);
  for (int i = 0; i < parser->options_count; i++) free((char *)parser->options[i].name);
  free(parser->words);
  free(parser->passed);
  free(parser->options);
  free(parser);
}

int cordee_getopt_add_word(struct cordee_getopt *parser, const char *word) {
  char *copy = strdup(word);
  size_t size = (size_t)(parser->words_count + 2) * sizeof *parser->words;
  char **words = realloc(parser->words, size);
  if (words) parser->words = words;
  const char **passed = realloc(parser->passed, size);
  if (passed) parser->passed = passed;
  if (!copy || !words || !passed) {
    free(copy);
    return 0;
  }
  words[parser->words_count++] = copy;
  words[parser->words_count] = NULL;
  return 1;
}

int cordee_getopt_add_option(struct cordee_getopt *parser, const char *name, int takes_value) {
  char *copy = strdup(name);
  size_t size = (size_t)(parser->options_count + 2) * sizeof *parser->options;
  struct option *options = realloc(parser->options, size);
  if (options) parser->options = options;
  if (!copy || !options) {
    free(copy);
    return 0;
  }
  int index = parser->options_count++;
  options[index] = (struct option){
      copy, takes_value ? required_argument : no_argument, NULL, FIRST + index};
  memset(&options[index + 1], 0, sizeof *options);
  return 1;
}

int cordee_getopt_next(struct cordee_getopt *parser) {
  if (!parser->started) {
    parser->started = 1;
    optind = 0;  // makes glibc forget the parse before
  }
  opterr = 0;
  // In order and put aside here: glibc's own permuting ends where POSIXLY_CORRECT is set.
  const char *letters = parser->stops ? "+:h" : "-:h";
  int met;
  while ((met = getopt_long(
              parser->words_count, parser->words, letters, parser->options, NULL)) == 1) {
    parser->passed[parser->passed_count++] = optarg;
  }
  parser->text = optarg;
  if (met == -1) return CORDEE_GETOPT_END;
  if (met == 'h') return CORDEE_GETOPT_HELP;
  if (met >= FIRST) return met - FIRST;
  if (met == ':' || (met == '?' && optopt >= FIRST)) {
    parser->text = optopt >= FIRST ? parser->options[optopt - FIRST].name : "";
    return met == ':' ? CORDEE_GETOPT_VALUE_MISSING : CORDEE_GETOPT_VALUE_UNWANTED;
  }
  if (optopt != 0) {
    parser->letter[0] = '-';
    parser->letter[1] = (char)optopt;
    parser->letter[2] = 0;
    parser->text = parser->letter;
  } else {
    parser->text = optind > 0 && optind <= parser->words_count ? parser->words[optind - 1] : "";
  }
  return CORDEE_GETOPT_UNKNOWN;
}

const char *cordee_getopt_text(const struct cordee_getopt *parser) { return parser->text; }

const char *cordee_getopt_rest(const struct cordee_getopt *parser, int index) {
  if (index < parser->passed_count) return parser->passed[index];
  int at = optind + index - parser->passed_count;
  return at < parser->words_count ? parser->words[at] : NULL;
}
