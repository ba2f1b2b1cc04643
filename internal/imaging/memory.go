package imaging

// jpegFrame is what a JPEG's frame header says about the memory that its decoder takes. The number of scans says nothing: a progressive JPEG may
// have only one, and its coefficients are kept all the same.
type jpegFrame struct {
	progressive bool
	// components have a sampling factor across and one down each.
	components [][2]int64
}

// readFrame reads a frame header's body. Factors that no decoder takes are left as they are: such a header is refused before this counts.
func readFrame(marker byte, body []byte) jpegFrame {
	const head, each = 6, 3
	frame := jpegFrame{progressive: marker == 0xc2}
	for at := head; at+each <= len(body); at += each {
		frame.components = append(frame.components, [2]int64{int64(body[at+1] >> 4), int64(body[at+1] & 0xf)})
	}
	if len(frame.components) == 1 {
		// The factors of a single component mean nothing.
		frame.components[0] = [2]int64{1, 1}
	}
	return frame
}

// samples is how many levels the decoder's planes hold: whole units of the largest component, so that thin pictures take more than their pixels.
func (f jpegFrame) samples(width, height int) int64 {
	const block = 8
	if len(f.components) == 0 {
		return 0
	}
	across, down := block*max(1, f.components[0][0]), block*max(1, f.components[0][1])
	units := (int64(width) + across - 1) / across * ((int64(height) + down - 1) / down)
	blocks := int64(0)
	for _, c := range f.components {
		blocks += c[0] * c[1]
	}
	return units * blocks * block * block
}

// jpegMemory is what image/jpeg takes: planes, the coefficients of a progressive picture as 32-bit numbers until the last scan, and one picture
// more where four planes are put together.
func jpegMemory(frame jpegFrame, info PhotoInfo) int64 {
	const coefficient, cmyk = 4, 4
	samples := frame.samples(info.Width, info.Height)
	bytes := samples
	if frame.progressive {
		bytes += coefficient * samples
	}
	if len(frame.components) == 4 {
		bytes += cmyk * info.pixels()
	}
	return bytes
}

// pngMemory is what image/png takes: one picture, and the parts of an interlaced one beside it. Where the depth and the interlacing stand
// is fixed, and the header has been read.
func pngMemory(data []byte, info PhotoInfo) int64 {
	const depthAt, interlaceAt = 24, 28
	perPixel := int64(4)
	if len(data) > depthAt && data[depthAt] == 16 {
		perPixel = 8
	}
	if len(data) > interlaceAt && data[interlaceAt] != 0 {
		perPixel *= 2
	}
	return perPixel * info.pixels()
}
