# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the scripts beside it: the cache folder, and Debian packages fetched
# through a private apt state, so that the machine's own lists, locks and package
# database are never touched and other suites and architectures can be read.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/connlife

fail() {
	echo "${0##*/}: $*" >&2
	exit 125
}

# The usage text of a script is its opening comment, after the licence line.
usage() {
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
}

# apt_setup SUITE ARCH: defines the APT options and refreshes old package lists.
# The archive is $DEBIAN_MIRROR, or else the one in the machine's apt sources; exits
# with 77 (as tests say "skipped") when there is neither.
apt_setup() {
	local suite=$1 arch=$2 state=$CACHE/apt/$1-$2 mirror=${DEBIAN_MIRROR:-} sources key
	sources=(/etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources})
	[ -n "$mirror" ] || mirror=$(cat "${sources[@]}" 2>/dev/null |
		sed -nE 's#^(URIs:|deb)[[:space:]]+(\[[^]]*\] )?(https?://[^ ]+/debian)/?( .*)?$#\3#p' |
		head -n 1)
	if [ -z "$mirror" ]; then
		echo "${0##*/}: no Debian archive in the apt sources (Ubuntu?): set DEBIAN_MIRROR to its address" >&2
		exit 77
	fi
	key="arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"

	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	exec 9> "$state/lock"
	flock 9
	{
		echo "deb [$key] $mirror $suite main"
		# bullseye's security archive lacks the arm64 kernels its index names.
		case $suite-$arch in
		sid-* | bullseye-arm64) ;;
		*) echo "deb [$key] $mirror-security $suite-security main" ;;
		esac
	} > "$state/sources.list"

	APT=(-qq -o "APT::Architecture=$arch" -o "APT::Architectures=$arch"
		-o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache"
		-o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)"
		-o Acquire::Languages=none -o Acquire::Retries=3)
	if [ -z "$(find "$state" -maxdepth 1 -name updated -mmin -720)" ]; then
		if apt-get "${APT[@]}" -o APT::Update::Error-Mode=any update >&2; then
			touch "$state/updated"
		else
			[ -e "$state/updated" ] || fail "cannot read the package lists of $suite"
			echo "${0##*/}: the package lists of $suite are old" >&2
		fi
	fi
}

# apt_unpack FOLDER PACKAGE...: all or nothing; needs apt_setup before it.
apt_unpack() {
	local folder=$1 work deb
	shift
	work=$(mktemp -d "$CACHE/unpack.XXXXXX")
	if (cd "$work" && apt-get "${APT[@]}" download "$@" >&2); then
		for deb in "$work"/*.deb; do
			dpkg-deb -x "$deb" "$work/tree" || { rm -rf "$work"; return 1; }
		done
		rm -rf "$folder"
		mkdir -p "${folder%/*}"
		mv "$work/tree" "$folder"
		rm -rf "$work"
	else
		rm -rf "$work"
		return 1
	fi
}

# add_libraries TREE PATH...: copies the shared libraries of the programs and
# libraries found below each PATH to the same place in TREE.
add_libraries() {
	local tree=$1 library
	shift
	find "$@" -type f \( -perm /111 -o -name '*.so*' \) -exec ldd {} + 2>/dev/null |
		sed -nE 's#^\t(.* => )?(/[^ ]*) \(.*#\2#p' | sort -u |
		while read -r library; do
			[ -e "$tree$library" ] || install -D "$library" "$tree$library"
		done
}

# pack TREE: an initramfs archive on stdout.
pack() {
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0)
}
