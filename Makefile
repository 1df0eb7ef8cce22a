# usbp2p: GNU make, no configure. `make demo` shows it, `make check` tests it.
#   V=1 shows commands; O=DIR builds elsewhere; CC=clang; SAN=address,undefined
PREFIX ?= /usr/local
DESTDIR ?=
O ?= build
CFLAGS ?= -O2 -g
SAN ?=
VERSION := 0.1.0

CORE := $(wildcard core/*.c)
SRC := main.c $(CORE) $(wildcard cmd/*.c net/*.c tui/*.c usb/*.c vhci/*.c)
OBJ := $(SRC:%.c=$(O)/%.o)
BIN := $(O)/usbp2p
MAN := $(wildcard man/*.[157])
TESTS := $(wildcard test/core/*_test.c test/net/*_test.c test/usb/*_test.c \
	test/vhci/*_test.c test/tui/*_test.c test/cmd/*_test.c test/sim/*_test.c test/fuzz/*_test.c \
	test/regress/*_test.c)
TESTBIN := $(TESTS:%.c=$(O)/%)
BENCHES := $(patsubst %.c,$(O)/%,$(wildcard test/bench/*.c))
STRANGER := $(O)/test/regress/stranger $(O)/test/regress/liar

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Werror
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -MMD -MP -fstack-protector-strong \
	-DUSBP2P_VERSION='"$(VERSION)"' $(WARN) $(if $(SAN),-fsanitize=$(SAN) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer) $(CFLAGS) $(PKG_CFLAGS)
PKGS := libevent libnats libusb-1.0 nice gio-2.0 glib-2.0 openssl ncursesw libqrencode \
	inih dbus-1 liblz4
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -pthread

# A library's headers are in reach of the files that may use it, and of no other.
pkg = $(eval $(1): PKG_CFLAGS += $$(shell pkg-config --cflags $(2)))
$(call pkg,$(O)/net/ice.o $(O)/net/ice_gather.o $(O)/net/ice_path.o,nice gio-2.0)
$(call pkg,$(O)/net/gpump.o $(O)/test/net/gpump_test.o,nice gio-2.0)
$(call pkg,$(O)/cmd/qr.o,libqrencode)
$(call pkg,$(O)/net/squeeze.o,liblz4)
$(call pkg,$(O)/net/lan.o $(O)/net/lan_poll.o,avahi-client)
$(call pkg,$(O)/cmd/sleep.o $(O)/test/vm/logind.o $(O)/test/cmd/sleep_test.o,dbus-1)
$(call pkg,$(O)/usb/%.o $(O)/test/usb/libusb_test.o $(O)/test/vm/isoread.o,libusb-1.0)

VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --child-silent-after-fork=yes \
	--errors-for-leak-kinds=definite --suppressions=test/valgrind.supp

Q := $(if $(V),,@)
.PHONY: all tests check check-fast check-asan check-valgrind check-static check-clang \
	check-long check-regress check-vm check-e2e check-nat demo fuzz bench install deb format clean deps test-deps

all: $(BIN)

$(BIN): $(OBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(OBJ) $(LIBS)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# A folder's objects, for tests.
PARTS := core net usb vhci tui cmd
$(PARTS:%=$(O)/%.a): $(O)/%.a:
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(foreach p,$(PARTS),$(eval $(O)/$(p).a: $(filter $(O)/$(p)/%,$(OBJ))))

# Each test names what it is linked with: `link: test/sim/net core` in its head.
$(O)/tests.mk: $(TESTS) test/check/links.awk
	@mkdir -p $(@D)
	$(Q)awk -v O=$(O) -f test/check/links.awk $(TESTS) >$@
$(TESTBIN):
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(if $(filter test/core/% test/sim/% test/fuzz/% test/regress/%,$(@:$(O)/%=%)),,$(LIBS))
$(STRANGER): %: %.o $(filter-out $(O)/main.o,$(OBJ))
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
ifeq ($(filter clean deps test-deps format,$(MAKECMDGOALS)),)
-include $(O)/tests.mk
endif
-include $(OBJ:.o=.d) $(wildcard $(O)/test/*/*.d)

deps:
	$(Q)test/deps.sh build
test-deps:
	$(Q)test/deps.sh build test

check: test-deps
	$(Q)MAKE="$(MAKE)" O="$(O)" CC="$(CC)" test/check.sh
tests: $(TESTBIN) $(STRANGER)

check-fast: $(BIN) $(TESTBIN) check-static
	$(Q)LC_ALL=C TZ=UTC prove -j2 -Q $(TESTBIN)

