package synth

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

// voidLabel marks where classes meet with 255, as several public segmentation sets do.
func voidLabel(root string) error {
	return redraw(root, "image-parse-v3", func(img image.Image) image.Image {
		parse, ok := img.(*image.Paletted)
		if !ok {
			return img
		}
		out := image.NewGray(parse.Rect)
		for i, l := range parse.Pix {
			out.Pix[i] = l
			if i%parse.Stride > 0 && parse.Pix[i-1] != l && l != draw.LabelUpper {
				out.Pix[i] = 255
			}
		}
		return out
	})
}

// atr translates CIHP-20 ids into ATR-18, where 4 is upper clothes and 5 is a skirt.
var atr = map[uint8]uint8{
	draw.LabelHair: 2, draw.LabelUpper: 4, draw.LabelPants: 6, draw.LabelNeck: 11, draw.LabelFace: 11, draw.LabelLeftArm: 14, draw.LabelRightArm: 15,
	draw.LabelLeftLeg: 12, draw.LabelRightLeg: 13, draw.LabelLeftShoe: 9, draw.LabelRightShoe: 10,
}

func translatePalette(root string) error {
	found, err := filepath.Glob(filepath.Join(root, "*", "image-parse-v3", "*.png"))
	if err != nil {
		return fmt.Errorf("listing parse maps: %w", err)
	}
	for _, path := range found {
		img, err := readPicture(path)
		if err != nil {
			return err
		}
		parse, ok := img.(*image.Paletted)
		if !ok {
			return fmt.Errorf("parse map %s has no palette", path)
		}
		for i, l := range parse.Pix {
			parse.Pix[i] = atr[l]
		}
		if err := writePNG(path, parse); err != nil {
			return err
		}
	}
	return nil
}

func nobody(root string) error {
	path, err := fileOf(root, splitTrain, "openpose_json", 1)
	if err != nil {
		return err
	}
	return rewrite(path, func([]byte) []byte { return []byte(`{"version":1.3,"people":[]}` + "\n") })
}

// shiftGarments files every training garment and mask one row off, as a loader that joins by position does after one missing file.
func shiftGarments(root string) error {
	for _, folder := range []string{"cloth", "cloth-mask"} {
		files, err := filepath.Glob(filepath.Join(root, splitTrain, folder, "*"))
		if err != nil || len(files) < 2 {
			return errors.Join(errTooFewRows, err)
		}
		first, err := os.ReadFile(files[0])
		if err != nil {
			return fmt.Errorf("reading garment: %w", err)
		}
		for i, path := range files[:len(files)-1] {
			if err := copyFile(files[i+1], path); err != nil {
				return err
			}
		}
		if err := os.WriteFile(files[len(files)-1], first, 0o644); err != nil {
			return fmt.Errorf("writing garment: %w", err)
		}
	}
	return nil
}

// copyRows makes every fourth training row a copy of row 0.
func copyRows(root string) error {
	rows, err := filepath.Glob(filepath.Join(root, splitTrain, "image", "*"))
	if err != nil || len(rows) < 5 {
		return errors.Join(errTooFewRows, err)
	}
	for i := 4; i < len(rows); i += 4 {
		if err := copyRow(root, splitTrain, 0, splitTrain, i); err != nil {
			return err
		}
	}
	return nil
}

func leakRow(root string) error { return copyRow(root, splitTest, 0, splitTrain, 1) }
