/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h - writes one JSON object per line. Commas are set by the writer; nesting is the caller's.
 *
 * Every call takes the member's key, a literal that needs no escaping, or NULL for an array element and the outermost
 * object. Strings are raw bytes: those that are not UTF-8 come out as \u00XX each, so every line parses.
 */
#ifndef CONNLIFE_JSON_H
#define CONNLIFE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "buf.h"

struct json {
	struct buf out;
	bool comma; /* the next value needs one before it */
};

void json_init(struct json *j);
void json_free(struct json *j);

void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);

void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_string(struct json *j, const char *key, const char *s);
/* Up to n bytes, or up to the first NUL among them. */
void json_bytes(struct json *j, const char *key, const char *s, size_t n);
/* A string under a name that comes from elsewhere. */
void json_named(struct json *j, const char *name, const char *s);

/* Ends the line, writes it with one fwrite() and starts anew. */
void json_line(struct json *j, FILE *file, bool flush);

#endif
