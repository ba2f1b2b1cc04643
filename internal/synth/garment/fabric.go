package garment

import "github.com/braincreators/tryon-operator/internal/synth/draw"

// lightestCloth keeps even white cloth apart from the flat photograph's background, as light does on real cloth.
const lightestCloth = 0.87

// fabrics are curated garment colours: a base that stands out from the 246 grey of the flat photograph, and companions.
var fabrics = []struct {
	base      draw.RGB
	companion []draw.RGB
}{
	{draw.Hex(0x1f3a5f), []draw.RGB{draw.Hex(0xf2e9dc), draw.Hex(0xd96c4f), draw.Hex(0x8fb8de)}},
	{draw.Hex(0xc8553d), []draw.RGB{draw.Hex(0xf7e3c6), draw.Hex(0x2d3047), draw.Hex(0xf2b880)}},
	{draw.Hex(0x588157), []draw.RGB{draw.Hex(0xf0ead2), draw.Hex(0x344e41), draw.Hex(0xdda15e)}},
	{draw.Hex(0xe0a458), []draw.RGB{draw.Hex(0x5c374c), draw.Hex(0xfff0d4), draw.Hex(0x2a4d69)}},
	{draw.Hex(0x8e4162), []draw.RGB{draw.Hex(0xf4d9d0), draw.Hex(0x41292c), draw.Hex(0xe3a0b1)}},
	{draw.Hex(0xd8cfc0), []draw.RGB{draw.Hex(0x2f3e46), draw.Hex(0xb5523b), draw.Hex(0x6b705c)}},
	{draw.Hex(0x2b2d42), []draw.RGB{draw.Hex(0xedf2f4), draw.Hex(0xef233c), draw.Hex(0x8d99ae)}},
	{draw.Hex(0x3a7d8c), []draw.RGB{draw.Hex(0xf6f0e0), draw.Hex(0x12343b), draw.Hex(0xf2a65a)}},
	{draw.Hex(0xe07a9b), []draw.RGB{draw.Hex(0xfff0f3), draw.Hex(0x6d214f), draw.Hex(0xffd166)}},
	{draw.Hex(0x7a6bb0), []draw.RGB{draw.Hex(0xf0ebfa), draw.Hex(0x2e2650), draw.Hex(0xf3b0c3)}},
	{draw.Hex(0xb6c9d6), []draw.RGB{draw.Hex(0x24466b), draw.Hex(0xf5f5f0), draw.Hex(0xd1495b)}},
	{draw.Hex(0xc92c3c), []draw.RGB{draw.Hex(0xfaf0e6), draw.Hex(0x22181c), draw.Hex(0xf4b942)}},
	{draw.Hex(0x6f8f72), []draw.RGB{draw.Hex(0xfbf5e6), draw.Hex(0x3a4a3c), draw.Hex(0xe9c46a)}},
	{draw.Hex(0x5a4632), []draw.RGB{draw.Hex(0xe9d8a6), draw.Hex(0xbb6b3c), draw.Hex(0xf2efe9)}},
	{draw.Hex(0xe8c7bd), []draw.RGB{draw.Hex(0x8c4a4a), draw.Hex(0xfff8f3), draw.Hex(0x4a5a6a)}},
	{draw.Hex(0x2a9d8f), []draw.RGB{draw.Hex(0xf7f2e2), draw.Hex(0x264653), draw.Hex(0xe76f51)}},
	{draw.Hex(0x4b4b52), []draw.RGB{draw.Hex(0xe9e9ee), draw.Hex(0xe2b93b), draw.Hex(0x9aa0a8)}},
	{draw.Hex(0xf0c94a), []draw.RGB{draw.Hex(0x3b3a3c), draw.Hex(0xfff6da), draw.Hex(0xc8553d)}},
	{draw.Hex(0xa7bfa0), []draw.RGB{draw.Hex(0x3f5b46), draw.Hex(0xfdf9ec), draw.Hex(0xc97b63)}},
	{draw.Hex(0x3f5fb0), []draw.RGB{draw.Hex(0xf5f3ec), draw.Hex(0xf2c14e), draw.Hex(0x1d2a52)}},
}
