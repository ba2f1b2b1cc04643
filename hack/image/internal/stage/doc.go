// Package stage carries out build stages on the host: it copies what a stage's COPY lines name into a scratch folder, runs
// its RUN lines there with a shell, and keeps the folder in the cache under a key made of everything that went in. The
// stage's base image is not used; the tools it stands for (go, npm) must be on the host.
package stage
