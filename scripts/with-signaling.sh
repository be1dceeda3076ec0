#!/usr/bin/env bash
# Runs a command with a signaling server beside it, whose address is in SIGNALING_URL.
#
#   scripts/with-signaling.sh COMMAND [ARGUMENT...]
set -euo pipefail
server=${SIGNALING_BIN:-target/release/jupyterlite-webrtc-signaling}
exec 3< <(exec "$server" --port 0)
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
read -r -u 3 address
SIGNALING_URL="ws://$address" "$@"
