/* SPDX-License-Identifier: ISC */
/*
 * The table of a link's life.
 */
#include <stdbool.h>

#include "core/link.h"
#include "core/log.h"
#include "core/mem.h"

struct cell {
	bool listed;
	enum link_state to;
	enum link_action act;
};

#define GO(state, action)                            \
	{                                            \
		true, LINK_##state, LINK_DO_##action \
	}

static const struct cell table[LINK_STATE_COUNT][LINK_EVENT_COUNT] = {
    [LINK_DIALING] =
	{
	    [LINK_EV_DIALED] = GO(GREETING, GREET),
	},
    [LINK_GREETING] =
	{
	    [LINK_EV_ADMITTED] = GO(GATHERING, GATHER),
	    [LINK_EV_OFFERED] = GO(GATHERING, GATHER),
	},
    [LINK_GATHERING] =
	{
	    [LINK_EV_GATHERED] = GO(ASKING, DESCRIBE),
	},
    [LINK_ASKING] =
	{
	    [LINK_EV_ANSWERED] = GO(CHECKING, CHECK),
	},
    [LINK_CHECKING] =
	{
	    [LINK_EV_PAIRED] = GO(SECURING, HANDSHAKE),
	},
    [LINK_SECURING] =
	{
	    [LINK_EV_PAIRED] = GO(SECURING, NOTHING), /* ICE found a better pair */
	    [LINK_EV_SECURED] = GO(UP, CARRY),
	},
    [LINK_UP] =
	{
	    [LINK_EV_PAIRED] = GO(UP, NOTHING),
	    [LINK_EV_CLOSE] = GO(CLOSING, GOODBYE),
	},
    [LINK_CLOSING] =
	{
	    [LINK_EV_PAIRED] = GO(CLOSING, NOTHING),
	    [LINK_EV_CLOSE] = GO(CLOSING, NOTHING),
	    [LINK_EV_DRAINED] = GO(DOWN, TEARDOWN),
	},
};

static const char *const states[] = {
#define NAME(x) #x,
    LINK_STATES(NAME)};
static const char *const events[] = {LINK_EVENTS(NAME)};
static const char *const actions[] = {LINK_ACTIONS(NAME)
#undef NAME
};

enum link_action
link_step(enum link_state *state, enum link_event event, const char *name)
{
	static const struct cell stay = GO(DOWN, NOTHING), fail = GO(DOWN, TEARDOWN);
	const struct cell *c = &table[*state][event];

	if (*state == LINK_DOWN)
		c = &stay;
	else if (!c->listed)
		c = &fail;
	if (c->to != *state)
		log_debug("link %s %s -> %s (%s)", name, states[*state], states[c->to],
			  events[event]);
	*state = c->to;
	return c->act;
}

const char *
link_state_name(enum link_state s)
{
	return s < LINK_STATE_COUNT ? states[s] : "?";
}

const char *
link_event_name(enum link_event e)
{
	return e < LINK_EVENT_COUNT ? events[e] : "?";
}

const char *
link_action_name(enum link_action a)
{
	return a < LINK_ACTION_COUNT ? actions[a] : "?";
}
