#!/bin/sh
# fetch.sh DIR: download the documentation packages of packages.txt (Debian 12) and unpack
# each into a folder of its own below DIR. Needs apt-get and dpkg-deb; what is there
# already is not fetched again. A package whose version has gone is named, and the newest
# one is taken: the table comes out a little different then.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
while IFS== read -r name version; do
	[ -d "$name" ] && continue
	rm -f "$name"_*.deb
	apt-get download -q "$name=$version" || {
		echo "fetch.sh: $name $version is gone; taking the newest" >&2
		apt-get download -q "$name"
	}
	dpkg-deb -x "$name"_*.deb "$name.part"
	mv "$name.part" "$name"
	rm -f "$name"_*.deb
done <"$here/packages.txt"
