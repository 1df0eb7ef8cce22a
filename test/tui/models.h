/* SPDX-License-Identifier: ISC */
/*
 * For tests of the browser: what serve, attach and list might say, a browser without a
 * terminal, and what it asks for.
 */
#ifndef TEST_TUI_MODELS_H
#define TEST_TUI_MODELS_H

#include "core/text.h"
#include "test/test.h"
#include "tui/ui.h"

#define NOW 1000000

static struct ui_job asked;
static unsigned asked_n, quits;
static char copied[3000];

static void
on_run(void *arg, const struct ui_job *j)
{
	(void)arg;
	asked = *j;
	asked_n++;
}

static void
on_copy(void *arg, const char *text)
{
	(void)arg;
	text_copy(copied, sizeof(copied), text);
}

static void
on_quit(void *arg)
{
	(void)arg;
	quits++;
}

static const struct ui_ops ops = {on_run, on_copy, on_quit};

/* --- models --- */

static inline void
tell(struct model *m, const char *source, const char *json, uint64_t now_us)
{
	text_copy(m->now, sizeof(m->now), "12:00:00");
	CHECK_EQ(model_status(m, source, json_read(json, strlen(json)), now_us), ERR_OK);
}

static inline void
tell_list(struct model *m, const char *peer, const char *json)
{
	CHECK_EQ(model_list(m, peer, json_read(json, strlen(json))), ERR_OK);
}

#define SERVE_HEAD                                                     \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"serve\",\"pid\":1,"       \
	"\"name\":\"lab\",\"id\":\"Z2XIMZM-NTS7QQ\",\"since\":999000," \
	"\"listen\":[\"[::]:13240\"],\"rendezvous\":[{\"uri\":"        \
	"\"meet.example.org:13241\",\"registered\":true},{\"uri\":"    \
	"\"other.example.org:13241\",\"registered\":false,\"reason\":" \
	"\"it does not answer\"}],"
#define DISK                                                                        \
	"{\"busid\":\"1-4.2\",\"id\":\"0781:5581\",\"speed\":\"480 Mbit/s\","       \
	"\"class\":\"storage\",\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\"," \
	"\"serial\":\"4C53\",\"shared\":true,\"state\":\"held\","                   \
	"\"driver\":\"usbfs\",\"waiting\":[\"bob\",\"carl\"],"                      \
	"\"holder\":\"anna\",\"since\":999900}"
#define STICK                                                                      \
	"{\"busid\":\"1-10\",\"id\":\"1209:0001\",\"speed\":\"12 Mbit/s\","        \
	"\"class\":\"serial\",\"manufacturer\":\"\",\"product\":\"Zigbee Stick\"," \
	"\"driver\":\"cdc_acm\",\"nodes\":\"/dev/ttyACM0\",\"mode\":\"queued\","   \
	"\"serial\":\"\",\"nick\":\"attic\",\"shared\":true,\"state\":\"free\"}"
#define MOUSE                                                                    \
	"{\"busid\":\"1-2\",\"id\":\"046d:c077\",\"speed\":\"1.5 Mbit/s\","      \
	"\"class\":\"hid\",\"manufacturer\":\"Logitech\",\"product\":\"Mouse\"," \
	"\"driver\":\"usbhid\",\"nodes\":\"/dev/input/event4\","                 \
	"\"serial\":\"\",\"shared\":false,\"state\":\"free\"}"
#define BACKUP                                                                      \
	"{\"busid\":\"1-4.3.1\",\"id\":\"0bc2:2344\",\"speed\":\"5000 Mbit/s\","    \
	"\"class\":\"storage\",\"manufacturer\":\"Seagate\","                       \
	"\"product\":\"Backup Plus\",\"driver\":\"uas\",\"nodes\":\"/dev/sdc\","    \
	"\"mounts\":\"/srv/my backup\",\"serial\":\"\",\"shared\":false,\"state\":" \
	"\"free\"}"
