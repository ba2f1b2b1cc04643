#!/bin/sh
# Builds development tools at the versions that this folder pins (go.mod, requirements.txt) and prints the path of each:
#
#   hack/tools/install.sh controller-gen golangci-lint helm crd-ref-docs kubeconform ruff
#
# A tool is built once for each state of the pins, into $TRYON_CACHE (or tryon-operator in the user's cache folder). On two
# idle cores the first build of golangci-lint or of helm takes two minutes, of the others less than one; afterwards
# the answer comes at once.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${TRYON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tryon-operator}

package() {
	case $1 in
	controller-gen) echo sigs.k8s.io/controller-tools/cmd/controller-gen ;;
	crd-ref-docs) echo github.com/elastic/crd-ref-docs ;;
	golangci-lint) echo sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter ;; # with kube-api-linter compiled in
	helm) echo helm.sh/helm/v4/cmd/helm ;;
	kubeconform) echo github.com/yannh/kubeconform/cmd/kubeconform ;;
	*)
		echo "install.sh: unknown tool $1 (controller-gen, crd-ref-docs, golangci-lint, helm, kubeconform, ruff)" >&2
		exit 2
		;;
	esac
}

# digest prints the first 16 hexadecimal digits of the SHA-256 of the given files and of Go's version.
digest() {
	{
		cat "$@"
		go -C "$here" env GOVERSION GOOS GOARCH
	} | sha256sum | cut -c1-16
}

install_go() {
	path=$(package "$1")
	folder=$cache/tools/$(digest "$here/go.mod" "$here/go.sum")/bin
	if [ ! -x "$folder/$1" ]; then
		mkdir -p "$folder"
		echo "building $1 (once) …" >&2
		go -C "$here" build -o "$folder/.$1.$$" "$path"
		mv "$folder/.$1.$$" "$folder/$1"
	fi
	echo "$folder/$1"
}

# A virtual environment cannot be moved once it is made, so a marker inside of it, written last, says that it is whole.
install_ruff() {
	folder=$cache/tools/python-$(sha256sum "$here/requirements.txt" | cut -c1-16)
	if [ ! -e "$folder/whole" ]; then
		echo "installing ruff (once) …" >&2
		rm -rf "$folder"
		mkdir -p "$cache/tools"
		python3 -m venv "$folder"
		"$folder/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
		: >"$folder/whole"
	fi
	echo "$folder/bin/ruff"
}

if [ $# -eq 0 ]; then
	sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
mkdir -p "$cache/tools"
if command -v flock >/dev/null; then
	exec 9>"$cache/tools/.lock"
	flock 9
fi
for tool in "$@"; do
	case $tool in
	ruff) install_ruff ;;
	*) install_go "$tool" ;;
	esac
done
