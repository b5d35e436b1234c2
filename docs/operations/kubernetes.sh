# What the runbooks' commands are made of, on Kubernetes: `. docs/operations/kubernetes.sh`, in bash.
# NAMESPACE and MANIFESTS say what else than k8s/ is meant: MANIFESTS='-k deploy/overlays/production'.
NAMESPACE=${NAMESPACE:-token-relay}
MANIFESTS=${MANIFESTS:--f k8s}

kube() { kubectl -n "$NAMESPACE" "$@"; }
workload() { case $1 in redis | records) echo "statefulset/$1" ;; *) echo "deployment/$1" ;; esac; }

# inside auth node …: in one of its pods
inside() { kube exec -i "$(workload "$1")" -- "${@:2}"; }
# the same in all of them, until one fails
everywhere() {
  local pod
  for pod in $(kube get pods -l "app.kubernetes.io/name=$1" --field-selector status.phase=Running -o name); do
    kube exec -i "$pod" -- "${@:2}" < /dev/null || return
  done
}
logs_of() { kube logs -l "app.kubernetes.io/name=$1" --tail=-1 --max-log-requests=50; }

restart() { kube rollout restart "$(workload "$1")" && kube rollout status "$(workload "$1")" --timeout=300s; }
stop() { kube scale "$(workload "$1")" --replicas=0; }
start() { kube scale "$(workload "$1")" --replicas="${2:-1}" && kube rollout status "$(workload "$1")" --timeout=300s; }
# set_env auth NAME=value, or NAME- to take it away: rolls it out
set_env() { kube set env "$(workload "$1")" "$2" && kube rollout status "$(workload "$1")" --timeout=300s; }

secret_get() { kube get secret "$1" -o "jsonpath={.data.${2//./\\.}}" | base64 -d; }
# takes what is to be in there from standard input
secret_put() { printf '{"data":{"%s":"%s"}}' "$2" "$(base64 | tr -d '\n')" | kube patch secret "$1" --patch-file /dev/stdin; }
secret_drop() { kube patch secret "$1" --type=json -p "[{\"op\":\"remove\",\"path\":\"/data/$2\"}]"; }
secret_delete() { kube delete secret "$@"; }

bootstrap_again() {
  kube delete job -l app.kubernetes.io/name=bootstrap && kubectl apply $MANIFESTS > /dev/null &&
    kube wait --for=condition=complete job -l app.kubernetes.io/name=bootstrap --timeout=180s && logs_of bootstrap
}

# a way to the gateway, on port 3000 of this machine, opened anew whenever its pod goes; open_gateway is called once
open_gateway() {
  secret_get gateway-tls ca.crt > ca.crt
  while :; do kubectl -n "$NAMESPACE" port-forward service/gateway 3000 > /dev/null 2>&1; sleep 0.2; done &
  sleep 2
}

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