#define GUEST(bytes)                                                            \
	"{\"name\":\"anna\",\"id\":\"ANNAAAA-BBB\",\"since\":999000,\"link\":{" \
	"\"path\":\"host 10.0.0.1:5000 -> host "                                \
	"10.0.0.2:5000\",\"kind\":\"host\",\"carrier\":\"gso\","                \
	"\"cc\":\"bbr\",\"rtt_us\":1234,\"min_rtt_us\":900,"                    \
	"\"packets_out\":100000,\"bytes_in\":0,\"bytes_out\":" bytes ",\"lost\":12}}"
#define ASKS                                                            \
	"\"requests\":[{\"name\":\"dora\",\"id\":\"DORADOR-ADOR\","     \
	"\"from\":\"198.51.100.7:4711\",\"at\":999700,\"times\":3},"    \
	"{\"name\":\"anna\",\"id\":\"ANNAAAA-BBB\",\"busid\":\"1-10\"," \
	"\"from\":\"10.0.0.2:5000\",\"at\":999990,\"times\":1}],"

static inline void
usual_with(struct model *m, const char *asks)
{
	char json[6000];

	snprintf(json, sizeof(json), "%s%s\"devices\":[%s,%s,%s,%s],\"peers\":[%s]}",
		 SERVE_HEAD, asks, DISK, STICK, MOUSE, BACKUP, GUEST("0"));
	tell(m, "S", json, 1000000);
	snprintf(json, sizeof(json), "%s%s\"devices\":[%s,%s,%s,%s],\"peers\":[%s]}",
		 SERVE_HEAD, asks, DISK, STICK, MOUSE, BACKUP, GUEST("2500000"));
	tell(m, "S", json, 2000000);
}

static inline void
usual(struct model *m)
{
	usual_with(m, "");
}

static inline void
asking(struct model *m)
{
	usual_with(m, ASKS);
}

static inline void
none(struct model *m)
{
	tell(m, "S", SERVE_HEAD "\"devices\":[],\"peers\":[]}", 0);
}

#define ATTACH_DEVICES(bytes)                                                         \
	"\"devices\":[{\"busid\":\"1-4\",\"id\":\"0781:5581\",\"class\":\"storage\"," \
	"\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\",\"state\":\"attached\","  \
	"\"port\":8,\"local\":\"3-1\",\"nodes\":\"/dev/sdb\",\"since\":996400,"       \
	"\"driver\":\"usb-storage\",\"mounts\":\"/mnt /home/me/stick\","              \
	"\"urbs\":{\"done\":7,\"failed\":1,\"unlinked\":0,\"inflight\":2,"            \
	"\"bytes_in\":" bytes ",\"bytes_out\":0},"                                    \
	"\"compression\":{\"on\":true,\"messages\":9,\"bytes\":4000000,"              \
	"\"carried\":700000}},"                                                       \
	"{\"busid\":\"1-5\",\"id\":\"1050:0407\",\"class\":\"hid\","                  \
	"\"manufacturer\":\"Yubico\",\"product\":\"Key\",\"state\":\"waiting\","      \
	"\"reason\":\"busy: held by bob\"},"                                          \
	"{\"busid\":\"1-7\",\"id\":\"04b8:0202\",\"class\":\"printer\","              \
	"\"manufacturer\":\"Epson\",\"product\":\"Printer\",\"state\":\"queued\","    \
	"\"position\":2}]}"
#define ATTACH(rtt, held, bytes)                                                        \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"attach\",\"pid\":2,\"peer\":\"office\","   \
	"\"peer_id\":\"OFFICEX-YYY\",\"since\":999000,\"link\":{"                       \
	"\"path\":\"host 10.0.0.1:5001 -> srflx "                                       \
	"192.0.2.7:13240\",\"kind\":\"srflx\",\"carrier\":\"mmsg\","                    \
	"\"cc\":\"bbr\",\"rtt_us\":" rtt ",\"min_rtt_us\":50000,"                       \
	"\"packets_out\":1000,\"lost\":20,\"bytes_in\":" bytes ",\"bytes_out\":0}" held \
	"," ATTACH_DEVICES(bytes)
