/* SPDX-License-Identifier: ISC */
/*
 * Who this machine is: its key and its certificate. Files are made under a temporary name
 * and linked into place, so that of two processes that begin at once one wins and both
 * use its key.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "core/mem.h"
#include "net/ident.h"

#define IDENT_SPKI  91 /* DER of a P-256 public key, point not compressed */
#define IDENT_FIRST "19700101000000Z"
#define IDENT_LAST  "99991231235959Z" /* RFC 5280 4.1.2.5: no end */

struct ident {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t id[IDENT_ID];
};

/* One file of the state directory, and where to say what is wrong with it. */
struct ident_file {
	const char *dir;
	char path[PATH_MAX];
	char *why;
	size_t cap;
};

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING { 04 ... (RFC 5480) */
static const uint8_t ident_spki_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

__attribute__((format(printf, 2, 3))) static int
complain(const struct ident_file *f, const char *fmt, ...)
{
	va_list ap;

	ERR_clear_error();
	va_start(ap, fmt);
	vsnprintf(f->why, f->cap, fmt, ap);
	va_end(ap);
	return ERR_IO;
}

static int
file_name(struct ident_file *f, const char *name)
{
	int n = snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);

	if (n < 0 || (size_t)n >= sizeof(f->path))
		return complain(f, "the state directory's name is too long");
	return ERR_OK;
}

/* Names live in the directory: without this a new one may not survive a crash. */
static void
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* What root makes is the directory's owner's: a service may have a user of its own. */
static void
hand_over(int fd, const char *dir)
{
	struct stat st;

	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

/* mkostemp's O_EXCL and 0600 hold whatever the umask; fchmod undoes a stricter one. */
static int
write_temp(const struct ident_file *f, const char *temp, int fd, BIO *text)
{
	char *p;
	long n = BIO_get_mem_data(text, &p);

	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || write(fd, p, (size_t)n) != n ||
	    fsync(fd) != 0)
		return complain(f, "cannot write %s: %s", temp, strerror(errno));
	return ERR_OK;
}

/*
 * Puts the text at f->path. Unless `over`, a file that is there already stays:
 * someone else was faster, and theirs counts.
 */
static int
file_make(const struct ident_file *f, BIO *text, bool over)
{
	char temp[PATH_MAX + 8];
	int fd, r;

	snprintf(temp, sizeof(temp), "%s.XXXXXX", f->path);
	if ((fd = mkostemp(temp, O_CLOEXEC)) < 0)
		return complain(f, "cannot make %s: %s", f->path, strerror(errno));
	hand_over(fd, f->dir);
	r = write_temp(f, temp, fd, text);
	if (close(fd) != 0 && r == ERR_OK)
		r = complain(f, "cannot write %s: %s", temp, strerror(errno));
	if (r == ERR_OK && (over ? rename(temp, f->path) : link(temp, f->path)) != 0 &&
	    (over || errno != EEXIST))
		r = complain(f, "cannot make %s: %s", f->path, strerror(errno));
	(void)unlink(temp); /* gone already after rename */
	if (r == ERR_OK)
		sync_dir(f->dir);
	return r;
}

/* PEM_read would ask on the terminal. */
static int
no_password(char *buf, int n, int writing, void *arg)
{
	(void)buf, (void)n, (void)writing, (void)arg;
	return -1;
}

static bool
key_id(EVP_PKEY *key, uint8_t id[IDENT_ID])
{
	uint8_t der[IDENT_SPKI], *p = der;

	if (i2d_PUBKEY(key, NULL) != IDENT_SPKI || i2d_PUBKEY(key, &p) != IDENT_SPKI ||
	    memcmp(der, ident_spki_head, sizeof(ident_spki_head)) != 0)
		return false;
	return EVP_Digest(der, sizeof(der), id, NULL, EVP_sha256(), NULL) == 1;
}

static int
key_check(const struct ident_file *f, FILE *in)
{
	struct stat st;

	if (fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode))
		return complain(f, "%s is no file", f->path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return complain(f, "others may use the key: chmod 600 %s", f->path);
	return ERR_OK;
}

