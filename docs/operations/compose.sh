# What the runbooks' commands are made of, with docker/compose.yaml: `. docs/operations/compose.sh`, in bash.
# What set_env has set is in here; it belongs to where the configuration is kept.
OVERRIDE=${OVERRIDE:-$PWD/token-relay.override.json}
[ -s "$OVERRIDE" ] || echo '{ "services": {} }' > "$OVERRIDE"
compose() { docker compose -f docker/compose.yaml -f "$OVERRIDE" "$@"; }

# inside auth node …: in the first of its containers
inside() { compose exec -T "$1" "${@:2}"; }
# the same in all of them; fails if it does in one
everywhere() {
  local container failed=0
  for container in $(compose ps -q "$1"); do docker exec -i "$container" "${@:2}" < /dev/null || failed=$?; done
  return "$failed"
}
logs_of() { compose logs --no-color --no-log-prefix "$1"; }

# all its containers at once: it is away for as long as they take
restart() { compose restart "$1" && compose up --no-build --no-recreate --wait "$1"; }
stop() { compose stop "$1"; }
start() { compose up --no-build --no-recreate --wait "$1"; }
# set_env auth NAME=value, or NAME- to take it away
set_env() {
  local changed
  case $2 in
    *=*) changed=$(jq --arg service "$1" --arg name "${2%%=*}" --arg value "${2#*=}" '.services[$service].environment[$name] = $value' "$OVERRIDE") ;;
    *) changed=$(jq --arg service "$1" --arg name "${2%-}" 'del(.services[$service].environment[$name])' "$OVERRIDE") ;;
  esac
  printf '%s\n' "$changed" > "$OVERRIDE"
  compose up --no-build --wait "$1"
}

# Bootstrap's container is the one that has all volumes.
in_secrets() { compose run --rm -T --no-deps --entrypoint "$1" bootstrap "${@:2}"; }
secret_base64() { in_secrets base64 "/secrets/$1/$2" < /dev/null; }
# takes what is to be in there from standard input, which mustn't be nothing
secret_put() {
  in_secrets sh -c 'umask 027 && cat > "$1.new" && test -s "$1.new" && mv -T "$1.new" "$1"' sh "/secrets/$1/$2" ||
    { echo "secret_put $1 $2: nothing has come, or it can not be put there" >&2; return 1; }
}
secret_drop() { in_secrets rm "/secrets/$1/$2" < /dev/null; }
secret_delete() { local name; for name in "$@"; do in_secrets find "/secrets/$name" -mindepth 1 -delete < /dev/null; done; }

bootstrap_again() { compose run --rm -T --no-deps bootstrap < /dev/null; }

# compose has the gateway's port open already
open_gateway() { inside gateway cat /run/secrets/tls/ca.crt > ca.crt < /dev/null; }

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
