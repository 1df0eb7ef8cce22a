#!/bin/sh
# `make demo` where there is a vhci_hcd: with the real attach at its end.
[ -n "$VM_GUEST" ] || exec "${0%/*}/run.sh" -t 600 "$0"
. test/vm/lib.sh

must "modules" usb_start 1
test/e2e/demo.sh "$BIN" >/tmp/demo.out 2>&1
ok "the demo"
note </tmp/demo.out
grep -q "cmp" /tmp/demo.out
ok "it compared the attached disk with the file"
finish