#define OFFICE_LIST                                                                \
	"{\"schema\":\"usbp2p/1\",\"kind\":\"list\",\"devices\":["                 \
	"{\"busid\":\"1-4\",\"id\":\"0781:5581\",\"class\":\"storage\","           \
	"\"manufacturer\":\"SanDisk\",\"product\":\"Ultra\",\"state\":\"yours\"}," \
	"{\"busid\":\"1-5\",\"id\":\"1050:0407\",\"class\":\"hid\","               \
	"\"manufacturer\":\"Yubico\",\"product\":\"Key\",\"state\":\"taken\","     \
	"\"holder\":\"bob\"},"                                                     \
	"{\"busid\":\"1-6\",\"id\":\"0403:6001\",\"class\":\"serial\","            \
	"\"manufacturer\":\"FTDI\",\"product\":\"UART\",\"state\":\"free\"},"      \
	"{\"busid\":\"1-8\",\"id\":\"0403:6001\",\"class\":\"serial\","            \
	"\"manufacturer\":\"FTDI\",\"product\":\"UART 2\",\"state\":\"taken\","    \
	"\"holder\":\"bob\"}]}"

static inline void
attached(struct model *m)
{
	const char *early = "{\"kind\":\"attach\",\"peer\":\"\",\"devices\":[]}";

	asking(m);
	/* by ticket, before the server has told its name: not shown */
	CHECK_EQ(model_status(m, "A", json_read(early, strlen(early)), 0), ERR_PROTO);
	tell(m, "A", ATTACH("51000", "", "0"), 1000000);
	tell(m, "A", ATTACH("70000", "", "500000"), 2000000);
	tell(m, "A", ATTACH("51000", "", "4500000"), 3000000);
	tell_list(m, "office", OFFICE_LIST);
	model_log(m, true, "office: busy: 1-5 is held by bob");
}

static inline void
cut(struct model *m)
{
	attached(m);
	tell(m, "A", ATTACH("51000", ",\"held_s\":12", "4500000"), 4000000);
}

/* Names that would clear screens, turn the direction of writing, and overflow. */
#define EVIL                                                                            \
	"[{\"busid\":\"2-1\",\"id\":\"dead:beef\",\"speed\":\"?\",\"class\":\"hid\","   \
	"\"manufacturer\":\"\\u001b[2J\\u001b[H\",\"product\":"                         \
	"\"a\\tb\\nc\xe2\x80\xae"                                                       \
	"gnp\",\"serial\":\"\\u0007\",\"shared\":true,\"state\":\"held\","              \
	"\"reason\":\"\\u001b]52;c;AAAA\\u0007\",\"nodes\":\"\\u009b31m\",\"port\":1,"  \
	"\"holder\":\"\xe2\x80\x8b"                                                     \
	"evil\\r\"},"                                                                   \
	"{\"busid\":\"2-2.\\u001b[1m\",\"id\":\"0000:0000\",\"speed\":\"?\",\"class\":" \
	"\"\","                                                                         \
	"\"manufacturer\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\","                    \
	"\"product\":"                                                                  \
	"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"            \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"serial\":\"\",\"shared\":false,"            \
	"\"state\":\"free\"},"                                                          \
	"{\"busid\":\"2-3\",\"id\":\"0000:0001\",\"speed\":\"?\",\"class\":\"\","       \
	"\"manufacturer\":\"\xff\xfe\xc0\x80\",\"product\":\"e\xcc\x81 \xc2\x9b"        \
	"31m\",\"serial\":\"\",\"shared\":false,\"state\":\"free\"}]"
#define EVIL_NAME "\\u001b[2Jev\xe2\x80\xaeil"

static inline void
hostile(struct model *m)
{
	tell(m, "S",
	     SERVE_HEAD "\"devices\":" EVIL ",\"requests\":[{\"name\":\"" EVIL_NAME
			"\",\"id\":\"\\u001b[7m\",\"from\":\"\\u001b[0m\",\"at\":1,"
			"\"times\":1}],\"peers\":[{\"name\":\"" EVIL_NAME
			"\",\"id\":\"\\u001b[7m\",\"link\":{\"path\":\"\\u001b[0m\","
			"\"kind\":\"\\r\"}}]}",
	     0);
	tell(m, "A",
	     "{\"kind\":\"attach\",\"peer\":\"\\u001b[5mof\",\"peer_id\":\"\\n\","
	     "\"link\":{\"path\":\"\\u001b[1;1H\"},\"devices\":" EVIL "}",
	     0);
	tell_list(m, "\x1b[5mof", "{\"devices\":" EVIL "}");
	model_log(m, false, "\x1b[2Ja\tb\nc\xe2\x80\xae");
}

