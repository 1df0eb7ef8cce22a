/* SPDX-License-Identifier: ISC */
/* link: net core */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "net/ident.h"
#include "test/test.h"

#define RACERS 8

static char dir[64], path[96], why[256];

static void
dir_make(void)
{
	strcpy(dir, "/tmp/usbp2p-ident-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static const char *
in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
dir_remove(void)
{
	(void)unlink(in_dir("key.pem"));
	(void)unlink(in_dir("cert.pem"));
	CHECK(rmdir(dir) == 0); /* nothing else is left behind */
}

static unsigned
mode_of(const char *name)
{
	struct stat st;

	return stat(in_dir(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static struct ident *
load(void)
{
	struct ident *id;

	strcpy(why, "");
	CHECK_EQ(ident_load(&id, dir, why, sizeof(why)), ERR_OK);
	CHECK(id != NULL);
	if (id == NULL) {
		printf("# %s\n", why);
		exit(1);
	}
	return id;
}

static void
check_refused(const char *reason)
{
	struct ident *id;

	strcpy(why, "");
	CHECK_EQ(ident_load(&id, dir, why, sizeof(why)), ERR_IO);
	CHECK(id == NULL);
	CHECK(strstr(why, reason) != NULL);
	CHECK(ERR_peek_error() == 0);
}

static void
write_key(EVP_PKEY *key, const EVP_CIPHER *with)
{
	char pass[] = "secret";
	int fd = open(in_dir("key.pem"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
	FILE *f = fdopen(fd, "w");

	CHECK(PEM_write_PrivateKey(f, key, with, with ? (unsigned char *)pass : NULL,
				   with ? 6 : 0, NULL, NULL) == 1);
	fclose(f);
	EVP_PKEY_free(key);
}

static void
makes_itself_once(void)
{
	static const mode_t masks[] = {0, 022, 0777};
	struct ident *a, *b;

	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		mode_t old = umask(masks[i]);
		uint8_t of_cert[IDENT_ID];

		dir_make();
		a = load();
		b = load();
		umask(old);
		CHECK_EQ(mode_of("key.pem"), 0600);
		CHECK_EQ(mode_of("cert.pem"), 0600);
		CHECK(memcmp(ident_id(a), ident_id(b), IDENT_ID) == 0);
		CHECK(X509_cmp(ident_cert(a), ident_cert(b)) == 0);
		CHECK(ident_of_cert(ident_cert(a), of_cert));
		CHECK(memcmp(ident_id(a), of_cert, IDENT_ID) == 0);
		CHECK(EVP_PKEY_eq(ident_key(a), ident_key(b)) == 1);
		ident_free(a);
		ident_free(b);
		dir_remove();
	}
	ident_free(NULL);
}

/* The id is what DESIGN.md 4 says, by another way. */
static void
id_is_hash_of_public_key(void)
{
	struct ident *id;
	uint8_t *der = NULL, hash[IDENT_ID];
	int n;

	dir_make();
	id = load();
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ident_cert(id)), &der);
	CHECK_EQ(n, 91);
	CHECK(EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1);
	CHECK(memcmp(hash, ident_id(id), IDENT_ID) == 0);
	OPENSSL_free(der);
	ident_free(id);
	dir_remove();
}

static void
certificate_tells_nothing(void)
{
	struct ident *id;
	char subject[64], issuer[64];
	X509 *c;

	dir_make();
	id = load();
	c = ident_cert(id);
	X509_NAME_oneline(X509_get_subject_name(c), subject, sizeof(subject));
	X509_NAME_oneline(X509_get_issuer_name(c), issuer, sizeof(issuer));
	CHECK(strcmp(subject, "/CN=usbp2p") == 0);
	CHECK(strcmp(issuer, "/CN=usbp2p") == 0);
	CHECK_EQ(X509_cmp_time(X509_get0_notBefore(c), &(time_t){86400}), -1);
	CHECK(ASN1_TIME_compare(X509_get0_notAfter(c), X509_get0_notBefore(c)) > 0);
	CHECK(memcmp(X509_get0_notAfter(c)->data, "99991231235959Z", 15) == 0);
	CHECK_EQ(X509_verify(c, ident_key(id)), 1);
	ident_free(id);
	dir_remove();
}

static void
racer(int go, int out)
{
	struct ident *id;
	char c;

	if (read(go, &c, 1) == 0 && ident_load(&id, dir, why, sizeof(why)) == ERR_OK)
		_exit(write(out, ident_id(id), IDENT_ID) == IDENT_ID ? 0 : 1);
	printf("# %s\n", why);
	_exit(1);
}

/* All begin when the parent closes the pipe. */
static void
race_has_one_winner(void)
{
	uint8_t id[RACERS][IDENT_ID];
	pid_t pid[RACERS];
	int go[2], out[2], status;

	dir_make();
	CHECK(pipe(go) == 0 && pipe(out) == 0);
	for (int i = 0; i < RACERS; i++)
		if ((pid[i] = fork()) == 0) {
			close(go[1]);
			racer(go[0], out[1]);
		}
	close(go[0]);
	close(go[1]);
	close(out[1]);
	for (int i = 0; i < RACERS; i++) {
		CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
		CHECK(read(out[0], id[i], IDENT_ID) == IDENT_ID);
		CHECK(memcmp(id[0], id[i], IDENT_ID) == 0);
	}
	close(out[0]);
	dir_remove();
}

static void
refuses_key_others_may_use(void)
{
	static const mode_t modes[] = {0640, 0620, 0604, 0602, 0777, 0660};

	dir_make();
	ident_free(load());
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		CHECK(chmod(in_dir("key.pem"), modes[i]) == 0);
		check_refused("chmod 600 /tmp/usbp2p-ident-");
	}
	CHECK(chmod(in_dir("key.pem"), 0400) == 0);
	ident_free(load());
	dir_remove();
}

static void
refuses_other_keys(void)
{
	FILE *f;

	dir_make();
	write_key(EVP_EC_gen("P-384"), NULL);
	check_refused("no P-256 key");
	write_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	check_refused("no P-256 key");
	write_key(EVP_RSA_gen(2048), NULL);
	check_refused("no P-256 key");
	write_key(EVP_EC_gen("P-256"), EVP_aes_128_cbc()); /* must not ask for it */
	check_refused("no P-256 key");
	f = fopen(in_dir("key.pem"), "w");
	fputs("-----BEGIN PRIVATE KEY-----\nrubbish\n", f);
	fclose(f);
	check_refused("no P-256 key");
	f = fopen(in_dir("key.pem"), "w");
	fclose(f);
	check_refused("no P-256 key");
	CHECK(access(in_dir("cert.pem"), F_OK) != 0);
	dir_remove();
}

static void
says_what_it_cannot_do(void)
{
	struct ident *id;
	char longest[5000], small[8];

	strcpy(dir, "/tmp/usbp2p-ident-is-not-here");
	check_refused("cannot make /tmp/usbp2p-ident-is-not-here/key.pem: No such");
	CHECK_EQ(ident_load(&id, dir, small, sizeof(small)), ERR_IO);
	CHECK(strcmp(small, "cannot ") == 0);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	CHECK_EQ(ident_load(&id, longest, why, sizeof(why)), ERR_IO);
	dir_make();
	CHECK(mkdir(in_dir("key.pem"), 0700) == 0);
	check_refused("is no file");
	CHECK(rmdir(in_dir("key.pem")) == 0);
	dir_remove();
}

/* Missing, broken, another's: the id stays, the file is good afterwards. */
static void
certificate_is_made_again(void)
{
	struct ident *a, *b, *c, *other;
	char mine[64];
	FILE *f;

	dir_make();
	a = load();
	CHECK(unlink(in_dir("cert.pem")) == 0);
	b = load();
	CHECK(memcmp(ident_id(a), ident_id(b), IDENT_ID) == 0);
	CHECK_EQ(mode_of("cert.pem"), 0600);
	ident_free(b);

	f = fopen(in_dir("cert.pem"), "w");
	fputs("rubbish", f);
	fclose(f);
	b = load();
	CHECK(memcmp(ident_id(a), ident_id(b), IDENT_ID) == 0);
	ident_free(b);

	strcpy(mine, dir);
	dir_make();
	other = load();
	CHECK(memcmp(ident_id(a), ident_id(other), IDENT_ID) != 0);
	dir_remove();
	strcpy(dir, mine);
	f = fopen(in_dir("cert.pem"), "w");
	CHECK(PEM_write_X509(f, ident_cert(other)) == 1);
	fclose(f);
	b = load();
	CHECK_EQ(X509_check_private_key(ident_cert(b), ident_key(a)), 1);
	c = load();
	CHECK(X509_cmp(ident_cert(b), ident_cert(c)) == 0); /* the file is good again */
	ident_free(a);
	ident_free(b);
	ident_free(c);
	ident_free(other);
	dir_remove();
}

static void
knows_only_p256_certificates(void)
{
	EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_EC_gen("SM2"), /* as long as ours */
			    EVP_RSA_gen(2048), EVP_EC_gen("P-256")};
	uint8_t id[IDENT_ID];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		X509 *c = X509_new();

		CHECK(X509_set_pubkey(c, keys[i]) == 1);
		CHECK_EQ(ident_of_cert(c, id), i == ARRAY_LEN(keys) - 1);
		CHECK(ERR_peek_error() == 0);
		X509_free(c);
		EVP_PKEY_free(keys[i]);
	}
}

/* RFC 5869 A.3: no salt, no info; the first block. */
static void
derives_as_the_rfc(void)
{
	static const uint8_t okm[IDENT_MAC] = {
	    0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80,
	    0x2a, 0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1,
	    0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d};
	uint8_t ikm[22], a[IDENT_MAC], b[IDENT_MAC];

	memset(ikm, 0x0b, sizeof(ikm));
	ident_derive(ikm, sizeof(ikm), "", a);
	CHECK(memcmp(a, okm, sizeof(a)) == 0);
	ident_derive(ikm, sizeof(ikm), "one", a);
	ident_derive(ikm, sizeof(ikm), "two", b);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
}

/* RFC 4231 4.3; HMAC pads keys with zeros, so the short key is ours with zeros. */
static void
macs_as_the_rfc(void)
{
	static const uint8_t mac[IDENT_MAC] = {
	    0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
	    0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
	    0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
	static const uint8_t key[IDENT_MAC] = "Jefe";
	const struct ident_part one = {"what do ya want for nothing?", 28};
	const struct ident_part many[] = {
	    {"what do ya", 10}, {NULL, 0}, {" want for nothing", 17}, {"?", 1}};
	uint8_t out[IDENT_MAC];

	ident_mac(key, &one, 1, out);
	CHECK(memcmp(out, mac, sizeof(out)) == 0);
	ident_mac(key, many, ARRAY_LEN(many), out);
	CHECK(memcmp(out, mac, sizeof(out)) == 0);
}

static void
compares_and_guesses(void)
{
	uint8_t a[64] = {0}, b[64] = {0};

	CHECK(ident_equal(a, b, sizeof(a)));
	b[63] = 1;
	CHECK(!ident_equal(a, b, sizeof(a)));
	CHECK(ident_equal(a, b, 63));
	ident_random(a, sizeof(a));
	ident_random(b, sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
}

/* RFC 2202, case 2, in base64 */
static void
turn_passwords_are_coturns(void)
{
	char out[IDENT_TURN];

	ident_turn_password("Jefe", 4, "what do ya want for nothing?", out);
	CHECK(strcmp(out, "7/zfauXrL6LSdBbV8YTfnCWafHk=") == 0);
}

TEST_MAIN(TEST(makes_itself_once), TEST(id_is_hash_of_public_key),
	  TEST(certificate_tells_nothing), TEST(race_has_one_winner),
	  TEST(refuses_key_others_may_use), TEST(refuses_other_keys),
	  TEST(says_what_it_cannot_do), TEST(certificate_is_made_again),
	  TEST(knows_only_p256_certificates), TEST(derives_as_the_rfc),
	  TEST(macs_as_the_rfc), TEST(turn_passwords_are_coturns),
	  TEST(compares_and_guesses))
