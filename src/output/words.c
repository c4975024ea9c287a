// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../lib/utf8.h"

#define WORD(table, i) ((i) < sizeof(table) / sizeof((table)[0]) ? (table)[i] : NULL)

const char *how_word(unsigned int how)
{
	static const char *const words[] = {
		[HOW_APP] = "app",	   [HOW_EXIT] = "exit",	  [HOW_RESET] = "reset",
		[HOW_TIMEOUT] = "timeout", [HOW_ABORT] = "abort",
	};

	return WORD(words, how);
}

const char *role_word(unsigned int role)
{
	static const char *const words[] = { [ROLE_CLIENT] = "client", [ROLE_SERVER] = "server" };

	return WORD(words, role);
}

const char *origin_word(unsigned int origin)
{
	static const char *const words[] = { [ORIGIN_TRACED] = "traced", [ORIGIN_SNAPSHOT] = "snapshot" };

	return WORD(words, origin);
}

const char *state_word(unsigned int state)
{
	static const char *const words[] = {
		[1] = "ESTABLISHED", [2] = "SYN_SENT",	  [3] = "SYN_RECV",  [4] = "FIN_WAIT1",
		[5] = "FIN_WAIT2",   [6] = "TIME_WAIT",	  [7] = "CLOSE",     [8] = "CLOSE_WAIT",
		[9] = "LAST_ACK",    [10] = "LISTEN",	  [11] = "CLOSING",  [12] = "NEW_SYN_RECV",
	};

	return WORD(words, state);
}

const char *reader_word(unsigned int reader)
{
	static const char *const words[] = {
		[READER_NONE] = "none", [READER_RECV] = "recv", [READER_POLL] = "poll", [READER_EPOLL] = "epoll",
	};

	return WORD(words, reader);
}

const char *direction_word(enum direction d)
{
	static const char *const words[] = { [DIR_SEND] = "send", [DIR_RECV] = "recv" };

	return WORD(words, (unsigned int)d);
}

/* Those that a TCP socket can report; numbers are the same on every machine connlife runs on. */
const char *errno_word(unsigned int err, char scratch[ERRNO_WORD_LEN])
{
#define NAME(e) [e] = #e
	static const char *const words[] = {
		NAME(EPERM),	     NAME(EINTR),	 NAME(EIO),	      NAME(EBADF),	 NAME(EAGAIN),
		NAME(ENOMEM),	     NAME(EACCES),	 NAME(EFAULT),	      NAME(ENODEV),	 NAME(EINVAL),
		NAME(EPIPE),	     NAME(ENONET),	 NAME(EPROTO),	      NAME(EBADMSG),	 NAME(EMSGSIZE),
		NAME(ENOPROTOOPT),   NAME(EOPNOTSUPP),	 NAME(EAFNOSUPPORT),  NAME(EADDRINUSE),	 NAME(EADDRNOTAVAIL),
		NAME(ENETDOWN),	     NAME(ENETUNREACH),	 NAME(ENETRESET),     NAME(ECONNABORTED), NAME(ECONNRESET),
		NAME(ENOBUFS),	     NAME(EISCONN),	 NAME(ENOTCONN),      NAME(ETIMEDOUT),	 NAME(ECONNREFUSED),
		NAME(EHOSTDOWN),     NAME(EHOSTUNREACH), NAME(EALREADY),      NAME(EINPROGRESS), NAME(ESTALE),
		NAME(ECANCELED),     NAME(EKEYREJECTED), NAME(ESHUTDOWN),     NAME(EREMOTEIO),
	};
#undef NAME
	const char *word = WORD(words, err);

	if (word)
		return word;
	snprintf(scratch, ERRNO_WORD_LEN, "errno %u", err);
	return scratch;
}

bool address_known(const __u8 addr[16])
{
	static const __u8 zero[16];

	return memcmp(addr, zero, sizeof(zero)) != 0;
}

void buf_address(struct buf *b, unsigned int family, const __u8 addr[16])
{
	char text[INET6_ADDRSTRLEN];

	if (family == 6) {
		if (inet_ntop(AF_INET6, addr, text, sizeof(text)))
			buf_str(b, text);
		return;
	}
	/* By hand: inet_ntop() goes through sprintf(), and there are two addresses in every line. */
	for (int i = 0; i < 4; i++) {
		if (i)
			buf_char(b, '.');
		buf_u64(b, addr[i]);
	}
}

void buf_comm(struct buf *b, const char comm[COMM_LEN])
{
	utf8_printable(b, comm, strnlen(comm, COMM_LEN));
}

bool conn_duration_ns(const struct conn *c, __u64 *ns)
{
	if (!c->opened_ns || c->closed_ns < c->opened_ns)
		return false;
	*ns = c->closed_ns - c->opened_ns;
	return true;
}