static inline void
put_many(struct text *t, const char *more)
{
	for (unsigned i = 300; i > 0; i--) {
		text_str(t, "{\"busid\":\"3-");
		text_u64(t, i);
		text_str(t, "\",\"id\":\"1d6b:0104\",\"class\":\"storage\",\"product\":"
			    "\"Disk ");
		text_u64(t, i);
		text_str(t, "\",\"manufacturer\":\"\",\"shared\":true,");
		text_str(t, more);
		text_str(t, i > 1 ? "}," : "}");
	}
}

static inline void
many(struct model *m)
{
	char *json = malloc(100000);
	struct text t;

	text_init(&t, json, 100000);
	text_str(&t, SERVE_HEAD "\"devices\":[");
	put_many(&t, "\"state\":\"free\"");
	text_str(&t, "],\"peers\":[]}");
	CHECK(!t.full);
	tell(m, "S", json, 0);
	text_init(&t, json, 100000);
	text_str(&t, "{\"kind\":\"attach\",\"peer\":\"office\",\"peer_id\":\"OFFICEX\","
		     "\"link\":{\"path\":\"192.0.2.7:1\",\"kind\":\"host\",\"rtt_us\":900"
		     "},\"devices\":[");
	put_many(&t, "\"state\":\"attached\",\"port\":1,\"nodes\":\"/dev/sdx\"");
	text_str(&t, "]}");
	CHECK(!t.full);
	tell(m, "A", json, 0);
	text_init(&t, json, 100000);
	text_str(&t, "{\"devices\":[");
	put_many(&t, "\"state\":\"free\"");
	text_str(&t, "]}");
	tell_list(m, "office", json);
	free(json);
	for (unsigned i = 0; i < 600; i++)
		model_news(m, false, "line %u", i);
}

/* --- a browser --- */

static struct model model;
static struct grid grid;

static inline struct ui *
start(void (*fill)(struct model *), unsigned w, unsigned h)
{
	struct ui *u;

	model_free(&model);
	memset(&model, 0, sizeof(model));
	asked_n = quits = 0;
	copied[0] = '\0';
	fill(&model);
	CHECK_EQ(grid_resize(&grid, w, h), ERR_OK);
	u = ui_new(&model, &ops, NULL);
	CHECK(u != NULL);
	ui_draw(u, &grid, NOW);
	return u;
}

static inline void
keys(struct ui *u, const char *s)
{
	for (; *s != '\0'; s++)
		ui_key(u, *s);
	ui_draw(u, &grid, NOW);
}

/* The row on the screen has these words in it. */
static inline bool
row_has(unsigned y, const char *words)
{
	char row[2000];

	grid_row(&grid, y, row, sizeof(row));
	if (strstr(row, words) == NULL)
		printf("# row %u is \"%s\"\n", y, row);
	return strstr(row, words) != NULL;
}

static inline bool
screen_has(const char *words)
{
	char row[2000];

	for (unsigned y = 0; y < grid.h; y++) {
		grid_row(&grid, y, row, sizeof(row));
		if (strstr(row, words) != NULL)
			return true;
	}
	return false;
}

/* A code of 41 cells and its margin, black and white by turns. */
static inline void
give_code(struct ui *u)
{
	unsigned char dark[49 * 49] = {0};

	for (unsigned y = 4; y < 45; y++)
		for (unsigned x = 4; x < 45; x++)
			dark[y * 49 + x] = (x / 3 + y / 2) % 2;
	ui_qr(u, dark, 49);
}

static inline void
end_models(void)
{
	model_free(&model);
	grid_free(&grid);
}

#endif
