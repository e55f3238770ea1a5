#!/usr/bin/env bash
# Installs the Debian packages that tests need: a browser and its fonts, tools to look into PDF files, and what watches
# services and sends alerts.
# Quick when they are there; without root it says what is missing, and the tests that need it skip.
set -euo pipefail

packages=(chromium fonts-dejavu-core fonts-inter poppler-utils prometheus prometheus-alertmanager)
# Tests start these themselves, on ports of their own; as services they would run from now on, at every start too.
services=(prometheus prometheus-alertmanager)

missing=()
for package in "${packages[@]}"; do
  [[ "$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null)" == *" installed" ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup-system: this is no Debian; install what corresponds to: ${missing[*]}. Tests that need it skip." >&2
  exit 0
fi
if ((EUID != 0)); then
  echo "setup-system: not installed: ${missing[*]}; run: sudo apt-get install ${missing[*]}. Tests that need it skip." >&2
  exit 0
fi

if command -v systemctl >/dev/null; then
  for service in "${services[@]}"; do
    # Only what is installed here: whoever has it already wants it to run.
    [[ " ${missing[*]} " != *" $service "* ]] || systemctl mask --quiet "$service"
  done
fi

export DEBIAN_FRONTEND=noninteractive
for attempt in 1 2 3; do
  if apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    exit 0
  fi
  echo "setup-system: attempt $attempt to install ${missing[*]} failed" >&2
  sleep $((attempt * 5))
done
echo "setup-system: could not install ${missing[*]}; is there a network?" >&2
exit 1