check-static: $(BIN)
	$(Q)awk -f test/check/layers.awk $(wildcard */*.[ch] test/*/*.[ch] main.c)
	$(Q)test/check/headers.sh $(wildcard core/*.h net/*.h usb/*.h vhci/*.h tui/*.h cmd/*.h)
	$(Q)test/check/bare.sh $(CORE)
	$(Q)test/check/man.sh $(BIN) $(MAN)
	$(Q)test/check/json.sh man/usbp2p-json.7 test/e2e/golden/json.txt
	$(Q)$(BIN) config --example | diff dist/usbp2p.conf -
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	$(Q)test/check/sizes.sh
	$(Q)test/check/regress.sh test/regress/LIST

check-asan:
	$(Q)$(MAKE) O=$(O)/asan SAN=address,undefined CFLAGS="-O1 -g" asan-run
asan-run: $(TESTBIN)
	$(Q)SIM_SEEDS=200 LC_ALL=C TZ=UTC prove -j2 -Q $(TESTBIN)
check-valgrind: $(TESTBIN)
	$(Q)SIM_SEEDS=10 LC_ALL=C TZ=UTC prove -j2 -Q --exec '$(VALGRIND)' $(TESTBIN)
check-clang:
	$(Q)$(MAKE) O=$(O)/clang CC=clang all

check-vm: $(BIN) $(O)/test/vm/isoread $(O)/test/vm/logind
	$(Q)O=$(O) BIN=$(BIN) prove test/vm/*_test.sh
check-e2e: $(BIN) $(STRANGER)
	$(Q)USBP2P=$(BIN) prove test/e2e/*_test.sh
# All pairs of NATs; what is direct connects within a second.
check-nat: $(BIN)
	$(Q)NAT=all NAT_MS=$(or $(NAT_MS),1000) USBP2P=$(BIN) prove -v test/e2e/nat/*_test.sh
check-long:
	$(Q)SIM_SEEDS=1000 SIM_DAYS=10 $(MAKE) check-fast
	$(Q)SIM_SEEDS=100000 $(O)/test/sim/scsi_test
	$(Q)SIM_HOURS=10 $(MAKE) check-asan
	$(Q)$(MAKE) check-valgrind check-clang
	$(Q)$(MAKE) check-regress VM=1
	$(Q)$(MAKE) check-nat NAT_MS=1000
	$(Q)ROUNDS=200 O=$(O) BIN=$(BIN) USBP2P=$(BIN) prove test/e2e/leak_test.sh test/vm/leak_test.sh
	$(Q)ROUNDS=20 O=$(O) BIN=$(BIN) prove test/vm/hotplug_test.sh
	$(Q)ROUNDS=10 O=$(O) BIN=$(BIN) prove test/vm/usbtest_test.sh
	$(Q)ISO_SECONDS=60 O=$(O) BIN=$(BIN) prove test/vm/iso_test.sh
	$(Q)TEST_FIGURES=1 ISO_SECONDS=60 O=$(O) BIN=$(BIN) prove test/vm/stream_test.sh
	$(Q)FIO_SECONDS=600 WRITE_CACHE=both O=$(O) BIN=$(BIN) prove test/vm/fio_test.sh
	$(Q)ROUNDS=100 O=$(O) BIN=$(BIN) prove test/vm/journal_test.sh
	$(Q)$(MAKE) fuzz FUZZ_SECONDS=600
# Each test of test/regress/LIST sees its bug; VM=1 does those of the guest, too.
check-regress:
	$(Q)MAKE="$(MAKE)" VM="$(VM)" test/regress/bugs.sh $(ITEMS)
demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)test/e2e/demo.sh $(BIN)
fuzz:
	$(Q)MAKE="$(MAKE)" O="$(O)" test/fuzz/run.sh $(FUZZ_SECONDS)
bench: test-deps $(BIN) $(BENCHES)
	$(Q)O=$(O) test/bench/run.sh $(BIN) $(O)/test/bench/raw $(O)/test/bench/path
$(filter-out %/rdvload,$(BENCHES)) $(O)/test/vm/usbtest $(O)/test/vm/bulk \
	$(O)/test/tui/typist: %: %.o
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<
$(O)/test/bench/rdvload: $(O)/test/bench/rdvload.o $(filter $(O)/core/% $(O)/net/%,$(OBJ))
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/test/vm/logind: $(O)/test/vm/logind.o
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS)
$(O)/test/vm/isoread: $(O)/test/vm/isoread.o
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS)

install: $(BIN)
	$(Q)dist/install.sh $(BIN) "$(DESTDIR)" "$(PREFIX)"
deb:
	$(Q)dist/deb.sh $(O) $(VERSION)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf $(O)
