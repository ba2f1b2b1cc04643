#!/usr/bin/env bash
# Runs every test: unit and envtest, the trainer's, and end to end on a real one-node cluster. Prints where the time went.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p out

times="" running="preparing" begin=$SECONDS
phase() { # name, command…
	running=$1 begin=$SECONDS
	shift
	printf '\n=== %s\n' "$running"
	"$@"
	took "$running"
	running=""
}
took() { times+="$(printf '%5ds  %s' $((SECONDS - begin)) "$1")"$'\n'; }
finish() {
	local code=$?
	stop_fetching
	[ -z "$running" ] || took "$running (failed)"
	printf '\nwhere the time went:\n%s' "$times"
	exit $code
}
trap finish EXIT

# What downloads runs beside what compiles, in a process group of its own: it has children, and ends with all of them when a phase fails.
fetching=""
fetch_trainer_base() {
	set -m
	go -C hack/image run . rootfs trainer >out/trainer-base.log 2>&1 &
	fetching=$!
	set +m
}
wait_trainer_base() {
	local code=0
	wait "$fetching" || code=$?
	fetching=""
	[ "$code" = 0 ] || { tail -n 30 out/trainer-base.log; return 1; }
}
stop_fetching() {
	[ -n "$fetching" ] || return 0
	kill -- "-$fetching" 2>/dev/null || true
	wait "$fetching" || true
}

unit() {
	TRYON_ORT_LIB=$(go -C hack/image run . onnxruntime | tail -n 1)
	KUBEBUILDER_ASSETS=$(go -C hack/cluster run . assets | tail -n 1)
	export TRYON_ORT_LIB KUBEBUILDER_ASSETS
	go test -timeout 20m ./...
	go -C hack/cluster test . ./internal/... ./image ./parts/lookup ./parts/storage # parts/node is Kubernetes itself
	go -C hack/image test ./...
}
trainer() { go -C hack/image run . rootfs trainer -- python3 -m pytest -q -p no:cacheprovider /opt/tryon/trainer/tests; }
end_to_end() {
	go -C hack/cluster run . down # what an earlier run left must not help this one
	go -C hack/cluster run . up
	go -C hack/cluster run . addon training-operator
	go run ./hack/demo
	go test -tags e2e -count 1 -timeout 70m -v ./test/e2e
}

hack/host.sh
fetch_trainer_base
phase "build the cluster" go -C hack/cluster run . build
phase "fetch the trainer's base (rest)" wait_trainer_base
phase "unit and envtest" unit
phase "trainer" trainer
phase "end to end" end_to_end
phase "take the cluster down" go -C hack/cluster run . down
