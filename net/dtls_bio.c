/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <openssl/bio.h>

#include "net/dtls_bio.h"

static int
on_write(BIO *b, const char *p, int n)
{
	struct dtls_bio *d = BIO_get_data(b);

	d->wrote = true;
	d->out(d->arg, (const uint8_t *)p, (size_t)n);
	return n;
}

static int
on_read(BIO *b, char *p, int cap)
{
	struct dtls_bio *d = BIO_get_data(b);
	size_t n = d->in_n;

	d->in_n = 0;
	BIO_clear_retry_flags(b);
	if (n == 0 || n > (size_t)cap) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(p, d->in, n);
	return (int)n;
}

/* Not asked for the MTU: SSL_OP_NO_QUERY_MTU. */
static long
on_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

/*
 * Each association has its own method: one for the process would be a variable
 * that nobody owns. The type is not from BIO_get_new_index, which runs out.
 */
BIO *
dtls_bio_new(struct dtls_bio *d)
{
	BIO *b;

	if ((d->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "usbp2p datagram")) == NULL ||
	    BIO_meth_set_write(d->method, on_write) != 1 ||
	    BIO_meth_set_read(d->method, on_read) != 1 ||
	    BIO_meth_set_ctrl(d->method, on_ctrl) != 1 ||
	    (b = BIO_new(d->method)) == NULL)
		return NULL;
	BIO_set_data(b, d);
	BIO_set_init(b, 1);
	return b;
}

void
dtls_bio_fini(struct dtls_bio *d)
{
	BIO_meth_free(d->method);
	d->method = NULL;
}
