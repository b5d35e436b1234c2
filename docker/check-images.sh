#!/usr/bin/env bash
# What has to hold for each image, tried: bash docker/check-images.sh [tag]. Needs the images, and Docker.
set -euo pipefail

tag=${1:-0.1.0}
most_megabytes=250
failed=0
check() { if eval "$2"; then echo "  ok: $1"; else echo "  FAILED: $1"; failed=1; fi; }
hardened=(--read-only --cap-drop ALL --security-opt no-new-privileges --network none)

for app in auth gateway resource audit bootstrap; do
  image=token-relay/$app:$tag
  echo "$image"
  megabytes=$(($(docker image inspect -f '{{.Size}}' "$image") / 1000000))
  check "$megabytes MB, under $most_megabytes" "((megabytes < most_megabytes))"
  check 'runs as another user than root' '[ "$(docker image inspect -f "{{.Config.User}}" "$image")" = 1000:1000 ]'
  check 'has no package manager of Node' '! docker run --rm "${hardened[@]}" --entrypoint sh "$image" -c "command -v npm || command -v npx || command -v yarn || command -v corepack || find / -type d -path \*/node_modules/npm 2>/dev/null | grep -q ." | grep -q .'
  check 'says which Debian packages it holds' 'docker run --rm "${hardened[@]}" --entrypoint sh "$image" -c "test -s /var/lib/dpkg/status && test -s /etc/os-release"'
  check 'holds no source, no secret, no development dependency' '! docker run --rm "${hardened[@]}" --entrypoint sh "$image" -c "ls -d /app/node_modules/typescript /app/node_modules/nx /app/node_modules/jest /app/node_modules/vite /app/node_modules/preact /root/.npmrc; find /app -name \*.ts -o -name \*.key -o -name \*.pem" 2>/dev/null | grep -q .'
  case $app in
    gateway) check 'holds the console where it looks for it' 'docker run --rm "${hardened[@]}" --entrypoint sh "$image" -c "test -s /app/node_modules/@token-relay/console/package.json && test -s /app/apps/console/dist/index.html && ls /app/apps/console/dist/assets" | grep -q "[.]js$"' ;;
    *) check 'holds no console' '! docker run --rm "${hardened[@]}" --entrypoint sh "$image" -c "find /app -name console -type d -path \*apps/console" | grep -q .' ;;
  esac
  # Without configuration each says what is missing, and exits: it has started, then, on a file system that it can't write.
  if output=$(docker run --rm "${hardened[@]}" "$image" 2>&1); then status=0; else status=$?; fi
  case $app in
    bootstrap) check 'says how it is used' '((status == 2))' ;;
    *) check 'refuses to start without configuration, and names what is missing' '((status == 1)) && grep -q "ISSUER: is missing" <<<"$output"' ;;
  esac
done
exit "$failed"