/* ERR_OK with id->key == NULL: there is no file. */
static int
key_read(struct ident *id, const struct ident_file *f)
{
	int r, fd = open(f->path, O_RDONLY | O_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

	if (in == NULL) {
		if (fd < 0 && errno == ENOENT)
			return ERR_OK;
		r = complain(f, "cannot read %s: %s", f->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	if ((r = key_check(f, in)) == ERR_OK) {
		id->key = PEM_read_PrivateKey(in, NULL, no_password, NULL);
		if (id->key == NULL || !key_id(id->key, id->id))
			r = complain(f, "%s holds no P-256 key: remove it to be new",
				     f->path);
	}
	fclose(in);
	return r;
}

static int
key_make(const struct ident_file *f)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *text = BIO_new(BIO_s_secmem());
	int r;

	if (key == NULL || text == NULL ||
	    PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) != 1)
		r = complain(f, "cannot make a key");
	else
		r = file_make(f, text, false);
	BIO_free(text);
	EVP_PKEY_free(key);
	return r;
}

static int
key_load(struct ident *id, struct ident_file *f)
{
	int r;

	if ((r = file_name(f, "key.pem")) != ERR_OK || (r = key_read(id, f)) != ERR_OK ||
	    id->key != NULL)
		return r;
	if ((r = key_make(f)) != ERR_OK || (r = key_read(id, f)) != ERR_OK)
		return r;
	return id->key != NULL ? ERR_OK : complain(f, "%s is gone again", f->path);
}

static bool
cert_fill(X509 *c, EVP_PKEY *key)
{
	static const unsigned char name[] = "usbp2p";
	X509_NAME *who = X509_NAME_new();
	bool ok = who != NULL &&
		  X509_NAME_add_entry_by_NID(who, NID_commonName, MBSTRING_ASC, name, -1,
					     -1, 0) == 1 &&
		  X509_set_version(c, X509_VERSION_3) == 1 &&
		  ASN1_INTEGER_set(X509_get_serialNumber(c), 1) == 1 &&
		  X509_set_subject_name(c, who) == 1 &&
		  X509_set_issuer_name(c, who) == 1 &&
		  ASN1_TIME_set_string(X509_getm_notBefore(c), IDENT_FIRST) == 1 &&
		  ASN1_TIME_set_string(X509_getm_notAfter(c), IDENT_LAST) == 1 &&
		  X509_set_pubkey(c, key) == 1 && X509_sign(c, key, EVP_sha256()) > 0;

	X509_NAME_free(who);
	return ok;
}

static int
cert_make(struct ident *id, const struct ident_file *f)
{
	BIO *text = BIO_new(BIO_s_mem());
	int r;

	if (text == NULL || (id->cert = X509_new()) == NULL ||
	    !cert_fill(id->cert, id->key) || PEM_write_bio_X509(text, id->cert) != 1)
		r = complain(f, "cannot make a certificate");
	else
		r = file_make(f, text, true);
	BIO_free(text);
	return r;
}

/* One that is missing, broken or of another key is made anew: the id is the key's. */
static int
cert_load(struct ident *id, struct ident_file *f)
{
	FILE *in;
	int r;

	if ((r = file_name(f, "cert.pem")) != ERR_OK)
		return r;
	if ((in = fopen(f->path, "re")) != NULL) {
		id->cert = PEM_read_X509(in, NULL, no_password, NULL);
		fclose(in);
	}
	if (id->cert != NULL && X509_check_private_key(id->cert, id->key) == 1)
		return ERR_OK;
	X509_free(id->cert);
	id->cert = NULL;
	return cert_make(id, f);
}

int
ident_load(struct ident **out, const char *dir, char *why, size_t cap)
{
	struct ident_file f = {.dir = dir, .why = why, .cap = cap};
	struct ident *id = calloc(1, sizeof(*id));
	int r;

	*out = NULL;
	if (id == NULL)
		return ERR_NOMEM;
	if ((r = key_load(id, &f)) != ERR_OK || (r = cert_load(id, &f)) != ERR_OK)
		ident_free(id);
	else
		*out = id;
	ERR_clear_error();
	return r;
}

void
ident_free(struct ident *id)
{
	if (id == NULL)
		return;
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	free(id);
}

const uint8_t *
ident_id(const struct ident *id)
{
	return id->id;
}

struct evp_pkey_st *
ident_key(const struct ident *id)
{
	return id->key;
}

struct x509_st *
ident_cert(const struct ident *id)
{
	return id->cert;
}

bool
ident_of_cert(struct x509_st *cert, uint8_t id[IDENT_ID])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	bool ok = key != NULL && key_id(key, id);

	ERR_clear_error();
	return ok;
}
