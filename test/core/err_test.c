/* SPDX-License-Identifier: ISC */
/* link: core */
#include "core/err.h"
#include "test/test.h"

static const struct {
	int err;
	const char *name, *text;
	int code;
} all[] = {
#define ROW(name, text, code) {ERR_##name, #name, text, code},
    ERR_LIST(ROW)
#undef ROW
};

static void
each_has_its_row(void)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		CHECK(all[i].err < 0);
		CHECK(strcmp(err_name(all[i].err), all[i].name) == 0);
		CHECK(strcmp(err_text(all[i].err), all[i].text) == 0);
		CHECK_EQ(err_exit(all[i].err), all[i].code);
		CHECK(all[i].code >= 1 && all[i].code <= 7); /* DESIGN.md 5 */
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(all[i].text, all[k].text) != 0);
	}
}

/* What scripts rely on (DESIGN.md 5). */
static void
exit_codes(void)
{
	CHECK_EQ(err_exit(ERR_OK), 0);
	CHECK_EQ(err_exit(ERR_FAIL), 1);
	CHECK_EQ(err_exit(ERR_USAGE), 2);
	CHECK_EQ(err_exit(ERR_BADTICKET), 2);
	CHECK_EQ(err_exit(ERR_REFUSED), 3);
	CHECK_EQ(err_exit(ERR_NODEV), 4);
	CHECK_EQ(err_exit(ERR_BUSY), 5);
	CHECK_EQ(err_exit(ERR_UNREACHABLE), 6);
	CHECK_EQ(err_exit(ERR_LACKING), 7);
}

static void
what_is_not_in_the_list(void)
{
	static const int odd[] = {1, 64, ERR_FIRST, ERR_FIRST - 1, -1, -1000, 1000};

	CHECK(strcmp(err_name(ERR_OK), "OK") == 0);
	CHECK(err_text(ERR_OK) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		CHECK(strcmp(err_name(odd[i]), "UNKNOWN") == 0);
		CHECK(err_text(odd[i]) != NULL);
		CHECK_EQ(err_exit(odd[i]), 1);
	}
}

TEST_MAIN(TEST(each_has_its_row), TEST(exit_codes), TEST(what_is_not_in_the_list))
