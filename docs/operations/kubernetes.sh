# What the runbooks' commands are made of, on Kubernetes: `. docs/operations/kubernetes.sh`, in bash.
# NAMESPACE and MANIFESTS say what else than k8s/ is meant: MANIFESTS='-k deploy/overlays/production'.
NAMESPACE=${NAMESPACE:-token-relay}
MANIFESTS=${MANIFESTS:--f k8s}

kube() { kubectl -n "$NAMESPACE" "$@"; }
workload() { case $1 in redis | records) echo "statefulset/$1" ;; *) echo "deployment/$1" ;; esac; }

# inside auth node …: in one of its pods
inside() { kube exec -i "$(workload "$1")" -- "${@:2}"; }
# the same in all of them that aren't being ended; fails if it does in one
everywhere() {
  local pod failed=0
  for pod in $(kube get pods -l "app.kubernetes.io/name=$1" --field-selector status.phase=Running -o json |
    jq -r '.items[].metadata | select(.deletionTimestamp == null).name'); do
    kube exec -i "$pod" -- "${@:2}" < /dev/null || failed=$?
  done
  return "$failed"
}
logs_of() { kube logs -l "app.kubernetes.io/name=$1" --tail=-1 --max-log-requests=50; }

restart() { kube rollout restart "$(workload "$1")" && kube rollout status "$(workload "$1")" --timeout=300s; }
# until its last pod has gone: one that drains still writes
stop() { kube scale "$(workload "$1")" --replicas=0 && kube wait --for=delete pod -l "app.kubernetes.io/name=$1" --timeout=120s; }
start() { kube scale "$(workload "$1")" --replicas="${2:-1}" && kube rollout status "$(workload "$1")" --timeout=300s; }
# set_env auth NAME=value, or NAME- to take it away: rolls it out
set_env() { kube set env "$(workload "$1")" "$2" && kube rollout status "$(workload "$1")" --timeout=300s; }

secret_base64() { kube get secret "$1" -o "jsonpath={.data.${2//./\\.}}"; }
# takes what is to be in there from standard input, which mustn't be nothing
secret_put() {
  local text
  text=$(base64 | tr -d '\n') && [ -n "$text" ] || { echo "secret_put $1 $2: nothing has come" >&2; return 1; }
  printf '{"data":{"%s":"%s"}}' "$2" "$text" | kube patch secret "$1" --patch-file /dev/stdin
}
secret_drop() { kube patch secret "$1" --type=json -p "[{\"op\":\"remove\",\"path\":\"/data/$2\"}]"; }
secret_delete() { kube delete secret "$@"; }

# Of the manifests the Job alone is applied, and what it needs: what set_env has set stays. Its log says why it is refused.
bootstrap_again() {
  local completed
  kube delete job -l app.kubernetes.io/name=bootstrap && kubectl apply $MANIFESTS -l app.kubernetes.io/name=bootstrap > /dev/null || return
  kube wait --for=condition=complete job -l app.kubernetes.io/name=bootstrap --timeout=120s
  completed=$?
  logs_of bootstrap
  return "$completed"
}

# a way to the gateway, on port 3000 of this machine, opened anew whenever its pod goes; open_gateway is called once
open_gateway() {
  secret_get gateway-tls ca.crt > ca.crt
  while :; do kubectl -n "$NAMESPACE" port-forward service/gateway 3000 > /dev/null 2>&1; sleep 0.2; done &
  sleep 2
}

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
