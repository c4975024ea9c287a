// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <string.h>
#include "utf8.h"

void json_init(struct json *j)
{
	buf_init(&j->out);
	j->comma = false;
}

void json_free(struct json *j)
{
	buf_free(&j->out);
}

static void json_key(struct json *j, const char *key)
{
	if (j->comma)
		buf_char(&j->out, ',');
	j->comma = true;
	if (!key)
		return;
	buf_char(&j->out, '"');
	buf_str(&j->out, key);
	buf_mem(&j->out, "\":", 2);
}

void json_object(struct json *j, const char *key)
{
	json_key(j, key);
	buf_char(&j->out, '{');
	j->comma = false;
}

void json_object_end(struct json *j)
{
	buf_char(&j->out, '}');
	j->comma = true;
}

void json_array(struct json *j, const char *key)
{
	json_key(j, key);
	buf_char(&j->out, '[');
	j->comma = false;
}

void json_array_end(struct json *j)
{
	buf_char(&j->out, ']');
	j->comma = true;
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	buf_u64(&j->out, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	buf_i64(&j->out, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	buf_str(&j->out, v ? "true" : "false");
}

static void put_escaped(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	if (c == '"' || c == '\\') {
		buf_char(b, '\\');
		buf_char(b, (char)c);
		return;
	}
	buf_mem(b, text, sizeof(text));
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_quoted(struct buf *b, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t plain = 0, i = 0; /* p[plain..i) goes out as it is */

	buf_char(b, '"');
	while (i < n) {
		size_t len = p[i] < 0x80 ? is_plain(p[i]) : utf8_sequence(p + i, n - i);

		if (len) {
			i += len;
			continue;
		}
		buf_mem(b, p + plain, i - plain);
		put_escaped(b, p[i]);
		plain = ++i;
	}
	buf_mem(b, p + plain, n - plain);
	buf_char(b, '"');
}

void json_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	put_quoted(&j->out, s, strlen(s));
}

void json_bytes(struct json *j, const char *key, const char *s, size_t n)
{
	json_key(j, key);
	put_quoted(&j->out, s, strnlen(s, n));
}

void json_named(struct json *j, const char *name, const char *s)
{
	json_key(j, NULL);
	put_quoted(&j->out, name, strlen(name));
	buf_char(&j->out, ':');
	put_quoted(&j->out, s, strlen(s));
}

void json_line(struct json *j, FILE *file, bool flush)
{
	buf_line(&j->out, file, flush);
	j->comma = false;
}
