# Who may include whom (DESIGN.md 2, STYLE.md 3.3). Each file is named by its
# folder; each include is looked up in the row of that folder. main.c counts as
# folder `main`. Exit 1 when an include is not in the table.
BEGIN {
	may["main"] = "cmd"
	may["core"] = "core"
	may["net"] = "core net"
	may["usb"] = "core usb"
	may["vhci"] = "core vhci"
	may["tui"] = "core tui"
	may["cmd"] = "core net usb vhci tui cmd"
	may["test"] = "core net usb vhci tui cmd test"

	bare = "stddef.h stdint.h stdbool.h stdarg.h limits.h"

	# a library's headers, and the files that may see them
	lib["openssl/"] = "net/dtls net/ident net/tls"
	lib["nats/"] = "net/bus"
	lib["nice/"] = "net/ice"
	lib["gio/"] = "net/ice net/gpump"
	lib["glib"] = "net/ice net/gpump"
	lib["libusb"] = "usb/"
	lib["event2/"] = "net/ usb/ vhci/ cmd/"
	lib["ini.h"] = "cmd/conf"
	lib["curses"] = "tui/term"
	lib["qrencode"] = "cmd/qr"
	lib["dbus/"] = "cmd/sleep"
	lib["avahi"] = "net/lan"
	lib["lz4"] = "net/squeeze"
}
function has(row, word,   n, w, i) {
	n = split(row, w, " ")
	for (i = 1; i <= n; i++)
		if (w[i] == word)
			return 1
	return 0
}
function reaches(row, file,   n, w, i) {
	n = split(row, w, " ")
	for (i = 1; i <= n; i++)
		if (index(file, w[i]) == 1)
			return 1
	return 0
}
function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}
FNR == 1 {
	folder = FILENAME ~ /\// ? substr(FILENAME, 1, index(FILENAME, "/") - 1) : "main"
}
/^#[ \t]*include[ \t]+"/ {
	split($0, q, "\"")
	to = q[2] ~ /\// ? substr(q[2], 1, index(q[2], "/") - 1) : "(no folder)"
	if (!has(may[folder], to))
		complain(folder "/ may not include " q[2])
}
/^#[ \t]*include[ \t]+</ {
	split($0, q, /[<>]/)
	if (folder == "core" && !has(bare, q[2]))
		complain("core/ is freestanding: <" q[2] ">")
	for (l in lib)
		if (folder != "test" && index(q[2], l) == 1) {
			if (!reaches(lib[l], FILENAME))
				complain("this file may not use <" q[2] ">")
			if (FILENAME ~ /\.h$/)
				complain("no header of ours includes a library: <" q[2] ">")
		}
}
END { exit bad }
