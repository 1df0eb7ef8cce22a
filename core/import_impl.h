/* SPDX-License-Identifier: ISC */
/*
 * What import.c (urbs on their way to the far end), import_input.c (the kernel's bytes)
 * and import_reply.c (the far end's replies) share; for nobody else.
 */
#ifndef CORE_IMPORT_IMPL_H
#define CORE_IMPORT_IMPL_H

#include "core/enumerate.h"
#include "core/import.h"
#include "core/iurb.h"
#include "core/usbip.h"

struct import {
	struct pool *pool;
	const struct import_ops *ops;
	void *arg;
	uint32_t devid;
	struct desc desc;
	struct enumerate enumerate;
	struct iurbs urbs;
	struct iurb *replying;
	unsigned held; /* urbs in that state */
	int failed;    /* sticky */
	bool gone;
	bool begun;      /* a SUBMIT has come; */
	uint32_t newest; /* its seqnum: they rise on one connection, and wrap */

	uint8_t head[USBIP_HEADER]; /* the header that is coming */
	size_t head_have;
	struct iurb *filling; /* the urb whose bytes are coming, or */
	bool refusing;        /* skip bytes, then refuse the urb */
	uint64_t skip;
	uint32_t refused;
	int32_t refused_status;
};

/* The one call of ops->wake: replies were queued since the count was `before`. */
void import_wake(struct import *, uint64_t before);

/* Hands a complete urb, or the reset that it stands for, to the far end. */
void import_submit(struct import *, struct iurb *);

/* Answers an urb of which all is known. */
void import_answer_here(struct import *, struct iurb *);

/*
 * Urbs of one endpoint end in their order, also where one is answered here and the
 * one before it is not: answers those that wait no more.
 */
void import_answer_held(struct import *);

#endif
