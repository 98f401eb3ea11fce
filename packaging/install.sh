#!/bin/sh
# Installs Quipu for the user who runs this: downloads the binary of a release,
# checks it against the release's SHA256SUMS, and moves it to its place. Needs
# no root, and changes nothing unless the checksum is right.
#
#   sh install.sh [--to DIRECTORY] [--from URL] [VERSION]
#
#   --to DIRECTORY   where the binary goes; ~/.local/bin by default
#   --from URL       where releases lie, for mirrors
#   VERSION          such as 1.2.3; the newest by default
set -eu

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

# Name of the binary for this system, as releases have it.
binary_name() {
  case "$(uname -s)" in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no binary for $(uname -s) here; see docs/install.md" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) processor=x64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) fail "there is no binary for $(uname -m)" ;;
  esac
  printf 'quipu-%s-%s' "$system" "$processor"
}

# download URL FILE
download() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "needs curl or wget"
  fi
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1"
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r "$1"
  else
    fail "needs sha256sum, shasum or openssl"
  fi | cut -d ' ' -f 1
}

main() {
  directory=${HOME:-}/.local/bin
  releases=https://github.com/quipu-store/quipu/releases
  version=latest
  while [ $# -gt 0 ]; do
    case "$1" in
      --to | --from)
        [ $# -gt 1 ] || fail "$1 needs a value"
        if [ "$1" = --to ]; then directory=$2; else releases=$2; fi
        shift
        ;;
      -*) fail "unknown option $1" ;;
      *) version=$1 ;;
    esac
    shift
  done
  name=$(binary_name)
  if [ "$version" = latest ]; then
    from=$releases/latest/download
  else
    from=$releases/download/v${version#v}
  fi

  mkdir -p "$directory"
  # Beside its place, so that it is moved there in one step.
  work=$(mktemp -d "$directory/.quipu-install.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  download "$from/SHA256SUMS" "$work/SHA256SUMS" ||
    fail "cannot download $from/SHA256SUMS"
  wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$work/SHA256SUMS")
  [ -n "$wanted" ] || fail "the release has no $name"
  download "$from/$name" "$work/$name" || fail "cannot download $from/$name"
  actual=$(sha256_of "$work/$name")
  [ "$actual" = "$wanted" ] ||
    fail "wrong checksum of $name: expected $wanted, got $actual"

  chmod 755 "$work/$name"
  mv "$work/$name" "$directory/quipu"
  printf 'Installed %s\n' "$directory/quipu"
  case ":$PATH:" in
    *":$directory:"*) printf 'Start it with: quipu serve\n' ;;
    *) printf 'Start it with: %s serve (%s is not in PATH)\n' \
      "$directory/quipu" "$directory" ;;
  esac
}

# Last, so that a download that breaks off runs nothing.
main "$@"
