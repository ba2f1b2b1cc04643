// Command image builds the project's container images from the Dockerfile at the repository's root without a container
// engine, pushes them to a registry or writes them as archives, and hands out two by-products: the reference trainer's root
// file system, in which its tests run on a host without PyTorch, and ONNX Runtime's shared library.
package main
