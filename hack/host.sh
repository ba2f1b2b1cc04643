#!/bin/sh
# Installs, with apt, what linters and tests take from the machine itself and a fresh one may lack: a C compiler, because the model
# server is compiled with cgo, and Python's venv and pip, which Debian packs apart from Python.
set -eu

missing=""
command -v gcc >/dev/null || missing="gcc libc6-dev"
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
python3 -c 'import pip' 2>/dev/null || missing="$missing python3-pip"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || {
	echo "missing on this machine, by their names in Debian: $missing; install them with the system's package manager" >&2
	exit 1
}
# $missing is a list of words.
# shellcheck disable=SC2086
install() { DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $missing >&2; }
install || {
	apt-get -q update >&2
	install
}
