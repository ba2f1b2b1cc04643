# syntax=docker/dockerfile:1

# One recipe for every image of the project; one target each:
#
#   docker build --target worker -t tryon/worker .
#   go -C hack/image run . push --registry 127.0.0.1:5001/tryon     # the same targets without a container engine
#
# hack/image reads this file, so its build stages keep to a rule: a RUN line uses only paths below its WORKDIR
# (it is run in a scratch folder of the host there), and the stages that become images have no RUN at all.

ARG GO_VERSION=1.26.8
ARG NODE_VERSION=22
ARG DEBIAN_VERSION=12
ARG PYTORCH_VERSION=2.8.0-cuda12.8-cudnn9-runtime
ARG ONNXRUNTIME_VERSION=1.20.1

# --- sources -------------------------------------------------------------------------------------------------------

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS source
WORKDIR /src
ENV GOFLAGS="-trimpath -buildvcs=false -mod=readonly" GOWORK=off
COPY . .

# --- static binaries (cross-compiled) ------------------------------------------------------------------------------

FROM source AS build-manager
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags="-s -w" -o out/tryon-manager ./cmd/manager

FROM source AS build-worker
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags="-s -w" -o out/tryon-worker ./cmd/worker

FROM source AS build-sidecar
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -ldflags="-s -w" -o out/tryon-sidecar ./cmd/sidecar

# --- the model server: cgo, so it is compiled on the target's own platform -----------------------------------------

FROM golang:${GO_VERSION}-bookworm AS build-runtime
WORKDIR /src
ENV GOFLAGS="-trimpath -buildvcs=false -mod=readonly" GOWORK=off
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 go build -ldflags="-s -w" -o out/tryon-runtime ./cmd/runtime

# ONNX Runtime publishes its shared library inside the npm package; the digests are those of the library itself.
FROM --platform=$BUILDPLATFORM node:${NODE_VERSION}-bookworm-slim AS onnxruntime
ARG ONNXRUNTIME_VERSION TARGETARCH
WORKDIR /onnxruntime
RUN npm pack --silent "onnxruntime-node@$ONNXRUNTIME_VERSION" && \
    tar -xzf "onnxruntime-node-$ONNXRUNTIME_VERSION.tgz" package/bin/napi-v3/linux && \
    rm "onnxruntime-node-$ONNXRUNTIME_VERSION.tgz"
RUN case "$TARGETARCH" in \
      amd64) folder=x64   sum=b7ccdd4204a273d0f2812958c7b074f3632d1de3ab91252a8791fe6da7046d19 ;; \
      arm64) folder=arm64 sum=f8407a59e7e4c4dddf3b6e01198a24444aa66ac4ad93b4b4284b6e98d1f938b1 ;; \
      *) echo "no ONNX Runtime library is published for $TARGETARCH" >&2; exit 1 ;; \
    esac && \
    mv "package/bin/napi-v3/linux/$folder/libonnxruntime.so.1" libonnxruntime.so && \
    rm -r package && \
    echo "$sum  libonnxruntime.so" | sha256sum -c -

# --- the trainer's base: PyTorch for CUDA, and ONNX at an IR version the runtime above can read --------------------

FROM pytorch/pytorch:${PYTORCH_VERSION} AS trainer-base
RUN pip install --no-cache-dir onnx==1.17.0

# === images ========================================================================================================

FROM gcr.io/distroless/static-debian${DEBIAN_VERSION}:nonroot AS manager
LABEL org.opencontainers.image.title="tryon-operator manager" \
      org.opencontainers.image.description="The operator: trains, evaluates, versions and rolls out virtual try-on models" \
      org.opencontainers.image.source="https://github.com/braincreators/tryon-operator"
COPY --from=build-manager /src/out/tryon-manager /tryon-manager
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/tryon-manager"]

FROM gcr.io/distroless/static-debian${DEBIAN_VERSION}:nonroot AS worker
LABEL org.opencontainers.image.title="tryon-operator worker" \
      org.opencontainers.image.description="The steps that run in Jobs: pin, test, train, evaluate, publish, pull" \
      org.opencontainers.image.source="https://github.com/braincreators/tryon-operator"
COPY --from=build-worker /src/out/tryon-worker /tryon-worker
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/tryon-worker"]

FROM gcr.io/distroless/static-debian${DEBIAN_VERSION}:nonroot AS sidecar
LABEL org.opencontainers.image.title="tryon-operator sidecar" \
      org.opencontainers.image.description="The shopper's API beside the model server: limits, batching, shadowing, drift" \
      org.opencontainers.image.source="https://github.com/braincreators/tryon-operator"
COPY --from=build-sidecar /src/out/tryon-sidecar /tryon-sidecar
WORKDIR /
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/tryon-sidecar"]

FROM gcr.io/distroless/cc-debian${DEBIAN_VERSION}:nonroot AS runtime
LABEL org.opencontainers.image.title="tryon-operator runtime" \
      org.opencontainers.image.description="The model server: Open Inference Protocol v2 over ONNX Runtime" \
      org.opencontainers.image.source="https://github.com/braincreators/tryon-operator"
COPY --from=onnxruntime --chmod=755 /onnxruntime/libonnxruntime.so /usr/lib/libonnxruntime.so
COPY --from=build-runtime /src/out/tryon-runtime /tryon-runtime
WORKDIR /
USER 65532:65532
EXPOSE 8500
ENTRYPOINT ["/tryon-runtime"]

FROM trainer-base AS trainer
LABEL org.opencontainers.image.title="tryon-operator reference trainer" \
      org.opencontainers.image.description="The reference methods in PyTorch, following the trainer contract" \
      org.opencontainers.image.source="https://github.com/braincreators/tryon-operator"
ENV PYTHONPATH=/opt/tryon/trainer PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY pipelines/trainer /opt/tryon/trainer
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["python3", "-m", "tryon_trainer"]
