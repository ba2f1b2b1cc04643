package person

import "github.com/braincreators/tryon-operator/internal/synth/draw"

// skinTones follow the spirit of the ten steps of the Monk scale, from light to deep.
var skinTones = []draw.RGB{
	draw.Hex(0xf6e1d3), draw.Hex(0xf2d3be), draw.Hex(0xeec6a6), draw.Hex(0xe3b38c), draw.Hex(0xd49c73),
	draw.Hex(0xbb8058), draw.Hex(0x9c6644), draw.Hex(0x7d4f35), draw.Hex(0x603b2a), draw.Hex(0x472c22),
}

var hairColours = []draw.RGB{
	draw.Hex(0x221c1f), draw.Hex(0x2f2422), draw.Hex(0x46312a), draw.Hex(0x63412f), draw.Hex(0x83583a), draw.Hex(0xa8774a),
	draw.Hex(0xcfa469), draw.Hex(0xe0c48e), draw.Hex(0x9a4a2c), draw.Hex(0xb9b2ac), draw.Hex(0x6d2f3c),
}

// studios are the two tones of a plain backdrop: centre and rim.
var studios = [][2]draw.RGB{
	{draw.Hex(0xf4f2ef), draw.Hex(0xdedad4)}, {draw.Hex(0xeff2f4), draw.Hex(0xd5dce2)}, {draw.Hex(0xf6efe8), draw.Hex(0xe4d6c8)},
	{draw.Hex(0xeef3ee), draw.Hex(0xd3ddd2)}, {draw.Hex(0xf5eded), draw.Hex(0xe2d2d3)}, {draw.Hex(0xf0eef5), draw.Hex(0xd8d3e2)},
	{draw.Hex(0xf3f3f3), draw.Hex(0xd9d9d9)}, {draw.Hex(0xf5f1e3), draw.Hex(0xe3dac0)},
}

var trouserColours = []draw.RGB{
	draw.Hex(0x2f4163), draw.Hex(0x48607f), draw.Hex(0x7f97b2), draw.Hex(0x2b2c33), draw.Hex(0x3b3b3f), draw.Hex(0x6b6459),
	draw.Hex(0xa4937a), draw.Hex(0xc7b899), draw.Hex(0x55604c), draw.Hex(0x6e4a3f), draw.Hex(0x8b8d92), draw.Hex(0x3d2f45),
}

// shadeSkin warms lights and shadows, so that skin looks alive instead of grey.
func shadeSkin(skin draw.RGB, light float64) draw.RGB {
	if light >= 1 {
		return skin.Mix(draw.RGB{R: 1, G: 0.96, B: 0.9}, draw.Clamp((light-1)*1.6, 0, 0.5))
	}
	deep := draw.RGB{R: skin.R * 0.66, G: skin.G * 0.48, B: skin.B * 0.44}
	return skin.Mix(deep, draw.Clamp((1-light)*1.25, 0, 1))
}
