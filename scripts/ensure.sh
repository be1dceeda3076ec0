#!/usr/bin/env bash
# Finds what the build needs, installs what it can, and says plainly what it can't.
#
#   scripts/ensure.sh rust | wasm | fuzz | node | python | browsers | network
#
# Tools of the right version on PATH are used as they are; others go into .tools, nothing else is
# touched. Debian packages are installed only by root.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.tools
export PATH=$tools/bin:$HOME/.cargo/bin:$PATH

WASM_PACK_VERSION=0.15.1
CARGO_FUZZ_VERSION=0.13.2

missing() {
  printf '\n%s is missing. %s\n\n' "$1" "$2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# apt_install PACKAGE... — succeeds only where it may and can.
apt_install() {
  have apt-get && [ "$(id -u)" = 0 ] || return 1
  export DEBIAN_FRONTEND=noninteractive
  # One apt at a time: another one may be running for a while on a fresh machine.
  apt-get -o DPkg::Lock::Timeout=300 update -qq &&
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >&2
}

rust() {
  have cargo || missing "Rust (cargo)" "Get it with rustup, see https://rustup.rs"
  if have rustup; then
    rustup target list --installed | grep -q '^wasm32-unknown-unknown$' ||
      rustup target add wasm32-unknown-unknown
    for component in rustfmt clippy; do
      rustup component list --installed | grep -q "^$component" || rustup component add "$component"
    done
  else
    [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ] ||
      missing "The Rust target wasm32-unknown-unknown" "Add it with your package manager, or use rustup."
  fi
  have cc || apt_install gcc libc6-dev || missing "A C compiler" "On Debian: apt install gcc libc6-dev"
}

# tool VERSION CRATE BINARY... — the binaries in that very version: those on PATH, linked into .tools,
# or built there. Not --locked: a registry that lags behind a published lock file would make that fail.
tool() {
  local version=$1 crate=$2 binary
  shift 2
  if have "$1" && "$1" --version 2>/dev/null | grep -qwF "$version"; then
    mkdir -p "$tools/bin"
    for binary in "$@"; do
      local found
      found=$(readlink -f "$(command -v "$binary")")
      [ "$found" = "$tools/bin/$binary" ] || ln -sf "$found" "$tools/bin/$binary"
    done
    return
  fi
  echo "Building $crate $version into .tools (a few minutes, once)" >&2
  cargo install --root "$tools" --version "$version" "$crate"
}

wasm() {
  rust
  # The command line tool and the crate speak a private format: their versions must be the same.
  local bindgen
  bindgen=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/version = |"/, ""); print }' Cargo.lock)
  tool "$bindgen" wasm-bindgen-cli wasm-bindgen wasm-bindgen-test-runner
  tool "$WASM_PACK_VERSION" wasm-pack wasm-pack
}

# A fuzzer needs what only nightly compilers have, and libFuzzer is C++.
fuzz() {
  rust
  have rustup || missing "rustup" "It brings the nightly compiler for fuzzing, see https://rustup.rs"
  rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
  have c++ || apt_install g++ || missing "A C++ compiler" "On Debian: apt install g++"
  tool "$CARGO_FUZZ_VERSION" cargo-fuzz cargo-fuzz
}

node_() {
  have node && have npm || missing "Node.js" "Version 20 or newer is needed, see https://nodejs.org"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || missing "Node.js 20 or newer" "This is $(node --version)."
}

python_() {
  have python3 || apt_install python3 python3-venv ||
    missing "Python" "Version 3.10 or newer is needed. On Debian: apt install python3 python3-venv"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    missing "Python 3.10 or newer" "This is $(python3 --version)."
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
    missing "Python's venv module" "On Debian: apt install python3-venv"
}

browsers() {
  { have chromium && have chromedriver; } || apt_install chromium chromium-driver ||
    missing "Chromium with its driver" "The tests run in it. On Debian: apt install chromium chromium-driver. Elsewhere: put 'chromium' and 'chromedriver' on PATH."
  # Firefox takes part in one test, which is skipped without it.
  have firefox-esr || have firefox || apt_install firefox-esr ||
    echo "Firefox is missing, so its test will be skipped. On Debian: apt install firefox-esr" >&2
}

network() {
  { have ip && have turnserver; } && return
  # The package starts a TURN server for everybody, where there is systemd. The tests start their own.
  if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ]; then
    systemctl mask coturn.service >&2 || true
  fi
  apt_install iproute2 coturn ||
    echo "ip or coturn is missing, so the network tests will be skipped. On Debian: apt install iproute2 coturn" >&2
}

for what in "$@"; do
  case $what in
    rust | wasm | fuzz | browsers | network) "$what" ;;
    node) node_ ;;
    python) python_ ;;
    *) echo "ensure.sh: what is '$what'?" >&2; exit 2 ;;
  esac
done
