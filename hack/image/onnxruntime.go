package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

const library = "libonnxruntime.so"

func onnxruntimeCommand(o *options) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "onnxruntime [--dir DIR]",
		Short: "Prints the path of ONNX Runtime's shared library, fetched and verified as the Dockerfile says",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := o.open()
			if err != nil {
				return err
			}
			if dir == "" {
				dir = w.cache.Path("onnxruntime", w.recipe.Args["ONNXRUNTIME_VERSION"])
			}
			path, err := w.library(cmd.Context(), w.path(dir))
			if err == nil {
				fmt.Println(path)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "where the library is put (default: onnxruntime/VERSION in the cache)")
	return cmd
}

// library puts the shared library of the recipe's onnxruntime stage into dir. The stage's RUN lines check its digest.
func (w *workshop) library(ctx context.Context, dir string) (string, error) {
	s, err := w.recipe.Stage("onnxruntime")
	if err != nil {
		return "", err
	}
	root, err := w.stages.Realise(ctx, s)
	if err != nil {
		return "", err
	}
	from := filepath.Join(root, "onnxruntime", library)
	to := filepath.Join(dir, library)
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("placing %s: %w", library, err)
	}
	if have, err := os.ReadFile(to); err == nil && bytes.Equal(have, text) {
		return to, nil
	}
	return to, writeWhole(to, text)
}
