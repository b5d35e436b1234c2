# The same on Kubernetes and with compose: kubernetes.sh and compose.sh read this.
GATEWAY=${GATEWAY:-https://localhost:3000}

users() { inside auth node apps/auth/dist/users/cli.js "$@"; }
keys() { inside auth node apps/auth/dist/keys/cli.js "$@"; }

# Fails where nothing comes: an answer that was lost isn't an empty secret, which somebody would put back.
secret_get() {
  local text
  text=$(secret_base64 "$1" "$2") && [ -n "$text" ] || { echo "secret_get $1 $2: nothing has come" >&2; return 1; }
  base64 -d <<< "$text"
}

# Asks for the password of an operator, whose token the calls below have. A way to the gateway has to be open.
login() {
  local username=${1:-operator} password
  read -rsp "password of $username: " password && echo >&2
  TOKEN=$(jq -R --arg username "$username" '{$username, password: .}' <<< "$password" |
    curl -sS --cacert ca.crt "$GATEWAY/auth/login" --json @- | jq -er '.access_token // error(tostring)')
}
# as_operator /admin/keys, as_operator /admin/revocations --json …
as_operator() { curl -sS --cacert ca.crt -H @<(printf 'authorization: Bearer %s' "$TOKEN") "$GATEWAY$1" "${@:2}"; }

# what stands in a token, which is read from standard input; it proves nothing
claims() { jq -R 'split(".")[0:2] | map(gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson) | add'; }

# metrics_of auth 'signing_keys|unconfirmed': of each of its replicas
metrics_of() {
  everywhere "$1" node -e '
    const names = new RegExp(process.argv[1]);
    fetch("http://127.0.0.1:9464/metrics").then(async (answer) => {
      for (const line of (await answer.text()).split("\n")) if (!line.startsWith("#") && names.test(line)) console.log(line);
    })' "$2"
}
readiness_of() { everywhere "$1" node -e 'fetch("http://127.0.0.1:9464/readyz").then((answer) => answer.text()).then(console.log)'; }

# lines of a log, from warnings on, without those of requests
warnings_of() { logs_of "$1" | jq -cR 'fromjson? | select(.level >= 40 and .msg != "request") | del(.level, .traceId, .service)'; }

# Redis' commands from standard input, one a line, as the user that auth is
on_redis() {
  { printf 'AUTH auth %s\n' "$(secret_get auth redis-url | sed 's|^[a-z]*://auth:\(.*\)@.*|\1|')" && cat; } |
    inside redis redis-cli -h localhost --tls --cert /run/secrets/tls/tls.crt --key /run/secrets/tls/tls.key \
      --cacert /run/secrets/tls/ca.crt | tail -n +2
}
