package synth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	_ "image/jpeg" // photographs may be JPEG
	"image/png"
	"os"
	"path/filepath"
	"strings"
)

// errTooFewRows says that a fault needs rows that the dataset does not have.
var errTooFewRows = errors.New("too few rows for this fault")

// fileOf finds a row's file in a folder, whatever its extension.
func fileOf(root, split, folder string, row int) (string, error) {
	found, err := filepath.Glob(filepath.Join(root, split, folder, stem(split, row)+"*"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(errTooFewRows, err)
	}
	return found[0], nil
}

func readPicture(path string) (image.Image, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading picture: %w", err)
	}
	img, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", path, err)
	}
	return img, nil
}

func writePNG(path string, img image.Image) error {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// redraw replaces a picture of training row 1 by what change makes of it, as PNG under the same stem and extension.
func redraw(root, folder string, change func(image.Image) image.Image) error {
	path, err := fileOf(root, splitTrain, folder, 1)
	if err != nil {
		return err
	}
	img, err := readPicture(path)
	if err != nil {
		return err
	}
	return writePNG(path, change(img))
}

// rewrite replaces the bytes of a file.
func rewrite(path string, change func([]byte) []byte) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading file to break: %w", err)
	}
	return os.WriteFile(path, change(body), 0o644)
}

func copyFile(from, to string) error {
	body, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("reading file to copy: %w", err)
	}
	return os.WriteFile(to, body, 0o644)
}

var rowFolders = []string{"image", "image-parse-v3", "openpose_json", "agnostic-v3.2", "cloth", "cloth-mask"}

// copyRow files a row's content under another row's names.
func copyRow(root, fromSplit string, from int, toSplit string, to int) error {
	for _, folder := range rowFolders {
		source, err := fileOf(root, fromSplit, folder, from)
		if err != nil {
			return err
		}
		target, err := fileOf(root, toSplit, folder, to)
		if err != nil {
			return err
		}
		if err := copyFile(source, target); err != nil {
			return err
		}
	}
	return nil
}

func deleteMask(root string) error {
	path, err := fileOf(root, splitTrain, "cloth-mask", 1)
	if err != nil {
		return err
	}
	return os.Remove(path)
}

func addOddRow(root string) error {
	for _, folder := range rowFolders {
		path, err := fileOf(root, splitTrain, folder, 1)
		if err != nil {
			return err
		}
		name := "999990_00"
		if strings.HasPrefix(folder, "cloth") {
			name = "999991_00"
		}
		odd := strings.Replace(filepath.Base(path), stem(splitTrain, 1), name, 1)
		if err := copyFile(path, filepath.Join(filepath.Dir(path), odd)); err != nil {
			return err
		}
	}
	return nil
}

func addStray(root string) error {
	path, err := fileOf(root, splitTrain, "cloth", 1)
	if err != nil {
		return err
	}
	return copyFile(path, filepath.Join(filepath.Dir(path), "999999_00"+filepath.Ext(path)))
}

func addCarriageReturns(root string) error {
	return rewrite(filepath.Join(root, "train_pairs.txt"), func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	})
}

func swapPairs(root string) error {
	return changePairs(root, splitTrain, func(rows [][]string) { rows[0][1], rows[1][1] = rows[1][1], rows[0][1] })
}

func pairWithOwn(root string) error {
	return changePairs(root, splitTest, func(rows [][]string) {
		for _, row := range rows {
			row[1] = row[0]
		}
	})
}

func changePairs(root, split string, change func(rows [][]string)) error {
	var short error
	err := rewrite(filepath.Join(root, split+"_pairs.txt"), func(body []byte) []byte {
		var rows [][]string
		for line := range strings.Lines(string(body)) {
			rows = append(rows, strings.Fields(line))
		}
		if len(rows) < 2 {
			short = errTooFewRows
			return body
		}
		change(rows)
		var out bytes.Buffer
		for _, row := range rows {
			fmt.Fprintln(&out, strings.Join(row, " "))
		}
		return out.Bytes()
	})
	return errors.Join(err, short)
}

func truncatePhoto(root string) error {
	path, err := fileOf(root, splitTrain, "image", 1)
	if err != nil {
		return err
	}
	return rewrite(path, func(body []byte) []byte { return body[:len(body)/2] })
}

func halveMask(root string) error {
	return redraw(root, "cloth-mask", func(img image.Image) image.Image {
		b := img.Bounds()
		out := image.NewGray(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
		for i := range out.Pix {
			out.Pix[i] = color.GrayModel.Convert(img.At(2*(i%out.Stride), 2*(i/out.Stride))).(color.Gray).Y
		}
		return out
	})
}

func addAlpha(root string) error {
	return redraw(root, "image", func(img image.Image) image.Image {
		out := image.NewNRGBA(img.Bounds())
		for i := range out.Rect.Dx() * out.Rect.Dy() {
			x, y := i%out.Rect.Dx(), i/out.Rect.Dx()
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			c.A = 254
			out.SetNRGBA(x, y, c)
		}
		return out
	})
}

// askToTurn adds an eXIf chunk with orientation 6 behind the header of a PNG.
func askToTurn(root string) error {
	if err := redraw(root, "image", func(img image.Image) image.Image { return img }); err != nil {
		return err
	}
	path, err := fileOf(root, splitTrain, "image", 1)
	if err != nil {
		return err
	}
	exif := []byte("eXIfMM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(exif)-4))
	chunk = append(chunk, exif...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(exif))
	const header = 8 + 25
	return rewrite(path, func(body []byte) []byte {
		return append(append(append([]byte(nil), body[:header]...), chunk...), body[header:]...)
	})
}

func blackenPhoto(root string) error {
	return redraw(root, "image", func(img image.Image) image.Image {
		out := image.NewRGBA(img.Bounds())
		for i := 3; i < len(out.Pix); i += 4 {
			out.Pix[i] = 255
		}
		return out
	})
}

// greyMask does what a well-known copy of VITON-HD does: agnostic pictures where masks are expected.
func greyMask(root string) error {
	agnostic, err := fileOf(root, splitTrain, "agnostic-v3.2", 1)
	if err != nil {
		return err
	}
	img, err := readPicture(agnostic)
	if err != nil {
		return err
	}
	return redraw(root, "cloth-mask", func(image.Image) image.Image { return img })
}

func emptyMask(root string) error {
	return redraw(root, "cloth-mask", func(img image.Image) image.Image { return image.NewGray(img.Bounds()) })
}
